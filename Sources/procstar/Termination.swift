internal import CLinux
internal import Glibc
internal import ProcCore

/// What procstar itself exits with.
enum ExitStatus {
    static let success: CInt = 0
    /// The results could not be delivered, or the system doesn't let procstar work at all.
    static let failure: CInt = 1
    /// The command line or the spec is wrong; nothing was started.
    static let usage: CInt = 2
}

/// The signals that are handled on the loop; SIGHUP unless nohup(1) has had it ignored.
let handledSignals =
    [SIGTERM, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2]
    + (clinux_signals_not_default() >> (SIGHUP - 1) & 1 == 0 ? [SIGHUP] : [])

/// Runs the program's main job; why it can't be done is said, and becomes the exit status.
func exitStatus(of job: () throws -> CInt) -> CInt {
    do {
        return try job()
    } catch let error as SystemError {
        complain("\(error)")
        return ExitStatus.failure
    } catch {
        complain("\(error)")
        return ExitStatus.usage
    }
}

/// Says on standard error, after `procstar: `, why something can't be done.
func complain(_ problem: String) {
    let line = Array("procstar: \(problem)\n".utf8)
    _ = write(STDERR_FILENO, line, line.count)
}

/// The command line, without the program's own name in front.
func programArguments() -> [String] {
    (1..<max(1, clinux_argument_count())).compactMap { index in
        clinux_argument(index).map { String(cString: $0) }
    }
}

/// The environment, as far as it is text.
func environmentVariables() -> [String: String] {
    var variables: [String: String] = [:]
    var next = environ
    while let entry = next.pointee {
        let text = String(cString: entry)
        if let equals = text.firstIndex(of: "=") {
            variables[String(text[..<equals])] = String(text[text.index(after: equals)...])
        }
        next += 1
    }
    return variables
}
