import Glibc
import ProcCore
import ProcIO
import TestSupport
import Testing

@testable import ProcAgent

@Suite(.enabled(if: geteuid() == 0, "mounting a small file system takes root"))
struct FullDiskTests {
    @Test func theProcessWaitsAndNothingIsLost() throws {
        let disk = try TinyDisk()
        disk.fill(leaving: 200_000)
        let bed = try CaptureBed(directory: disk.path) { $0.memoryEach = 64 << 10 }
        let capture = try bed.make(.memory)
        let bytes = lines(1_900_000)
        let writer = try PipeWriter(bytes, to: try #require(capture.childEnd), chunks: [10_000])
        capture.begin()
        bed.run("a full disk", until: { !bed.warnings.isEmpty })
        #expect(!writer.hasEnded)
        #expect(capture.failure == nil)
        let full = capture.snapshot()
        #expect(try full.whole() == Array(bytes[..<full.count]))

        disk.empty()
        bed.run("the writer's end", until: { writer.hasEnded })
        bed.settle(capture)
        #expect(try capture.snapshot().whole() == bytes)
        #expect(
            bed.warnings == [
                "capture test: write captured output: No space left on device; trying again every second, the process waits"
            ])
        capture.close()
    }

    @Test(arguments: [CaptureParameters.Keep.head, .tail, .both])
    func aProcessThatHasEndedIsSettledWithAllItWrote(keep: CaptureParameters.Keep) throws {
        let disk = try TinyDisk()
        disk.fill(leaving: 100_000)
        let bed = try CaptureBed(directory: disk.path) { $0.compressAbove = 1000 }
        let capture = try bed.make(.tempfile, limit: 900_000, keep: keep)
        let bytes = lines(1_000_000)
        let end = try #require(capture.childEnd)
        capture.begin()
        let writer = try PipeWriter(bytes, to: end, chunks: [10_000])
        // The pipe takes a MiB once it was found full, so the writer comes to its end on a full disk.
        bed.run("a full disk and the writer's end", until: { !bed.warnings.isEmpty && writer.hasEnded })
        bed.settle(capture)
        let expected = KeptOutputTests.model(bytes[...], limit: 900_000, keep: keep)
        #expect(try capture.snapshot().whole() == expected)
        #expect(capture.length == 1_000_000)
        capture.finish()

        // Held in memory until there is room; what comes later goes behind it.
        _ = write(end.rawValue, "late\n", 5)
        disk.empty()
        bed.run("the late line", until: { capture.length == 1_000_005 })
        let all = bytes + Array("late\n".utf8)
        #expect(
            try capture.snapshot().whole() == KeptOutputTests.model(all[...], limit: 900_000, keep: keep))
        capture.close()
    }

    @Test func aCaptureHeldBackAtItsEndIsStoredAndCompressedWhenThereIsRoom() throws {
        let disk = try TinyDisk()
        disk.fill(leaving: 100_000)
        let bed = try CaptureBed(directory: disk.path) { $0.compressAbove = 1000 }
        let capture = try bed.make(.tempfile, limit: 1 << 30)
        let bytes = lines(1_000_000)
        let writer = try PipeWriter(bytes, to: try #require(capture.childEnd), chunks: [10_000])
        capture.begin()
        bed.run("a full disk and the writer's end", until: { !bed.warnings.isEmpty && writer.hasEnded })
        bed.settle(capture)
        capture.finish()
        #expect(capture.snapshot().gzip == nil)
        disk.empty()
        bed.run("compression", until: { capture.snapshot().gzip != nil })
        #expect(try capture.snapshot().whole() == bytes)
        capture.close()
    }
}
