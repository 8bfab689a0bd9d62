/// All that is on record of one process.
package struct LedgerProcess: Equatable, Sendable {
    package let token: UInt64
    package let accepted: LedgerRecord.Accepted
    package internal(set) var begun: LedgerRecord.Begun?
    package internal(set) var pid: Int32?
    package internal(set) var failed: LedgerRecord.Failed?
    package internal(set) var stopping: LedgerRecord.Stopping?
    package internal(set) var ended: LedgerRecord.Ended?
    /// By the position of their fds.
    package internal(set) var captures: [Int: CaptureRecord] = [:]

    init(token: UInt64, _ accepted: LedgerRecord.Accepted) {
        self.token = token
        self.accepted = accepted
    }

    /// The fewest that say the same.
    package var records: [LedgerRecord] {
        var records = [LedgerRecord.accepted(token: token, accepted)]
        if let begun { records.append(.begun(token: token, begun)) }
        if let pid { records.append(.spawned(token: token, pid: pid)) }
        if let stopping { records.append(.stopping(token: token, stopping)) }
        if let ended { records.append(.ended(token: token, ended)) }
        if let failed { records.append(.failed(token: token, failed)) }
        for (position, capture) in captures.sorted(by: { $0.key < $1.key }) {
            records.append(.capture(token: token, position: position, capture))
        }
        return records
    }
}
