import CLinux
import Glibc
import ProcCore
import ProcIO
import TestSupport
import Testing

@testable import ProcAgent

@Suite struct PipeCaptureTests {
    static let each = 256 << 10

    @Test(arguments: [
        0, 1, 4095, 4096, 4097, 65_535, 65_536, 65_537, each - 1, each, each + 1, 3 * each + 17, 40 * each,
    ])
    func everyByteArrivesInOrderInMemoryAndBeyond(size: Int) throws {
        let bed = try CaptureBed { $0.memoryEach = Self.each }
        let capture = try bed.make(.memory)
        let bytes = lines(size)
        let writer = try PipeWriter(bytes, to: try #require(capture.childEnd), chunks: [65_536, 1, 100_000, 4096])
        capture.begin()
        #expect(capture.childEnd == nil)
        bed.run("the writer's end", until: { writer.hasEnded })
        bed.settle(capture)

        #expect(capture.length == UInt64(size))
        #expect(capture.cut == 0 && capture.failure == nil)
        #expect(try capture.snapshot().whole() == bytes)
        #expect(bed.factory.budget.used == (min(size, Self.each) + 4095) / 4096 * 4096)
        #expect((CaptureBed.descriptors(showing: bed.directory) > 0) == (size > Self.each))

        capture.close()
        #expect(bed.factory.budget.used == 0)
        bed.run("the file's end", until: { CaptureBed.descriptors(showing: bed.directory) == 0 })
    }

    @Test func growthIsToldUntilNobodyWantsToKnow() throws {
        let bed = try CaptureBed { $0.memoryEach = Self.each }
        let capture = try bed.make(.memory)
        let end = try #require(capture.childEnd)
        var told: [UInt64] = []
        capture.onGrowth = { [unowned capture] in told.append(capture.length) }
        capture.begin()
        for (count, length) in [(10, 10), (5, 15), (Self.each, Self.each + 15)] {
            let writer = try PipeWriter(lines(count), to: end, chunks: [count])
            bed.run("\(length) bytes", until: { capture.length == UInt64(length) })
            bed.run("the writer's end", until: { writer.hasEnded })
        }
        #expect(told.last == UInt64(Self.each + 15))
        #expect(told == told.sorted() && Set(told).count == told.count, "\(told)")
        let count = told.count
        capture.onGrowth = nil
        let writer = try PipeWriter(lines(7), to: end, chunks: [7])
        bed.run("more bytes", until: { capture.length == UInt64(Self.each + 22) })
        bed.run("the writer's end", until: { writer.hasEnded })
        #expect(told.count == count)
        capture.close()
    }

    @Test(arguments: [CaptureParameters.Keep.head, .tail, .both], [CaptureParameters.Mode.memory, .tempfile])
    func aLimitKeepsItsPartAndCountsTheRest(keep: CaptureParameters.Keep, mode: CaptureParameters.Mode) throws {
        for (limit, size) in [(1000, 999), (1000, 1000), (1000, 1001), (1000, 3_000_000), (600_000, 3_000_000)] {
            let bed = try CaptureBed { $0.memoryEach = Self.each }
            let capture = try bed.make(mode, limit: limit, keep: keep)
            var calls = 0
            capture.onLimit = { calls += 1 }
            let bytes = lines(size)
            let writer = try PipeWriter(bytes, to: try #require(capture.childEnd), chunks: [3000, 70_000, 17])
            capture.begin()
            bed.run("the writer's end", until: { writer.hasEnded })
            bed.settle(capture)

            #expect(try capture.snapshot().whole() == KeptOutputTests.model(bytes[...], limit: limit, keep: keep))
            #expect(capture.length == UInt64(size))
            #expect(capture.cut == UInt64(max(0, size - limit)))
            #expect(calls == (size > limit ? 1 : 0))
            capture.close()
            bed.run("the files' end", until: { CaptureBed.descriptors(showing: bed.directory) == 0 })
            #expect(bed.factory.budget.used == 0)
        }
    }

    @Test func whenOthersHaveTheMemoryACaptureGoesToDisk() throws {
        let bed = try CaptureBed { $0.memoryTotal = 64 << 10 }
        let first = try bed.make(.memory)
        let second = try bed.make(.memory)
        let bytes = lines(60_000)
        for capture in [first, second] {
            let writer = try PipeWriter(bytes, to: try #require(capture.childEnd))
            capture.begin()
            bed.run("the writer's end", until: { writer.hasEnded })
            bed.settle(capture)
            #expect(try capture.snapshot().whole() == bytes)
        }
        #expect(bed.factory.budget.used == 64 << 10)
        #expect(CaptureBed.descriptors(showing: bed.directory) == 1)
        first.close()
        #expect(bed.factory.budget.used == 4096)
        second.close()
        #expect(bed.factory.budget.used == 0)
    }

    @Test func settlingTakesWhatIsThereAtOnceThoughADescendantHasThePipe() throws {
        let bed = try CaptureBed()
        let capture = try bed.make(.memory)
        let descendant = try #require(capture.childEnd)
        capture.begin()
        _ = write(descendant.rawValue, "early\n", 6)
        var isSettled = false
        capture.settle { isSettled = true }  // The loop doesn't run.
        #expect(isSettled)
        let early = capture.snapshot()
        #expect(try early.whole() == Array("early\n".utf8))

        _ = write(descendant.rawValue, "late\n", 5)
        bed.run("the late line", until: { capture.length == 11 })
        #expect(try capture.snapshot().whole() == Array("early\nlate\n".utf8))
        #expect(try early.whole() == Array("early\n".utf8))
        capture.close()
    }

    @Test(arguments: [CaptureParameters.Mode.memory, .tempfile])
    func settlingIsNotDelayedByOneWhoWritesForEver(mode: CaptureParameters.Mode) throws {
        let bed = try CaptureBed { $0.memoryEach = Self.each }
        let capture = try bed.make(mode, limit: 1 << 40)
        let writer = try PipeWriter(lines(100_000), to: try #require(capture.childEnd), forEver: true)
        capture.begin()
        bed.run("some output", until: { capture.length > 1 << 20 })
        for _ in 0..<20 {
            let written = writer.written
            bed.settle(capture)
            #expect(capture.length >= UInt64(written))
        }
        #expect(!writer.hasEnded)
        writer.stop()
        bed.run("the writer's end", until: { writer.hasEnded })
        capture.close()
        bed.run("the file's end", until: { CaptureBed.descriptors(showing: bed.directory) == 0 })
    }

    @Test func aProcessThatIsNotStartedLeavesAnEmptyCapture() throws {
        let bed = try CaptureBed()
        let capture = try bed.make(.memory)
        capture.abandon()
        bed.settle(capture)
        #expect(capture.childEnd == nil && capture.length == 0 && capture.snapshot().count == 0)
        capture.finish()
        capture.close()
    }

    @Test func withoutADirectoryToGoOnInTheFailureIsNamedAndTheProcessGoesOn() throws {
        let bed = try CaptureBed(directory: "/no/such") { $0.memoryEach = 4096 }
        let capture = try bed.make(.memory)
        let writer = try PipeWriter(lines(3_000_000), to: try #require(capture.childEnd))
        capture.begin()
        bed.run("the writer's end", until: { writer.hasEnded })
        bed.settle(capture)
        #expect(writer.error == 0 && writer.written == 3_000_000)
        #expect(capture.failure == "create a capture file in /no/such: No such file or directory")
        #expect(bed.warnings == ["capture test: create a capture file in /no/such: No such file or directory"])
        #expect(bed.factory.budget.used == 0)
        #expect(capture.snapshot().count == 0)
    }

    @Test(arguments: [CaptureParameters.Mode.memory, .tempfile])
    func closingWhileItDrainsGivesEverythingBack(mode: CaptureParameters.Mode) throws {
        let bed = try CaptureBed()
        let label = "closing-\(mode)-\(UInt64.random(in: .min ... .max))"
        let capture = try bed.make(mode, limit: 1 << 40, label: label)
        capture.onLimit = { Issue.record("called") }
        let writer = try PipeWriter(lines(100_000), to: try #require(capture.childEnd), forEver: true)
        capture.begin()
        bed.run("some output", until: { capture.length > 1 << 20 })
        capture.close()
        #expect(bed.factory.budget.used == 0)
        bed.run("the writer's end", until: { writer.hasEnded })
        #expect(writer.error == EPIPE)
        bed.run(
            "the files' end",
            until: {
                CaptureBed.descriptors(showing: bed.directory) + CaptureBed.descriptors(showing: label) == 0
            })
    }

    @Test func aPipeThatWasFullIsEnlargedAsLongAsFewAre() throws {
        let bed = try CaptureBed()
        let others = (0..<31).compactMap { _ in bed.factory.takeLargePipe() }
        #expect(others == Array(repeating: 1 << 20, count: 31))
        let captures = try (0..<2).map { _ in try bed.make(.memory) }
        let ends = try captures.map { try #require($0.childEnd) }
        let usual = clinux_pipe_capacity(ends[0].rawValue)
        for (capture, end) in zip(captures, ends) {
            capture.begin()
            _ = [UInt8](repeating: 1, count: 5000).withUnsafeBytes { write(end.rawValue, $0.baseAddress, $0.count) }
            bed.run("a little", until: { capture.length == 5000 })
            #expect(clinux_pipe_capacity(end.rawValue) == usual)
            let full = Int(usual)
            _ = [UInt8](repeating: 1, count: full).withUnsafeBytes { write(end.rawValue, $0.baseAddress, $0.count) }
            bed.run("a pipe full", until: { capture.length == UInt64(5000 + full) })
        }
        #expect(clinux_pipe_capacity(ends[0].rawValue) == 1 << 20)
        #expect(clinux_pipe_capacity(ends[1].rawValue) == usual)
        #expect(bed.factory.takeLargePipe() == nil)
        for capture in captures { capture.close() }
        #expect(bed.factory.takeLargePipe() == 1 << 20)
    }

    @Test func aRealProcessIsCapturedToItsLastByte() throws {
        let bed = try CaptureBed { $0.memoryEach = Self.each }
        let capture = try bed.make(.memory)
        let pid = try spawn(["/usr/bin/seq", "1", "300000"], fds: [1: try #require(capture.childEnd).rawValue])
        capture.begin()
        var expected: [UInt8] = []
        for number in 1...300_000 { expected += "\(number)\n".utf8 }
        bed.run("all of it", until: { capture.length == UInt64(expected.count) })
        #expect(clinux_exit_status(reap(pid)) == 0)
        bed.settle(capture)
        #expect(try capture.snapshot().whole() == expected)
        capture.close()
        bed.run("the file's end", until: { CaptureBed.descriptors(showing: bed.directory) == 0 })
    }
}
