/// What the records of a ledger say, all together.
package struct LedgerImage: Sendable {
    /// The one that took the ledger last.
    package private(set) var agent: LedgerRecord.Agent?
    /// In the order in which they were accepted; nil for those that are forgotten.
    private var accepted: [LedgerProcess?] = []
    /// Where they stand there, by token.
    private var places: [UInt64: Int] = [:]

    package init() {}

    /// Those that aren't forgotten, in the order in which they were accepted.
    package var processes: [LedgerProcess] {
        accepted.compactMap(\.self)
    }

    package subscript(token token: UInt64) -> LedgerProcess? { places[token].flatMap { accepted[$0] } }

    /// The fewest records that say the same.
    package var records: [LedgerRecord] {
        var records: [LedgerRecord] = []
        if let agent { records.append(.agent(agent)) }
        return records + processes.flatMap(\.records)
    }

    /// Takes in the next record. Of a process that isn't known, or is accepted a second time, nothing is taken.
    package mutating func apply(_ record: LedgerRecord) {
        switch record {
        case .agent(let agent): self.agent = agent
        case .accepted(let token, let accepted):
            guard places[token] == nil else { return }
            places[token] = self.accepted.count
            self.accepted.append(LedgerProcess(token: token, accepted))
        case .begun(let token, let begun): change(token) { $0?.begun = begun }
        case .spawned(let token, let pid): change(token) { $0?.pid = pid }
        case .failed(let token, let failed): change(token) { $0?.failed = failed }
        case .stopping(let token, let stopping): change(token) { $0?.stopping = stopping }
        case .ended(let token, let ended): change(token) { $0?.ended = ended }
        case .capture(let token, let position, let capture): change(token) { $0?.captures[position] = capture }
        case .forgotten(let token):
            if let place = places.removeValue(forKey: token) { accepted[place] = nil }
        }
    }

    private mutating func change(_ token: UInt64, _ body: (inout LedgerProcess?) -> Void) {
        if let place = places[token] { body(&accepted[place]) }
    }
}
