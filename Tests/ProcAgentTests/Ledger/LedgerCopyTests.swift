import CLinux
import Glibc
import ProcCore
import ProcIO
import TestSupport
import Testing

@testable import ProcAgent

@Suite struct LedgerCopyTests {
    private let bed: LedgerBed
    private let ledger: Ledger
    private let directory = TemporaryDirectory()
    private var path: String { directory.path("ledger") }

    init() throws {
        bed = try LedgerBed()
        ledger = try bed.makeLedger()
    }

    private func makeCopy(at path: String? = nil) -> LedgerCopy {
        let copy = LedgerCopy(of: ledger, at: path ?? self.path, loop: bed.loop, worker: bed.worker, warn: bed.warn)
        copy.patience = .milliseconds(50)
        return copy
    }

    /// Whether the copy says all that was appended.
    private func isComplete() throws -> Bool {
        guard let reading = try LedgerCopy.read(path) else { return false }
        return reading.tear == nil && reading.image.records == bed.expected.records
    }

    @Test func itLagsAndCatchesUp() throws {
        let copy = makeCopy()
        var history = LedgerHistory(seed: 50)
        for _ in 0..<5 {
            for _ in 0..<30 {
                try bed.append([history.next()], to: ledger)
                copy.noteGrowth()
            }
            // What was appended in this turn can't be there yet.
            #expect(try !isComplete())
            try bed.run("the copy", until: isComplete)
        }
        #expect(try LedgerCopy.read(path)?.header.bootID == .current())
        var status = stat()
        #expect(stat(path, &status) == 0 && status.st_mode & 0o7777 == 0o600)
        #expect(bed.warnings.isEmpty)
    }

    @Test func manyRecordsAreFewJobs() throws {
        let copy = makeCopy()
        var history = LedgerHistory(seed: 51)
        let start = bed.loop.now
        for _ in 0..<200 {
            try bed.append([history.next()], to: ledger)
            copy.noteGrowth()
            #expect(bed.worker.backlog <= 1)
        }
        try bed.run("the copy", until: isComplete)
        #expect(bed.loop.now.since(start) < .seconds(30))
    }

    @Test func aLedgerThatTookTheOthersPlaceReplacesTheCopy() throws {
        let copy = makeCopy()
        ledger.onReplaced = { [ledger] _ in
            ledger.replacementIsHeld()
            copy.noteGrowth()
        }
        try bed.append([.agent(.init(pid: 1, version: "1", time: .now))], to: ledger)
        copy.noteGrowth()
        try bed.run("the first copy", until: isComplete)
        let text = String(repeating: "x", count: 1 << 20)
        for token in 1...5 as ClosedRange<UInt64> {
            try bed.append(
                [
                    .accepted(token: token, .init(id: text, spec: .null, request: 0, index: 0)),
                    .forgotten(token: token),
                ],
                to: ledger)
        }
        try bed.run("the copy of the shorter one") {
            var status = stat()
            return try isComplete() && stat(path, &status) == 0 && status.st_size < 3 << 20
        }
        #expect(access(path + ".new", F_OK) != 0)
        ledger.onReplaced = { _ in }
    }

    @Test func anEarlierCopyStaysUntilTheNewOneIsThere() throws {
        let earlier = LedgerHeader(bootID: nil).bytes
        directory.write(bytes: earlier, to: "ledger")
        directory.write("half of something", to: "ledger.new")
        let copy = makeCopy()
        #expect(try LedgerCopy.read(path)?.image.records == [])
        try bed.append([.agent(.init(pid: 4, version: "1", time: WallTime(nanoseconds: 5)))], to: ledger)
        copy.noteGrowth()
        try bed.run("the copy", until: isComplete)
        #expect(access(path + ".new", F_OK) != 0)
    }

    @Test func anUnwritableFolderIsToldOfOnceAndTriedAgain() throws {
        let folder = directory.path("later")
        let copy = makeCopy(at: "\(folder)/ledger")
        try bed.append([.agent(.init(pid: 4, version: "1", time: WallTime(nanoseconds: 5)))], to: ledger)
        copy.noteGrowth()
        bed.run("a warning", until: { !bed.warnings.isEmpty })
        // Long enough for more attempts.
        let moment = bed.loop.now + .milliseconds(300)
        bed.run("a while", until: { bed.loop.now > moment })
        #expect(
            bed.warnings == [
                "can't keep a copy of the ledger on disk, and try again: "
                    + "create \(folder)/ledger.new: No such file or directory"
            ])
        try #require(mkdir(folder, 0o700) == 0)
        try bed.run("the copy") { try LedgerCopy.read("\(folder)/ledger")?.image.agent?.pid == 4 }
        #expect(bed.warnings.count == 1)
    }

    @Test(.enabled(if: geteuid() == 0, "mounting a small file system takes root"))
    func aFullDiskIsWaitedFor() throws {
        let disk = try TinyDisk()
        disk.fill(leaving: 50_000)
        let path = "\(disk.path)/ledger"
        let copy = makeCopy(at: path)
        var history = LedgerHistory(seed: 52, specLength: 10_000)
        while ledger.count < 1 << 20 {
            try bed.append([history.next()], to: ledger)
            copy.noteGrowth()
        }
        bed.run("a warning", until: { !bed.warnings.isEmpty })
        #expect(bed.warnings.first?.hasSuffix("write \(path): No space left on device") == true, "\(bed.warnings)")
        disk.empty()
        try bed.run("the copy") { try LedgerCopy.read(path)?.image.records == bed.expected.records }
        #expect(bed.warnings.count == 1)
    }

    @Test func inTheEndItIsBroughtUpToDateOrRemoved() throws {
        let copy = makeCopy()
        var history = LedgerHistory(seed: 53)
        for remove in [false, true] {
            for _ in 0..<100 { try bed.append([history.next()], to: ledger) }
            copy.noteGrowth()
            var isFinished = false
            copy.finish(remove: remove) { isFinished = true }
            bed.run("the end", until: { isFinished })
            if remove {
                #expect(try LedgerCopy.read(path) == nil)
            } else {
                #expect(try isComplete())
            }
        }
        #expect(bed.warnings.isEmpty)
    }

    @Test func aFileThatIsNoLedgerIsNamed() throws {
        let path = directory.write("nothing", to: "ledger")
        #expect(throws: Ledger.Failure.format(.notALedger)) { try LedgerCopy.read(path) }
        #expect(throws: Ledger.Failure.system(SystemError("open", on: "\(path)/x", errno: ENOTDIR))) {
            try LedgerCopy.read("\(path)/x")
        }
    }
}
