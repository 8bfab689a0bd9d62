internal import ProcAgent
internal import ProcCore

// What the machine has to offer, judged.
extension CheckFinding {
    /// What is expected of an agent without anybody's having been asked: so many processes at a time.
    private static let usualProcesses = 1000
    /// What a process with captured output, error and an input of its own takes.
    private static let descriptorsEach = 7

    /// - Parameters:
    ///   - soft: The limit that programs start with, which an agent raises.
    ///   - hard: How far it can.
    static func openFiles(soft: UInt64, hard: UInt64) -> CheckFinding {
        let limit = Int(clamping: hard)
        let processes = max(limit - DescriptorBudget.reserve, 0) / descriptorsEach
        let raised = soft < hard ? " (soft limit \(soft), which the agent raises)" : ""
        let text = "at most \(limit)\(raised), enough for some \(processes) processes at a time"
        guard processes < usualProcesses else { return .good(text) }
        return .warning(text, advice: "for more, raise the hard limit: LimitNOFILE= of a systemd unit, or ulimit -Hn")
    }

    /// - Parameter limit: Of the user's processes; nil for none.
    static func processes(limit: UInt64?) -> CheckFinding {
        guard let limit else { return .good("no limit for this user") }
        let text = "at most \(limit), counting all processes and threads of this user"
        // Twice: few processes have one thread and no children.
        guard limit < 2 * usualProcesses else { return .good(text) }
        return .warning(text, advice: "for more, raise the limit: LimitNPROC= of a systemd unit, or ulimit -u")
    }

    static func captureFolder(_ path: String, _ room: Result<UInt64, SystemError>) -> CheckFinding {
        switch room {
        case .success(let bytes):
            let text = "\(path) takes files and has \(ByteCount(bytes)) free"
            guard bytes < 1 << 30 else { return .good(text) }
            return .warning(text, advice: "make room, or name another folder with --capture-dir")
        case .failure(let error):
            return .failure(error.description, advice: "name a folder that can be written to with --capture-dir")
        }
    }

    static func token(_ token: AccessToken) -> CheckFinding {
        let source =
            switch token.origin {
            case .file(let path, let mode): "from \(path), mode 0\(String(mode, radix: 8))"
            case .environment: "from the variable \(AccessToken.variable)"
            case .nowhere: "none is given"
            }
        guard token.isEmpty else { return .good(source) }
        let text = token.origin == .nowhere ? source : "\(source), and empty"
        return .warning(
            text, advice: "only a server without a token accepts that; give one with --token-file FILE")
    }
}
