internal import CLinux
internal import Glibc
internal import ProcCore
internal import ProcIO

/// Starts processes as children of this one (posix_spawn(3)).
final class InProcessLauncher: Launcher {
    private let inheritance: Inheritance

    init(_ inheritance: Inheritance) { self.inheritance = inheritance }

    func launch(_ plan: LaunchPlan, then: @escaping (Result<Launched, StartFailure>) -> Void) {
        do {
            then(.success(try start(plan)))
        } catch {
            then(.failure(error))
        }
    }

    private func start(_ plan: LaunchPlan) throws(StartFailure) -> Launched {
        let (fds, lifted) = try arrange(plan.descriptors.mapValues(\.number), plan.executable)
        let pid = try withExtendedLifetime(lifted) { () throws(StartFailure) in try spawn(plan, fds) }
        return Launched(pid: pid, pidfd: try Self.pidfd(of: pid, plan.executable))
    }

    /// A plan that keeps below the child's limit of open files. Where numbers are to be swapped and none is left
    /// for it below the limit, what stands at them is first copied above, here in the parent.
    private func arrange(
        _ mapping: [CInt: CInt], _ executable: String
    ) throws(StartFailure) -> (plan: FdPlan, lifted: [SharedFD]) {
        let plan = FdPlan(mapping: mapping)
        guard let spare = plan.spare, Int(spare) >= inheritance.fileLimit else { return (plan, []) }
        var lifted: [CInt: SharedFD] = [:]
        for source in Set(mapping.values) where mapping[source] != nil {
            let copy = clinux_dup_above(source, CInt(clamping: inheritance.fileLimit))
            guard copy >= 0 else { throw .spawn(executable, reason: SystemError.reason(of: EMFILE)) }
            lifted[source] = SharedFD(OwnedFD(adopting: copy))
        }
        return (FdPlan(mapping: mapping.mapValues { lifted[$0]?.rawValue ?? $0 }), Array(lifted.values))
    }

    private func spawn(_ plan: LaunchPlan, _ fds: FdPlan) throws(StartFailure) -> pid_t {
        var copies: [CInt] = []
        copies.reserveCapacity(2 * fds.copies.count)
        for copy in fds.copies {
            copies.append(copy.source)
            copies.append(copy.target)
        }
        var pid: pid_t = 0
        let result = plan.executable.withCString { executable in
            plan.argv.withPointers { argv in
                plan.environment.withPointers { envp in
                    copies.withUnsafeBufferPointer { copies in
                        fds.closes.withUnsafeBufferPointer { closes in
                            var spawn = clinux_spawn_plan(
                                executable: executable, argv: argv, envp: envp, copies: copies.baseAddress,
                                copy_count: copies.count / 2, closes: closes.baseAddress, close_count: closes.count,
                                close_from: fds.closeFrom, working_directory: plan.directory?.rawValue ?? -1,
                                file_limit: rlim_t(inheritance.fileLimit))
                            return clinux_spawn(&spawn, &pid)
                        }
                    }
                }
            }
        }
        guard result == 0 else { throw Self.failure(-result, executable: plan.executable) }
        return pid
    }

    private static func pidfd(of pid: pid_t, _ executable: String) throws(StartFailure) -> SharedFD {
        let pidfd = clinux_pidfd_open(pid)
        guard pidfd >= 0 else {
            // Without it the process could be neither watched nor signalled safely. It is a child and not yet
            // reaped, so the number is its own.
            kill(pid, SIGKILL)
            var status: CInt = 0
            waitpid(pid, &status, 0)
            throw .spawn(executable, reason: "pidfd_open: \(SystemError.reason(of: -pidfd))")
        }
        return SharedFD(OwnedFD(adopting: pidfd))
    }

    private static func failure(_ errno: CInt, executable: String) -> StartFailure {
        let reason = SystemError.reason(of: errno)
        switch errno {
        // What clone(2) says, and exec doesn't.
        case EAGAIN: return .spawn(executable, reason: "\(reason): the limit of processes is reached (ulimit -u)")
        default: return .execution(executable, reason: reason)
        }
    }
}
