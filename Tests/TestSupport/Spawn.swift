package import CLinux
internal import Glibc
internal import ProcCore

/// Starts `argv` in a session of its own with `fds` (its number to ours) and nothing else open.
///
/// - Parameter environment: `NAME=VALUE` each; nil: the test's own.
package func spawn(
    _ argv: [String], fds: [CInt: CInt], environment: [String]? = nil, directory: String? = nil
) throws -> pid_t {
    let plan = FdPlan(mapping: fds)
    let copies = plan.copies.flatMap { [$0.source, $0.target] }
    var limit = rlimit()
    _ = clinux_get_file_limit(&limit)
    let folder = directory.map { clinux_open(clinux_at_cwd, $0, clinux_o_path | clinux_o_directory, 0) } ?? -1
    defer { if folder >= 0 { close(folder) } }
    var pid: pid_t = 0
    var pidfd: CInt = -1
    var stage = CLINUX_SPAWN_CLONE
    let result = CStringBlock(argv).withPointers { arguments in
        CStringBlock(environment ?? ownEnvironment()).withPointers { variables in
            argv[0].withCString { path in
                copies.withUnsafeBufferPointer { copies in
                    plan.closes.withUnsafeBufferPointer { closes in
                        var spawn = clinux_spawn_plan(
                            executable: path, argv: arguments, envp: variables, copies: copies.baseAddress,
                            copy_count: copies.count / 2, closes: closes.baseAddress, close_count: closes.count,
                            close_from: plan.closeFrom, working_directory: folder, file_limit: limit.rlim_cur,
                            reset_signals: clinux_signals_not_default())
                        return clinux_spawn(&spawn, &pid, &pidfd, &stage)
                    }
                }
            }
        }
    }
    guard result == 0 else { throw SystemError("start", on: argv[0], errno: -result) }
    close(pidfd)
    return pid
}

private func ownEnvironment() -> [String] {
    var entries: [String] = []
    var next = environ
    while let entry = next.pointee {
        entries.append(String(cString: entry))
        next += 1
    }
    return entries
}
