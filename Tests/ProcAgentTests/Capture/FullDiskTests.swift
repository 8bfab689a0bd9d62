import CLinux
import Glibc
import ProcCore
import ProcIO
import TestSupport
import Testing

@testable import ProcAgent

/// A file system of 2 MiB that goes when the last descriptor is closed.
final class TinyDisk {
    private let directory: CInt
    /// A way to it; it has no name, so nothing is left behind however the test ends.
    var path: String { "/proc/self/fd/\(directory)" }
    private var ballast: CInt = -1

    init() throws {
        let mountPoint = try CaptureBed.newDirectory()
        defer { rmdir(mountPoint) }
        try #require(
            reap(try spawn(["/bin/mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", mountPoint], fds: [2: 2])) == 0)
        directory = clinux_open(clinux_at_cwd, mountPoint, O_RDONLY | clinux_o_directory, 0)
        try #require(reap(try spawn(["/bin/umount", "-l", mountPoint], fds: [2: 2])) == 0)
    }

    deinit {
        close(ballast)
        close(directory)
    }

    /// Leaves `bytes` free.
    func fill(leaving bytes: Int) {
        ballast = clinux_open(clinux_at_cwd, "\(path)/ballast", O_WRONLY | O_CREAT, 0o600)
        let block = [UInt8](repeating: 0, count: 4096)
        while write(ballast, block, block.count) > 0 {}
        var status = stat()
        fstat(ballast, &status)
        ftruncate(ballast, status.st_size - off_t(bytes))
    }

    func empty() { ftruncate(ballast, 0) }
}

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
