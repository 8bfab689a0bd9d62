internal import CZlib
internal import ProcCore
internal import ProcIO

/// Compresses one snapshot, a slice at a time.
final class GzipWriter: Sendable {
    enum Progress: Sendable {
        case more
        case done(GzipFile)
        /// It would not become small enough.
        case notWorthIt
        case failed(any Error)
    }

    /// zlib's fastest: 190 MB/s on log lines, at 22 % of their size; level 3 makes that 21 % and takes 1.7 times as long.
    private static let level: CInt = 1

    private struct Work: ~Copyable {
        let stream = ZlibStream(.gzip(level: GzipWriter.level))
        var output = SegmentChain()
        var starts: [Int] = []
        var left: Int
    }

    private let snapshot: CaptureSnapshot
    private let reader: CaptureReader
    private let place: CapturePlace
    private let files: UnnamedFile
    private let work: Guarded<Work>

    init(_ snapshot: CaptureSnapshot, to place: CapturePlace, files: UnnamedFile) {
        self.snapshot = snapshot
        reader = CaptureReader(snapshot)
        self.place = place
        self.files = files
        work = Guarded(Work(left: snapshot.count))
    }

    /// Compresses the next `count` bytes or so.
    func advance(_ count: Int) -> Progress {
        let plain = UnsafeMutableRawBufferPointer.allocate(byteCount: GzipFile.span, alignment: 16)
        let packed = UnsafeMutableRawBufferPointer.allocate(byteCount: GzipFile.span, alignment: 16)
        defer {
            plain.deallocate()
            packed.deallocate()
        }
        return work.withLock { work in
            do {
                var done = 0
                while done < count, work.left > 0 {
                    done += try addSpan(to: &work, plain: plain, packed: packed)
                    if work.output.count > snapshot.count / 10 * 9 { return .notWorthIt }
                }
            } catch {
                return .failed(error)
            }
            guard work.left == 0, let file = work.output.segments.first?.file else { return .more }
            return .done(
                GzipFile(file: file, count: work.output.count, plainCount: snapshot.count, starts: work.starts))
        }
    }

    private func addSpan(
        to work: inout Work, plain: UnsafeMutableRawBufferPointer, packed: UnsafeMutableRawBufferPointer
    ) throws -> Int {
        let count = try reader.read(into: .init(rebasing: plain.prefix(work.left)))
        guard count > 0 else { throw CaptureReadError.shorter }
        work.left -= count
        // The header, 10 bytes that name neither file nor time, comes before the first span.
        work.starts.append(work.starts.isEmpty ? 10 : work.output.count)

        let stream = work.stream.pointer
        stream.pointee.next_in = plain.baseAddress?.assumingMemoryBound(to: Bytef.self)
        stream.pointee.avail_in = uInt(count)
        repeat {
            stream.pointee.next_out = packed.baseAddress?.assumingMemoryBound(to: Bytef.self)
            stream.pointee.avail_out = uInt(packed.count)
            let code = deflate(stream, work.left == 0 ? Z_FINISH : Z_FULL_FLUSH)
            precondition(code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR, "deflate: \(code)")
            let made = UnsafeRawBufferPointer(packed).dropLast(Int(stream.pointee.avail_out))
            try work.output.append(UnsafeRawBufferPointer(rebasing: made), to: .made(in: place, from: files))
        } while stream.pointee.avail_out == 0
        return count
    }
}
