import CLinux
import Glibc
import ProcCore
import ProcIO
import Synchronization
import TestSupport
import Testing

@testable import ProcAgent

@Suite struct CompressionTests {
    static func newBed(each: Int = 16 << 20) throws -> CaptureBed {
        try CaptureBed {
            $0.compressAbove = 16 << 10
            $0.memoryEach = each
        }
    }

    /// A finished capture of `bytes`, to which nobody writes any more.
    static func filled(
        _ bed: CaptureBed, _ mode: CaptureParameters.Mode, _ bytes: [UInt8], limit: Int? = nil,
        keep: CaptureParameters.Keep = .head
    ) throws -> any OutputCapture {
        let capture = try bed.make(mode, limit: limit, keep: keep)
        let writer = try PipeWriter(bytes, to: try #require(capture.childEnd))
        capture.begin()
        bed.run("the writer's end", until: { writer.hasEnded })
        bed.settle(capture)
        return capture
    }

    static func expectSameRanges(_ snapshot: CaptureSnapshot, _ expected: [UInt8], seed: UInt64 = 1) throws {
        #expect(snapshot.count == expected.count)
        var numbers = SeededGenerator(seed: seed)
        for _ in 0..<100 {
            let start = Int.random(in: 0...expected.count, using: &numbers)
            let end = Int.random(in: start...min(expected.count, start + 600_000), using: &numbers)
            #expect(try snapshot.read(start..<end) == Array(expected[start..<end]), "\(start)..<\(end)")
        }
        #expect(try snapshot.whole() == expected)
    }

    @Test(arguments: [CaptureParameters.Mode.memory, .tempfile])
    func readersSeeTheSameBytesBeforeDuringAndAfter(mode: CaptureParameters.Mode) throws {
        let bed = try Self.newBed()
        let bytes = lines(9_000_000)  // three slices
        let capture = try Self.filled(bed, mode, bytes)
        let before = capture.snapshot()
        #expect(before.gzip == nil && !before.readsQuickly)
        capture.finish()
        var during = 0
        bed.run(
            "compression",
            until: {
                guard capture.snapshot().gzip == nil else { return true }
                during += 1
                if during <= 2 {
                    // Read here while the worker compresses.
                    #expect(
                        (try? capture.snapshot().read(4_000_000..<4_300_000)) == Array(bytes[4_000_000..<4_300_000]))
                }
                return false
            })
        #expect(during > 0)
        try Self.expectSameRanges(before, bytes)
        try Self.expectSameRanges(capture.snapshot(), bytes)
        #expect(capture.length == UInt64(bytes.count))
        #expect(!capture.snapshot().readsQuickly)
        capture.close()
        try Self.expectSameRanges(before, bytes)
    }

    @Test(arguments: [
        16_385, GzipFile.span - 1, GzipFile.span, GzipFile.span + 1, 2 * GzipFile.span, 5 * GzipFile.span + 7,
    ])
    func everyBorderOfASpanCanBeEntered(size: Int) throws {
        let bed = try Self.newBed()
        let bytes = lines(size)
        let capture = try Self.filled(bed, .memory, bytes)
        capture.finish()
        bed.run("compression", until: { capture.snapshot().gzip != nil })
        let snapshot = capture.snapshot()
        for border in stride(from: 0, through: size, by: GzipFile.span) + [size] {
            for start in max(0, border - 2)...min(size, border + 2) {
                let end = min(size, start + 3)
                #expect(try snapshot.read(start..<end) == Array(bytes[start..<end]))
            }
        }
        #expect(try snapshot.read(0..<(size + 10)) == bytes)
        #expect(try snapshot.read((size + 1)..<(size + 10)) == [])
        capture.close()
    }

    @Test func theWholeIsOneGzipStreamThatGzipItselfReads() throws {
        let bed = try Self.newBed()
        let bytes = lines(3_000_000)
        let capture = try Self.filled(bed, .memory, bytes)
        capture.finish()
        bed.run("compression", until: { capture.snapshot().gzip != nil })
        let (file, count) = try #require(capture.snapshot().gzip)
        var status = stat()
        fstat(file.rawValue, &status)
        #expect(Int(status.st_size) == count)

        let plain = try bed.make(.memory)
        let input = clinux_open(clinux_at_cwd, "/proc/self/fd/\(file.rawValue)", O_RDONLY, 0)
        let pid = try spawn(["/bin/gzip", "-dc"], fds: [0: input, 1: try #require(plain.childEnd).rawValue])
        close(input)
        plain.begin()
        bed.run("all of it", until: { plain.length >= UInt64(bytes.count) })
        #expect(reap(pid) == 0)
        bed.settle(plain)
        #expect(try plain.snapshot().whole() == bytes)
        plain.close()
        capture.close()
    }

    @Test func blocksReadOneAfterTheOtherMakeTheWhole() throws {
        let bed = try Self.newBed()
        let bytes = lines(1_500_000)
        let capture = try Self.filled(bed, .memory, bytes, limit: 1_000_000, keep: .both)
        let expected = KeptOutputTests.model(bytes[...], limit: 1_000_000, keep: .both)
        let plain = capture.snapshot()
        capture.finish()
        bed.run("compression", until: { capture.snapshot().gzip != nil })
        #expect(capture.cut == 500_000)
        for snapshot in [plain, capture.snapshot()] {
            for size in [1009, 65_536, 700_000] {
                let reader = CaptureReader(snapshot, from: 12_345)
                var read: [UInt8] = []
                while case let block = try reader.read(size), !block.isEmpty { read += block }
                #expect(read == Array(expected[12_345...]))
            }
        }
        capture.close()
    }

    @Test func memoryIsGivenBackAndMemoryOnly() throws {
        let bed = try Self.newBed(each: 1 << 20)
        let small = try Self.filled(bed, .memory, lines(1_000_000))
        let large = try Self.filled(bed, .memory, lines(5_000_000))
        #expect(bed.factory.budget.used == 245 * 4096 + 1 << 20)
        small.finish()
        large.finish()
        bed.run("compression", until: { small.snapshot().gzip != nil && large.snapshot().gzip != nil })
        let packed = try #require(small.snapshot().gzip).count
        #expect(packed < 300_000)
        #expect(bed.factory.budget.used == (packed + 4095) / 4096 * 4096)
        // One file on disk: what was partly there.
        bed.run("the plain file's end", until: { CaptureBed.descriptors(showing: bed.directory) == 1 })
        small.close()
        large.close()
        #expect(bed.factory.budget.used == 0)
        bed.run("the file's end", until: { CaptureBed.descriptors(showing: bed.directory) == 0 })
    }

    @Test func whatIsSmallOrDoesNotGetSmallerStaysPlain() throws {
        let bed = try Self.newBed()
        let small = try Self.filled(bed, .memory, lines(16_384))
        let dense = try Self.filled(bed, .memory, noise(2_000_000))
        let last = try Self.filled(bed, .memory, lines(16_385))
        for capture in [small, dense, last] { capture.finish() }
        // The queue is in order: when the last is done, the others have had their turn.
        bed.run("compression", until: { last.snapshot().gzip != nil })
        #expect(small.snapshot().gzip == nil && small.snapshot().readsQuickly)
        #expect(dense.snapshot().gzip == nil)
        #expect(try dense.snapshot().whole() == noise(2_000_000))
        for capture in [small, dense, last] { capture.close() }
    }

    @Test func nothingIsCompressedWhereThatIsOff() throws {
        let bed = try CaptureBed { $0.compressAbove = nil }
        let capture = try Self.filled(bed, .memory, lines(100_000))
        capture.finish()
        #expect(bed.worker.backlog == 0)
        #expect(capture.snapshot().gzip == nil)
        capture.close()
    }

    @Test(arguments: [CaptureParameters.Mode.memory, .tempfile])
    func asLongAsSomeoneCanWriteItStaysPlainAndGrows(mode: CaptureParameters.Mode) throws {
        let bed = try Self.newBed()
        let capture = try bed.make(mode)
        var descendant = capture.childEnd
        capture.begin()
        let bytes = lines(60_000)
        _ = bytes.withUnsafeBytes { write(descendant?.rawValue ?? -1, $0.baseAddress, 40_000) }
        bed.settle(capture)
        capture.finish()
        #expect(bed.worker.backlog == 0)
        #expect(capture.length == 40_000)
        _ = bytes.withUnsafeBytes { write(descendant?.rawValue ?? -1, $0.baseAddress! + 40_000, 20_000) }
        bed.run("the rest", until: { capture.length == 60_000 })
        #expect(capture.snapshot().gzip == nil)
        descendant = nil
        bed.run("compression", until: { capture.snapshot().gzip != nil })
        #expect(capture.length == 60_000)
        #expect(try capture.snapshot().whole() == bytes)
        capture.close()
    }

    /// Keeps a worker busy until the holder lets it go.
    private final class Obstruction: Sendable {
        private let isOver = Atomic<Bool>(false)

        init(_ worker: Worker) {
            worker.run { [self] in
                while !isOver.load(ordering: .acquiring) { sched_yield() }
            } then: {
            }
        }

        func end() { isOver.store(true, ordering: .releasing) }
    }

    @Test func aFileThatChangesMeanwhileIsCompressedAnewWithTheChange() throws {
        let bed = try Self.newBed()
        let capture = try Self.filled(bed, .tempfile, lines(100_000))
        let obstruction = Obstruction(bed.worker)
        capture.finish()
        #expect(bed.worker.backlog == 2)
        // A descendant with the file open for reading only can do this through /dev/stdin.
        guard case .stored(let file, offset: _, count: _)? = capture.snapshot().parts.first else {
            Issue.record("not plain")
            return
        }
        let again = clinux_open(clinux_at_cwd, "/proc/self/fd/\(file.rawValue)", O_WRONLY | O_APPEND, 0)
        #expect(write(again, "late\n", 5) == 5)
        close(again)
        obstruction.end()
        bed.run("compression", until: { capture.snapshot().gzip != nil })
        #expect(capture.length == 100_005)
        #expect(try capture.snapshot().whole() == lines(100_000) + Array("late\n".utf8))
        capture.close()
    }

    @Test(arguments: [CaptureParameters.Mode.memory, .tempfile])
    func closingWhileItIsCompressedIsSafe(mode: CaptureParameters.Mode) throws {
        let bed = try Self.newBed()
        let capture = try Self.filled(bed, mode, lines(9_000_000))
        let waiting = try Self.filled(bed, mode, lines(9_000_000))
        let obstruction = Obstruction(bed.worker)
        capture.finish()
        waiting.finish()
        capture.close()
        waiting.close()
        #expect(bed.factory.budget.used == 0)
        obstruction.end()
        bed.run("the worker", until: { bed.worker.backlog == 0 })
        bed.run("the files' end", until: { CaptureBed.descriptors(showing: bed.directory) == 0 })
        #expect(bed.warnings.isEmpty)
    }

    @Test func whereNoFileCanBeMadeItStaysPlainWithOneWarning() throws {
        let directory = try CaptureBed.newDirectory()
        let bed = try CaptureBed(directory: directory) { $0.compressAbove = 1000 }
        let captures = try (0..<2).map { _ in try Self.filled(bed, .tempfile, lines(100_000)) }
        rmdir(directory)
        captures.forEach { $0.finish() }
        bed.run("the worker", until: { bed.worker.backlog == 0 })
        let expected = "compress capture test: create a capture file in \(directory): No such file or directory"
        #expect(bed.warnings == [expected])
        for capture in captures {
            #expect(try capture.snapshot().whole() == lines(100_000))
            capture.close()
        }
    }

    @Test func aDamagedStreamIsAnErrorNotACrash() throws {
        let bed = try Self.newBed()
        let bytes = lines(600_000)
        let capture = try Self.filled(bed, .memory, bytes)
        capture.finish()
        bed.run("compression", until: { capture.snapshot().gzip != nil })
        let snapshot = capture.snapshot()
        let (file, count) = try #require(snapshot.gzip)
        ftruncate(file.rawValue, off_t(count / 2))
        #expect(throws: CaptureReadError.corrupt("ends too early")) { try snapshot.whole() }
        _ = [UInt8](repeating: 0xff, count: 64).withUnsafeBytes { pwrite(file.rawValue, $0.baseAddress, 64, 10) }
        #expect(throws: CaptureReadError.self) { try snapshot.read(0..<10) }
        capture.close()
    }

    @Test func theWaitsDoubleFromOneSecondToAMinute() {
        var backOff = CompressionBackOff()
        #expect((0..<8).map { _ in backOff.next().seconds } == [1, 2, 4, 8, 16, 32, 60, 60])
    }
}
