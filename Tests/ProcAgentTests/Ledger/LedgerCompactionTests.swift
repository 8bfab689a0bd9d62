import Glibc
import ProcCore
import ProcIO
import TestSupport
import Testing

@testable import ProcAgent

@Suite struct LedgerCompactionTests {
    /// Appends at random, also while the worker compacts, until that has happened `times` times.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func whateverIsAppendedMeanwhileBothFilesAreCompleteUntilTheNewOneIsHeld(seed: UInt64) throws {
        let bed = try LedgerBed()
        let ledger = try bed.makeLedger()
        var history = LedgerHistory(seed: 1000 + seed, specLength: 6000)
        var replacements: [SharedFD] = []
        ledger.onReplaced = { replacements.append($0) }
        var former = ledger.file
        for round in 1...2 {
            var largest = 0
            try bed.run("compaction \(round)", seen: { "\(ledger.count) bytes" }) {
                let burst = Int(history.numbers.next() % 60)
                try bed.append((0..<burst).map { _ in history.next() }, to: ledger, atOnce: round == 2)
                largest = max(largest, ledger.count)
                return replacements.count == round
            }
            #expect(largest > Ledger.slack && ledger.count < largest)
            #expect(replacements.last === ledger.file && ledger.file !== former)
            #expect(try bed.isComplete(ledger.file) && bed.isComplete(former))

            try bed.append((0..<50).map { _ in history.next() }, to: ledger)
            #expect(try bed.isComplete(ledger.file) && bed.isComplete(former))
            ledger.replacementIsHeld()
            let size = LedgerBed.size(former)
            try bed.append((0..<50).map { _ in history.next() }, to: ledger)
            #expect(try bed.isComplete(ledger.file))
            #expect(LedgerBed.size(former) == size)
            former = ledger.file
        }
        #expect(bed.warnings.isEmpty)
    }

    @Test func whatComesInPlentyMeanwhileIsCopiedByTheWorker() throws {
        let bed = try LedgerBed()
        let ledger = try bed.makeLedger()
        var isReplaced = false
        ledger.onReplaced = { _ in isReplaced = true }
        let text = String(repeating: "x", count: 100_000)
        var token: UInt64 = 0
        func fill(_ bytes: Int) throws {
            let end = ledger.count + bytes
            while ledger.count < end {
                token += 1
                try bed.append(
                    [
                        .accepted(token: token, .init(id: text, spec: .null, request: 0, index: 0)),
                        .forgotten(token: token - 1),
                    ], to: ledger)
            }
        }
        try fill(Ledger.slack + 1)
        // It has begun, and its result waits for the loop: far more than the loop would copy itself.
        try fill(3 << 20)
        bed.run("the compaction", until: { isReplaced })
        #expect(ledger.count < 4 << 20)
        #expect(try bed.isComplete(ledger.file))
    }

    @Test func aLedgerThatIsNotShorterIsNotCompactedAgainUntilItIsTwiceAsLarge() throws {
        let bed = try LedgerBed()
        let ledger = try bed.makeLedger()
        var count = 0
        ledger.onReplaced = { _ in
            count += 1
            ledger.replacementIsHeld()
        }
        let text = String(repeating: "x", count: 1 << 20)
        var token: UInt64 = 0
        func append() throws {
            token += 1
            try bed.append([.accepted(token: token, .init(id: text, spec: .null, request: 0, index: 0))], to: ledger)
        }
        while ledger.count <= Ledger.slack { try append() }
        bed.run("the first", until: { count == 1 })
        let threshold = Ledger.slack + 2 * ledger.count
        while ledger.count + 2 * text.utf8.count < threshold { try append() }
        bed.run("what is under way", until: { bed.worker.backlog == 0 })
        #expect(count == 1)
        while ledger.count <= threshold { try append() }
        bed.run("the second", until: { count == 2 })
        #expect(try bed.isComplete(ledger.file))
        ledger.onReplaced = { _ in }
    }

    @Test func aLedgerThatCannotBeReadBackStaysAndIsTriedAgainLater() throws {
        let bed = try LedgerBed()
        let ledger = try bed.makeLedger()
        var isReplaced = false
        ledger.onReplaced = { _ in isReplaced = true }
        try bed.append([.agent(.init(pid: 4, version: "1", time: WallTime(nanoseconds: 5)))], to: ledger)
        /// Turns the last bit of the first record.
        func damage() throws {
            var byte: UInt8 = 0
            let place = LedgerHeader.count + 10
            try #require(pread(ledger.file.rawValue, &byte, 1, place) == 1)
            byte ^= 1
            try #require(pwrite(ledger.file.rawValue, &byte, 1, place) == 1)
        }
        func grow(to count: Int) throws {
            let text = String(repeating: "x", count: 1 << 20)
            while ledger.count <= count {
                try bed.append([.agent(.init(pid: 1, version: text, time: .now))], to: ledger)
            }
        }
        try damage()
        try grow(to: Ledger.slack)
        bed.run("a warning", until: { !bed.warnings.isEmpty })
        #expect(
            bed.warnings == ["can't compact the ledger, which has 4 MiB: record at byte 32: it is damaged"])
        try damage()
        #expect(!isReplaced)
        #expect(try bed.isComplete(ledger.file))

        try grow(to: ledger.count + Ledger.slack)
        bed.run("the next attempt", until: { isReplaced })
        #expect(try bed.isComplete(ledger.file))
        #expect(bed.warnings.count == 1)
    }
}
