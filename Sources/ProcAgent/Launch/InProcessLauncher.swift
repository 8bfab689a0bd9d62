internal import CLinux
internal import Glibc
internal import ProcCore
internal import ProcIO

/// Starts processes as children of this one.
final class InProcessLauncher: Launcher {
    /// The children's soft limit of open files.
    private let fileLimit: Int
    /// Taken once: by now the program has set all the dispositions that it ever sets.
    private let resetSignals = clinux_signals_not_default()

    convenience init(_ inheritance: Inheritance) { self.init(fileLimit: inheritance.fileLimit) }

    init(fileLimit: Int) { self.fileLimit = fileLimit }

    func launch(_ plan: LaunchPlan, then: @escaping (Result<Launched, StartFailure>) -> Void) {
        do {
            then(.success(try start(plan)))
        } catch {
            then(.failure(error))
        }
    }

    private func start(_ plan: LaunchPlan) throws(StartFailure) -> Launched {
        let fds = FdPlan(mapping: plan.descriptors.mapValues(\.number))
        var copies: [CInt] = []
        copies.reserveCapacity(2 * fds.copies.count)
        for copy in fds.copies {
            copies.append(copy.source)
            copies.append(copy.target)
        }
        var pid: pid_t = 0
        var pidfd: CInt = -1
        var stage = CLINUX_SPAWN_CLONE
        let result = plan.executable.withCString { executable in
            plan.argv.withPointers { argv in
                plan.environment.withPointers { envp in
                    copies.withUnsafeBufferPointer { copies in
                        fds.closes.withUnsafeBufferPointer { closes in
                            var spawn = clinux_spawn_plan(
                                executable: executable, argv: argv, envp: envp, copies: copies.baseAddress,
                                copy_count: copies.count / 2, closes: closes.baseAddress, close_count: closes.count,
                                close_from: fds.closeFrom, working_directory: plan.directory?.rawValue ?? -1,
                                file_limit: rlim_t(fileLimit), reset_signals: resetSignals)
                            return clinux_spawn(&spawn, &pid, &pidfd, &stage)
                        }
                    }
                }
            }
        }
        guard result == 0 else { throw Self.failure(-result, at: stage, plan.executable) }
        return Launched(pid: pid, pidfd: SharedFD(OwnedFD(adopting: pidfd).settled()))
    }

    private static func failure(
        _ errno: CInt, at stage: clinux_spawn_stage, _ executable: String
    ) -> StartFailure {
        let reason = SystemError.reason(of: errno)
        guard stage == CLINUX_SPAWN_CLONE else {
            return stage == CLINUX_SPAWN_EXEC
                ? .execution(executable, reason: reason) : .spawn(executable, reason: "set-up: \(reason)")
        }
        switch errno {
        case EAGAIN: return .spawn(executable, reason: "\(reason): the limit of processes is reached (ulimit -u)")
        case EMFILE, ENFILE: return .spawn(executable, reason: "\(reason): no descriptor is left to watch it by")
        default: return .spawn(executable, reason: reason)
        }
    }
}
