import CLinux
import Glibc
import ProcCore
import ProcIO
import TestSupport
import Testing

@testable import ProcAgent

/// What is compressed, has failed, or isn't there as it should be.
@Suite struct RestoreTroubleTests {
    /// A capture whose process has written `all` and ended.
    private func ended(
        _ parameters: CaptureParameters, _ all: [UInt8], directory: String? = nil, answersLater: Bool = false,
        _ settings: @escaping (inout CaptureSettings) -> Void = { _ in }
    ) throws -> CaptureLives {
        let lives = try CaptureLives(parameters, directory: directory, answersLater: answersLater, settings)
        let writer = try PipeWriter(all, to: try lives.begin())
        lives.bed.run("the writer's end", until: { writer.hasEnded })
        lives.bed.settle(lives.capture)
        return lives
    }

    // MARK: Compression

    @Test(arguments: [CaptureParameters.Mode.memory, .tempfile], [nil, 500_000])
    func atEachMomentOfCompressionThereIsTheWhole(mode: CaptureParameters.Mode, limit: Int?) throws {
        let all = lines(900_000)
        let parameters = CaptureParameters(mode: mode, limit: limit, keep: .both)
        let expected = KeptOutputTests.model(all[...], limit: limit ?? .max, keep: .both)
        let lives = try ended(parameters, all, answersLater: true) { $0.compressAbove = 1000 }
        lives.bed.run("the holder", until: { lives.holder.underWayCount == 0 })
        lives.holder.history = [lives.holder.held]
        lives.capture.finish()
        lives.bed.run("compression", until: { lives.capture.snapshot().gzip != nil })
        lives.bed.run("the holder", until: { lives.holder.underWayCount == 0 })
        var history = try #require(lives.holder.history)
        #expect(lives.holder.held.files.count == 1)
        let records = history.count { $0.record != nil }
        #expect(records > 1 && records < history.count)

        for state in history {
            try lives.kill(held: state)
            #expect(lives.capture.length == UInt64(all.count))
            #expect(lives.capture.cut == UInt64(all.count - (limit ?? all.count)))
            #expect(try lives.capture.snapshot().whole() == expected)
            let isCompressed = lives.capture.snapshot().gzip != nil
            #expect(isCompressed == (state.record != nil))
            lives.bed.settle(lives.capture)
            lives.capture.finish()
            lives.bed.run("compression", until: { lives.capture.snapshot().gzip != nil })
            lives.bed.run("the holder", until: { lives.holder.underWayCount == 0 })
            #expect(try lives.capture.snapshot().whole() == expected)
            #expect(lives.holder.held.files.count == 1)
            let count = try #require(lives.capture.snapshot().gzip).count
            #expect(lives.bed.factory.budget.used == (mode == .memory ? (count + 4095) / 4096 * 4096 : 0))
        }
        history = []
        lives.end()
    }

    @Test func aCompressedFileThatIsNotTheOneOnRecordIsAFailure() throws {
        let all = lines(900_000)
        for (damage, reason) in [
            (
                { (held: inout HeldElsewhere, record: CaptureRecord.Compressed) in held.drop(slot: record.slot) },
                "take over captured output: its compressed file is missing"
            ),
            (
                { held, record in ftruncate(held.files[record.slot]?.rawValue ?? -1, 100) },
                "take over captured output: its compressed file has another size than it had"
            ),
            (
                { held, record in
                    var record = record
                    record.starts = []
                    held.record = .compressed(record)
                }, "take over captured output: where its compressed file can be entered is not known"
            ),
        ] as [((inout HeldElsewhere, CaptureRecord.Compressed) -> Void, String)] {
            for mode in [CaptureParameters.Mode.memory, .tempfile] {
                let lives = try ended(CaptureParameters(mode: mode), all) { $0.compressAbove = 1000 }
                lives.capture.finish()
                lives.bed.run("compression", until: { lives.capture.snapshot().gzip != nil })
                var held = lives.holder.held
                guard case .compressed(let record)? = held.record else {
                    Issue.record("not on record")
                    return
                }
                damage(&held, record)
                try lives.kill(held: held)
                held = HeldElsewhere()
                #expect(lives.capture.failure == reason)
                #expect(lives.capture.snapshot().count == 0)
                #expect(lives.holder.held.record == .failed(reason) && lives.holder.held.files.isEmpty)
                lives.bed.settle(lives.capture)
                lives.capture.finish()
                lives.end()
            }
        }
    }

    // MARK: Failure

    @Test func aFailureStaysOneAndTheProcessGoesOn() throws {
        let reason = "create a capture file in /no/such: No such file or directory"
        let lives = try CaptureLives(CaptureParameters(mode: .memory), directory: "/no/such") { $0.memoryEach = 4096 }
        let writer = try PipeWriter(lines(3_000_000), to: try lives.begin())
        lives.bed.run("the failure", until: { lives.capture.failure != nil })
        try lives.kill()
        #expect(lives.capture.failure == reason && lives.bed.warnings.isEmpty)
        lives.bed.run("the writer's end", until: { writer.hasEnded })
        #expect(writer.error == 0 && writer.written == 3_000_000)
        lives.bed.settle(lives.capture)
        #expect(lives.capture.snapshot().count == 0)
        #expect(lives.bed.factory.budget.used == 0)
        lives.bed.run("the pipe's end", until: { lives.holder.held.files.isEmpty })
        #expect(lives.holder.held.record == .failed(reason))
        lives.end()
    }

    @Test(arguments: [
        Case(parameters: (.head, nil), size: 50_000, slot: 1, damage: .drop, reason: "its first file is missing"),
        Case(parameters: (.head, 50_000), size: 80_000, slot: 1, damage: .drop, reason: "its first file is missing"),
        Case(parameters: (.both, 80_000), size: 150_000, slot: 1, damage: .drop, reason: "its first file is missing"),
        Case(parameters: (.tail, 50_000), size: 40_000, slot: 1, damage: .drop, reason: "its first file is missing"),
        Case(
            parameters: (.head, nil), size: 100_000, slot: 1, damage: .drop, reason: "a file out of several is missing"),
        Case(
            parameters: (.tail, 70_000), size: 80_000, slot: 1, damage: .drop,
            reason: "the file before its last one is missing"),
        Case(
            parameters: (.tail, 70_000), size: 80_000, slot: 1, damage: .truncate,
            reason: "its files have other sizes than it would have given them"),
        Case(
            parameters: (.both, 80_000), size: 150_000, slot: 1, damage: .truncate,
            reason: "its files have other sizes than it would have given them"),
        Case(parameters: (.head, nil), size: 1000, slot: 1, damage: .duplicate, reason: "it has a file twice"),
        Case(
            parameters: (.tail, 70_000), size: 70_000, slot: 1, damage: .number,
            reason: "a file of it says that it comes after more bytes than there can be"),
    ])
    func aMissingFileIsAFailureThatTellsSoAndTheProcessGoesOn(_ test: Case) throws {
        let parameters = CaptureParameters(mode: .memory, limit: test.parameters.limit, keep: test.parameters.keep)
        // The tail's chains have 70,000 bytes; other files are of 60,000 at most.
        let lives = try CaptureLives(parameters) { $0.memoryEach = parameters.keep == .tail ? 1 << 20 : 60_000 }
        var end: SharedFD? = try lives.begin()
        let writer = try PipeWriter(lines(test.size), to: try #require(end))
        lives.bed.run("all of it", until: { writer.hasEnded && lives.capture.length == UInt64(test.size) })
        var held = lives.holder.held
        let file = try #require(held.files[test.slot])
        switch test.damage {
        case .drop: held.drop(slot: test.slot)
        case .truncate: ftruncate(file.rawValue, 100)
        case .duplicate: held.hold(file, slot: 7)
        case .number: try FileMark(chain: 1 << 50, place: .memory).put(on: file)
        }
        try lives.kill(held: held)
        held = HeldElsewhere()
        #expect(lives.capture.failure == "take over captured output: \(test.reason)")
        #expect(lives.bed.warnings == ["capture test: take over captured output: \(test.reason)"])
        #expect(Array(lives.holder.held.files.keys) == [0], "only the pipe is needed any more")

        let second = try PipeWriter(lines(200_000), to: try #require(end))
        end = nil
        lives.bed.run("the writer's end", until: { second.hasEnded })
        #expect(second.error == 0)
        lives.bed.settle(lives.capture)
        #expect(lives.capture.snapshot().count == 0)
        lives.end()
    }

    struct Case: Sendable {
        enum Damage { case drop, truncate, duplicate, number }

        let parameters: (keep: CaptureParameters.Keep, limit: Int?)
        let size: Int
        let slot: UInt8
        let damage: Damage
        let reason: String
    }

    // MARK: Full disks

    @Test(.enabled(if: geteuid() == 0, "mounting a small file system takes root"), arguments: RestoreTests.keeps)
    func whatAFullDiskKeepsInThePipeOrInMemoryIsThereAfterwards(keep: CaptureParameters.Keep) throws {
        let all = lines(1_000_000)
        let disk = try TinyDisk()
        disk.fill(leaving: 100_000)
        let lives = try CaptureLives(
            CaptureParameters(mode: .tempfile, limit: 900_000, keep: keep), directory: disk.path)
        var end: SharedFD? = try lives.begin()
        let writer = try PipeWriter(all, to: try #require(end), chunks: [10_000])
        lives.bed.run("a full disk and the writer's end", until: { !lives.bed.warnings.isEmpty && writer.hasEnded })
        #expect(lives.capture.length < 150_000)
        // Nothing has been taken out of the pipe that has no place.
        try lives.kill()
        #expect(lives.capture.length < 150_000 && !lives.capture.holdsBytesInMemory)
        lives.expectSettled(all[...], "with a full disk")
        #expect(!lives.capture.holdsBytesInMemory)
        try lives.kill()
        lives.expectSettled(all[...], "with a full disk, after another kill")

        // There is nothing to make room for: what comes later goes to the disk again.
        let late = Array("late\n".utf8)
        disk.empty()
        _ = write(end?.rawValue ?? -1, late, late.count)
        end = nil
        lives.bed.run("the late line", until: { lives.capture.length == 1_000_005 })
        try lives.kill()
        lives.expectSettled((all + late)[...], "when there is room")
        lives.end()
    }

    @Test(.enabled(if: geteuid() == 0, "mounting a small file system takes root"))
    func bytesThatAreCopiedAndHaveNoRoomAreKnownToBeInMemory() throws {
        let all = lines(400_000)
        let disk = try TinyDisk()
        disk.fill(leaving: 100_000)
        let lives = try CaptureLives(CaptureParameters(mode: .tempfile, limit: 1 << 20), directory: disk.path)
        try #require(fcntl(lives.capture.heldAtStart[1].file.rawValue, F_SETFL, O_APPEND) == 0)
        let writer = try PipeWriter(all, to: try lives.begin(), chunks: [10_000])
        lives.bed.run("a full disk", until: { !lives.bed.warnings.isEmpty })
        #expect(lives.capture.holdsBytesInMemory)
        disk.empty()
        lives.bed.run("the writer's end", until: { writer.hasEnded })
        lives.bed.run("room", until: { !lives.capture.holdsBytesInMemory })
        lives.expectSettled(all[...], "when there is room")
        try lives.kill()
        lives.expectSettled(all[...], "afterwards")
        lives.end()
    }
}
