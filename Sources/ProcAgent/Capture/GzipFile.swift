internal import CLinux
internal import CZlib
internal import ProcCore
internal import ProcIO

/// A document as one gzip stream (RFC 1952) that can be entered at many places.
///
/// Every ``span`` of plain bytes starts afresh (Z_FULL_FLUSH): byte-aligned, and
/// without references to what was before.
struct GzipFile: Sendable {
    /// A read inflates at most this much for nothing: half a millisecond. Costs about 1 % of size.
    static let span = 256 << 10

    let file: SharedFD
    /// Bytes of the stream.
    let count: Int
    /// Bytes of the document.
    let plainCount: Int
    /// Where in the stream each span starts.
    let starts: [Int]
}

extension GzipFile {
    /// The file that is on record, out of those that somebody held.
    init(_ record: CaptureRecord.Compressed, held: [UInt8: SharedFD]) throws(RestoreFailure) {
        guard let file = held[record.slot] else { throw .missing("its compressed file") }
        guard record.count == FileState(of: file).size else {
            throw .inconsistent("its compressed file has another size than it had")
        }
        // So that whoever reads finds a start for each place.
        guard record.plainCount > 0, record.starts.count == (record.plainCount - 1) / Self.span + 1 else {
            throw .inconsistent("where its compressed file can be entered is not known")
        }
        self.init(file: file, count: record.count, plainCount: record.plainCount, starts: record.starts)
    }

    /// What goes on record of it.
    func record(in slot: UInt8, total: UInt64, cut: UInt64) -> CaptureRecord {
        .compressed(
            CaptureRecord.Compressed(
                slot: slot, count: count, plainCount: plainCount, starts: starts, total: total, cut: cut))
    }
}

/// A z_stream, which must not move while zlib works with it.
struct ZlibStream: ~Copyable, @unchecked Sendable {
    // Unchecked: it can't be copied, so whoever has it is alone in reaching what the pointer points to.

    enum Kind {
        case gzip(level: CInt)
        case inflateRaw
    }

    let pointer: UnsafeMutablePointer<z_stream>
    private let kind: Kind

    init(_ kind: Kind) {
        self.kind = kind
        pointer = .allocate(capacity: 1)
        pointer.initialize(to: z_stream())
        let code =
            switch kind {
            case .gzip(let level): czlib_gzip_init(pointer, level)
            case .inflateRaw: czlib_raw_inflate_init(pointer)
            }
        // The arguments are constants, so only memory can be short, and no allocation of Swift's survives that either.
        guard code == Z_OK else { fatalError("zlib: out of memory") }
    }

    deinit {
        switch kind {
        case .gzip: deflateEnd(pointer)
        case .inflateRaw: inflateEnd(pointer)
        }
        pointer.deallocate()
    }
}

/// Inflates a ``GzipFile`` from some plain offset on.
struct Inflation: ~Copyable, @unchecked Sendable {
    // Unchecked for the input buffer, which nobody else has (see ZlibStream).

    private static let inputSize = 64 << 10

    private let file: GzipFile
    private let stream = ZlibStream(.inflateRaw)
    private let input: UnsafeMutableRawBufferPointer
    /// Where in the file the next input lies.
    private var offset: Int

    init(of file: GzipFile, from position: Int) throws(CaptureReadError) {
        self.file = file
        let span = min(position / GzipFile.span, file.starts.count - 1)
        offset = file.starts[span]
        input = .allocate(byteCount: Self.inputSize, alignment: 16)
        try skip(position - span * GzipFile.span)
    }

    deinit { input.deallocate() }

    private mutating func skip(_ count: Int) throws(CaptureReadError) {
        guard count > 0 else { return }
        let waste = UnsafeMutableRawBufferPointer.allocate(byteCount: min(count, 64 << 10), alignment: 16)
        defer { waste.deallocate() }
        var left = count
        while left > 0 {
            let now = min(left, waste.count)
            try read(into: UnsafeMutableRawBufferPointer(rebasing: waste[..<now]))
            left -= now
        }
    }

    /// Fills `target` with the next plain bytes.
    mutating func read(into target: UnsafeMutableRawBufferPointer) throws(CaptureReadError) {
        var filled = 0
        while filled < target.count {
            // zlib counts in 32 bits.
            let wanted = min(target.count - filled, Int(Int32.max))
            let rest = UnsafeMutableRawBufferPointer(rebasing: target[filled...])
            stream.pointer.pointee.next_out = rest.baseAddress?.assumingMemoryBound(to: Bytef.self)
            stream.pointer.pointee.avail_out = uInt(wanted)
            if stream.pointer.pointee.avail_in == 0 { try refill() }
            let code = inflate(stream.pointer, Z_NO_FLUSH)
            let produced = wanted - Int(stream.pointer.pointee.avail_out)
            filled += produced
            switch code {
            case Z_OK, Z_BUF_ERROR: continue
            case Z_STREAM_END where filled == target.count: return
            default: throw .corrupt(stream.pointer.pointee.msg.map { String(cString: $0) } ?? "ends too early")
            }
        }
    }

    private mutating func refill() throws(CaptureReadError) {
        let count = try file.file.read(into: input, at: offset)
        if count == 0 { throw .corrupt("ends too early") }
        offset += count
        stream.pointer.pointee.next_in = input.baseAddress?.assumingMemoryBound(to: Bytef.self)
        stream.pointer.pointee.avail_in = uInt(count)
    }
}
