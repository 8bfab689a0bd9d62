internal import ProcIO

/// What is tried, in this order.
enum CheckStep: String, CaseIterable {
    case openFiles = "open files"
    case processes
    case captureFolder = "capture folder"
    case keeper
    case stateFolder = "state folder"
    case spec
    case token = "access token"
    case trust = "trust anchors"
    case name
    case connect
    case tls = "TLS"
    case webSocket = "WebSocket"
    case registration
    case close
}

/// What came out of a step.
enum CheckFinding: Equatable {
    /// - Parameter text: What was found.
    case good(_ text: String)
    /// It works, and may be a trouble yet.
    ///
    /// - Parameter advice: What to do about it.
    case warning(_ text: String, advice: String)
    case failure(_ text: String, advice: String?)
    /// - Parameter after: The step that it would have needed.
    case skipped(after: CheckStep)
}

/// The findings of a check and how they are shown: a line for each.
struct CheckReport {
    /// What the terminal can show.
    struct Style: Equatable {
        var isColored = false
        /// Whether the marks are those of Unicode.
        var hasMarks = true

        init(isColored: Bool, hasMarks: Bool) {
            self.isColored = isColored
            self.hasMarks = hasMarks
        }

        /// As the environment wants it (`NO_COLOR`, `TERM`, locale(7)).
        init(isTerminal: Bool, environment: [String: String]) {
            let objects = !(environment["NO_COLOR"] ?? "").isEmpty || environment["TERM"] == "dumb"
            isColored = isTerminal && !objects
            let locale = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap { environment[$0] }.first { !$0.isEmpty } ?? ""
            hasMarks = ["utf-8", "utf8"].contains { locale.lowercased().hasSuffix($0) }
        }
    }

    private(set) var findings: [(step: CheckStep, finding: CheckFinding)] = []
    let style: Style

    init(style: Style) { self.style = style }

    /// Takes a finding; its line.
    mutating func add(_ step: CheckStep, _ finding: CheckFinding) -> String {
        findings.append((step, finding))
        return line(step, finding)
    }

    var failed: [CheckStep] {
        findings.filter { if case .failure = $0.finding { true } else { false } }.map(\.step)
    }

    /// The last line.
    var summary: String {
        guard failed.isEmpty else { return "failed: " + failed.map(\.rawValue).joined(separator: ", ") }
        let warnings = findings.count { if case .warning = $0.finding { true } else { false } }
        let rest = warnings == 0 ? "" : warnings == 1 ? ", with 1 warning" : ", with \(warnings) warnings"
        return "all that an agent needs is there\(rest)"
    }

    private func line(_ step: CheckStep, _ finding: CheckFinding) -> String {
        let (mark, plain, color, text) =
            switch finding {
            case .good(let text): ("✓", "[ok]", 32, text)
            case .warning(let text, let advice): ("!", "[!!]", 33, "\(text); \(advice)")
            case .failure(let text, let advice): ("✗", "[no]", 31, advice.map { "\(text); \($0)" } ?? text)
            case .skipped(let cause): ("-", "[--]", 2, "skipped, because \(cause.rawValue) failed")
            }
        let shown = style.hasMarks ? mark : plain
        let colored = style.isColored ? "\u{1b}[\(color)m\(shown)\u{1b}[0m" : shown
        // The server has chosen some of the words.
        return "\(colored) \(step.rawValue): \(LogText.visible(text))"
    }
}
