package import ProcCore
internal import ProcIO

/// What an operator wants to know of a process, in a line of the log.
package struct ProcessAccount: Equatable, Sendable {
    /// Nil when nothing was started.
    package let pid: Int32?
    /// `exit code 3`, `SIGTERM`; nil as long as it runs, and when nothing was started.
    package let outcome: String?
    package let elapsed: Interval
    package let errors: [String]
    /// Whether nobody knows how it ended.
    package let isLost: Bool

    init(_ entry: ProcessEntry) {
        pid = entry.pid > 0 ? entry.pid : nil
        outcome = entry.remains.map { remains in
            if let signal = remains.status.signal { return signal.name }
            return "exit code \(remains.status.exitCode ?? 0)"
        }
        elapsed = (entry.stopInstant ?? .now).since(entry.startInstant)
        errors = entry.errors
        isLost = entry.isLost
    }
}

extension ProcessTable {
    /// Nil when there is none of this id.
    package func account(of id: String) -> ProcessAccount? { entries[id].map { ProcessAccount($0) } }
}
