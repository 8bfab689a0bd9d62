package import ProcIO

/// What could be read of a capture at one moment.
///
/// It holds the descriptors of what it shows, so it stays readable when the
/// capture goes on, is compressed, or is closed.
package struct CaptureSnapshot: Sendable {
    enum Part: Sendable {
        /// `count` bytes of a file, from `offset` on.
        case stored(SharedFD, offset: Int, count: Int)
        case bytes([UInt8])
        case gzip(GzipFile)

        var count: Int {
            switch self {
            case .stored(_, offset: _, let count): count
            case .bytes(let bytes): bytes.count
            case .gzip(let file): file.plainCount
            }
        }
    }

    /// Up to here a read takes well under a millisecond.
    private static let quickCount = 64 << 10

    let parts: [Part]
    /// How many plain bytes there are.
    package let count: Int

    init(parts: [Part]) {
        self.parts = parts
        count = parts.reduce(0) { $0 + $1.count }
    }

    /// Whether reading all of it is quick enough for the loop: little, and not compressed.
    package var readsQuickly: Bool { count <= Self.quickCount && gzip == nil }

    /// The whole as one gzip stream, where it is compressed: the file and how many bytes of it (from offset 0).
    package var gzip: (file: SharedFD, count: Int)? {
        guard case .gzip(let file)? = parts.first else { return nil }
        return (file.file, file.count)
    }

    /// The plain bytes in `range`; what lies outside the snapshot is left out.
    package func read(_ range: Range<Int>) throws(CaptureReadError) -> [UInt8] {
        let range = range.clamped(to: 0..<count)
        return try CaptureReader(self, from: range.lowerBound).read(range.count)
    }
}
