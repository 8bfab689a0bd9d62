import ProcCore
import TestSupport
import Testing

/// A ledger's meaning in the simplest words: of each process the last record of each kind.
private struct Model {
    var order: [UInt64] = []
    var latest: [UInt64: [String: LedgerRecord]] = [:]
    var agent: LedgerRecord.Agent?

    mutating func apply(_ record: LedgerRecord) {
        switch record {
        case .agent(let agent): self.agent = agent
        case .accepted(let token, _):
            guard latest[token] == nil else { return }
            order.append(token)
            latest[token] = ["accepted": record]
        case .forgotten(let token):
            order.removeAll { $0 == token }
            latest[token] = nil
        case .capture(let token, let position, _): latest[token]?["capture \(position)"] = record
        case .begun(let token, _): latest[token]?["begun"] = record
        case .spawned(let token, _): latest[token]?["spawned"] = record
        case .failed(let token, _): latest[token]?["failed"] = record
        case .stopping(let token, _): latest[token]?["stopping"] = record
        case .ended(let token, _): latest[token]?["ended"] = record
        }
    }

    /// Whether `image` says the same.
    func agrees(with image: LedgerImage) -> Bool {
        guard image.processes.map(\.token) == order, image.agent == agent else { return false }
        return image.processes.allSatisfy { process in
            let expected = latest[process.token] ?? [:]
            return process.records.count == expected.count
                && expected.values.allSatisfy { process.records.contains($0) }
                && image[token: process.token] == process
        }
    }
}

@Suite struct LedgerImageTests {
    @Test(arguments: 0..<20 as Range<UInt64>)
    func whateverIsAppliedItIsWhatTheModelSays(seed: UInt64) throws {
        var history = LedgerHistory(seed: 100 + seed)
        var image = LedgerImage()
        var model = Model()
        for step in 0..<400 {
            let record = history.next()
            image.apply(record)
            model.apply(record)
            #expect(model.agrees(with: image), "after step \(step), \(record)")
        }
    }

    @Test(arguments: 0..<20 as Range<UInt64>)
    func itsOwnRecordsSayTheSameAndWhatFollowsThemToo(seed: UInt64) throws {
        var history = LedgerHistory(seed: 200 + seed)
        var image = LedgerImage()
        for _ in 0..<300 { image.apply(history.next()) }
        var shorter = LedgerImage()
        for record in image.records { shorter.apply(record) }
        #expect(shorter.records == image.records)
        for _ in 0..<300 {
            let record = history.next()
            image.apply(record)
            shorter.apply(record)
        }
        #expect(shorter.records == image.records)
    }
}
