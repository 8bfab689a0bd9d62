import CLinux
import Glibc
import ProcCore
import ProcIO
import TestSupport
import Testing

@testable import ProcAgent

@Suite struct LedgerTests {
    private static func records(_ count: Int, seed: UInt64) -> [LedgerRecord] {
        var history = LedgerHistory(seed: seed)
        return (0..<count).map { _ in history.next() }
    }

    @Test func theNextAgentReadsWhatWasAppendedAndGoesOn() throws {
        let bed = try LedgerBed()
        let first = try bed.makeLedger()
        try bed.append(Self.records(200, seed: 1), to: first)
        let (second, reading) = try bed.open(first.file)
        #expect(reading.tear == nil && reading.image.records == bed.expected.records)
        #expect(reading.header.bootID == .current())
        try bed.append(Self.records(200, seed: 2), to: second, atOnce: true)
        #expect(second.file === first.file)
        #expect(try bed.isComplete(second.file))
    }

    @Test func theRunOfTheKernelIsTheKernels() throws {
        let text = try #require(contents(of: "/proc/sys/kernel/random/boot_id"))
        #expect(BootID.current() != nil && BootID.current() == BootID(parsing: text))
    }

    @Test func aTornEndIsCutOffBeforeAnythingIsAppended() throws {
        let bed = try LedgerBed()
        let first = try bed.makeLedger()
        try bed.append(Self.records(50, seed: 3), to: first)
        let torn = Array(LedgerRecord.encoded([.spawned(token: 1, pid: 1)]).dropLast())
        #expect(pwrite(first.file.rawValue, torn, torn.count, first.count) == torn.count)
        let (second, reading) = try bed.open(first.file)
        #expect(reading.tear?.offset == first.count && reading.intactCount == first.count)
        #expect(LedgerBed.size(first.file) == first.count)
        try bed.append(Self.records(50, seed: 4), to: second)
        #expect(try bed.isComplete(second.file))
    }

    @Test func whatIsNoLedgerIsRefused() throws {
        let bed = try LedgerBed()
        let file = try LedgerFile.inMemory(Array("something else, and long enough".utf8))
        #expect(throws: Ledger.Failure.format(.notALedger)) { try bed.open(file.file) }
    }

    /// A ledger's header of another format, with its checksum.
    private static func header(version: UInt8, checksum: [UInt8]) -> [UInt8] {
        Array("PSLEDGER".utf8) + [version, 0, 0, 0] + [UInt8](repeating: 0, count: 16) + checksum
    }

    @Test func aLedgerOfAnotherFormatIsWrittenAnewAndTheFormerStaysAsItIs() throws {
        let bed = try LedgerBed()
        // CRC-32 of the 28 bytes before, as zlib gives it.
        var bytes = Self.header(version: 2, checksum: [0x28, 0x48, 0x0e, 0xcb])
        let records = Self.records(60, seed: 5)
        bytes += LedgerRecord.encoded(records)
        let former = try LedgerFile.inMemory(bytes)
        let (ledger, reading) = try bed.open(former.file)
        #expect(reading.header.version == 2)
        #expect(ledger.file !== former.file)
        try bed.append(records, to: try bed.makeLedger())
        #expect(try bed.isComplete(ledger.file) && bed.isComplete(former.file))
        #expect(try Ledger.read(ledger.file, name: "it").header.version == LedgerHeader.version)
    }

    @Test func aWriteThatFailsIsTheCallersToSeeAndLeavesNothingBehind() throws {
        let bed = try LedgerBed()
        let writable = try bed.makeLedger()
        try bed.append(Self.records(20, seed: 6), to: writable)
        let readOnly = clinux_open(clinux_at_cwd, "/proc/self/fd/\(writable.file.rawValue)", O_RDONLY, 0)
        try #require(readOnly >= 0)
        let (ledger, _) = try bed.open(SharedFD(OwnedFD(adopting: readOnly)))
        let before = ledger.count
        #expect(throws: SystemError("write", on: "the ledger", errno: EBADF)) {
            try ledger.append(.forgotten(token: 1))
        }
        #expect(ledger.count == before)
        #expect(try bed.isComplete(ledger.file))
    }

    @Test(.enabled(if: geteuid() == 0, "mounting a small file system takes root"))
    func aRecordThatFitsInPartIsTakenBackAndALaterOneIsWhole() throws {
        let disk = try TinyDisk()
        let bed = try LedgerBed()
        let path = "\(disk.path)/ledger"
        let fd = clinux_open(clinux_at_cwd, path, O_RDWR | O_CREAT, 0o600)
        try #require(fd >= 0)
        let header = LedgerHeader(bootID: nil).bytes
        try #require(pwrite(fd, header, header.count, 0) == header.count)
        let (ledger, _) = try bed.open(SharedFD(OwnedFD(adopting: fd)))
        disk.fill(leaving: 100_000)
        let long = LedgerRecord.failed(
            token: 1,
            .init(
                stop: .now, stopInstant: .now, errors: [String(repeating: "long", count: 100_000)], reason: nil,
                isLost: false))
        #expect(throws: SystemError("write", on: "the ledger", errno: ENOSPC)) { try ledger.append(long) }
        #expect(LedgerBed.size(ledger.file) == ledger.count)
        try bed.append(Self.records(20, seed: 7), to: ledger)
        #expect(try bed.isComplete(ledger.file))
    }
}
