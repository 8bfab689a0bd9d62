/// How much a log line matters; the lowest comes first.
package enum LogLevel: String, CaseIterable, Comparable, Sendable {
    /// Every event of the loop.
    case trace
    /// What explains a surprise afterwards.
    case debug
    /// What an operator wants to see of a normal run.
    case info
    /// Something is not as asked for, and the run goes on.
    case warn
    /// Something that was asked for does not happen.
    case error

    private var rank: Int {
        switch self {
        case .trace: 0
        case .debug: 1
        case .info: 2
        case .warn: 3
        case .error: 4
        }
    }

    package static func < (a: LogLevel, b: LogLevel) -> Bool { a.rank < b.rank }

    /// Five characters wide, so that messages stand under each other.
    var label: String {
        switch self {
        case .trace: "TRACE"
        case .debug: "DEBUG"
        case .info: "INFO "
        case .warn: "WARN "
        case .error: "ERROR"
        }
    }

    /// The escape sequence for its colour on a terminal: quiet, plain, loud.
    var color: String {
        switch self {
        case .trace, .debug: "\u{1b}[2m"
        case .info: "\u{1b}[32m"
        case .warn: "\u{1b}[33m"
        case .error: "\u{1b}[31m"
        }
    }
}

/// How a log line is written.
package enum LogFormat: String, CaseIterable, Sendable {
    /// `2026-01-31T12:00:00.123Z INFO  started processes from specs count=3`
    case text
    /// `{"time":"2026-01-31T12:00:00.123Z","level":"info","message":"started processes from specs","count":3}`
    case json
}
