internal import CKeeper
internal import CLinux
internal import Glibc
internal import ProcCore
internal import ProcIO

/// Starts processes as children of this one: they are lost with it.
final class OwnParent: Parent {
    let isBusy = false
    /// Never called: it never is busy.
    var whenReady: () -> Void = {}

    /// The children's soft limit of open files.
    private let fileLimit: Int
    /// Taken once: by now the program has set all the dispositions that it ever sets.
    private let resetSignals = clinux_signals_not_default()

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
        guard result == 0 else { throw SpawnStage(stage).failure(-result, plan.executable) }
        return Launched(pid: pid, pidfd: SharedFD(OwnedFD(adopting: pidfd).settled()))
    }

    func collect(_ child: Child, reaps: Bool, then: @escaping (Collection) -> Void) {
        // /proc/PID/stat first: there is nothing to read once the zombie is gone.
        let stat = ProcFile.stat.read(child.pid) ?? []
        var status: CInt = 0
        var usage = rusage()
        let found = (reaps ? clinux_reap : clinux_peek)(child.pid, &status, &usage)
        guard found != 0 else { return then(.notYet) }
        precondition(found == child.pid, "wait doesn't know of a child: \(found)")
        then(.ended(Ending(status: WaitStatus(raw: status), usage: ResourceUsage(usage), stat: stat)))
    }

    func reap(_ child: Child) {
        var status: CInt = 0
        var usage = rusage()
        let reaped = clinux_reap(child.pid, &status, &usage)
        precondition(reaped == child.pid, "wait4 of a zombie: \(reaped)")
    }

    /// Whether a process is a child of this one, zombies included.
    func isParent(of child: Child) -> Bool {
        var status: CInt = 0
        var usage = rusage()
        return clinux_peek(child.pid, &status, &usage) >= 0
    }

    func forget(_ child: Child) {}

    func hold(_ held: HeldDescriptor, for token: UInt64, then: @escaping () -> Void) { then() }

    func drop(_ tag: HoldTag, of token: UInt64) {}
}

extension SpawnStage {
    fileprivate init(_ stage: clinux_spawn_stage) {
        switch stage {
        case CLINUX_SPAWN_EXEC: self = .exec
        case CLINUX_SPAWN_SETUP: self = .setUp
        default: self = .clone
        }
    }
}
