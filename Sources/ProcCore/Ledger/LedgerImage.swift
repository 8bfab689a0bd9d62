/// What the records of a ledger say, all together.
package struct LedgerImage: Sendable {
    private struct Place {
        /// Counted up from one acceptance to the next.
        let number: Int
        var process: LedgerProcess
    }

    /// The one that took the ledger last.
    package private(set) var agent: LedgerRecord.Agent?
    private var places: [UInt64: Place] = [:]
    private var acceptances = 0

    package init() {}

    /// Those that aren't forgotten, in the order in which they were accepted.
    package var processes: [LedgerProcess] {
        places.values.sorted { $0.number < $1.number }.map(\.process)
    }

    package subscript(token token: UInt64) -> LedgerProcess? { places[token]?.process }

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
            acceptances += 1
            places[token] = Place(number: acceptances, process: LedgerProcess(token: token, accepted))
        case .begun(let token, let begun): places[token]?.process.begun = begun
        case .spawned(let token, let pid): places[token]?.process.pid = pid
        case .failed(let token, let failed): places[token]?.process.failed = failed
        case .stopping(let token, let stopping): places[token]?.process.stopping = stopping
        case .ended(let token, let ended): places[token]?.process.ended = ended
        case .capture(let token, let position, let capture): places[token]?.process.captures[position] = capture
        case .forgotten(let token): places[token] = nil
        }
    }
}
