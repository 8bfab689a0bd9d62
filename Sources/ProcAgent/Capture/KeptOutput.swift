internal import ProcIO

/// What is kept of a stream: everything, or its head and its tail.
///
/// The tail is two chains, of which the older is dropped when the newer has
/// grown to be a tail by itself. A ring that overwrites itself would need half
/// the room, and spoil every snapshot that someone is still reading.
struct KeptOutput: Sendable {
    /// A tail's chain gets at least this long, so that a short tail of a long output isn't a new file every few bytes.
    private static let leastChain = 64 << 10

    private let headCapacity: Int
    private let tailCapacity: Int
    private let source: UnnamedFile
    private var head = SegmentChain()
    private var older = SegmentChain()
    private var newer = SegmentChain()
    private var isGivenUp = false

    /// Where the next byte goes; never from disk back to memory.
    private(set) var place: CapturePlace
    /// How many bytes have come in all.
    private(set) var total: UInt64 = 0

    init(_ parameters: CaptureParameters, files: UnnamedFile) {
        source = files
        place = parameters.mode == .memory ? .memory : .disk
        let limit = parameters.limit ?? .max
        switch parameters.keep {
        case .head: (headCapacity, tailCapacity) = (limit, 0)
        case .tail: (headCapacity, tailCapacity) = parameters.limit == nil ? (limit, 0) : (0, limit)
        case .both: (headCapacity, tailCapacity) = parameters.limit == nil ? (limit, 0) : (limit - limit / 2, limit / 2)
        }
    }

    /// How many bytes lie in memory.
    var memoryCount: Int { head.memoryCount + older.memoryCount + newer.memoryCount }

    /// All that lies somewhere.
    var files: [SharedFD] { (head.segments + older.segments + newer.segments).map(\.file) }

    /// Those of ``files`` that `other` does without.
    func files(notIn other: KeptOutput) -> [SharedFD] {
        files.filter { file in !other.files.contains { $0 === file } }
    }

    /// Whether some bytes lie on disk.
    var reachesDisk: Bool { head.reachesDisk || older.reachesDisk || newer.reachesDisk }

    /// Whether whatever comes now is only counted.
    var storesNothingMore: Bool { isGivenUp || (tailCapacity == 0 && head.count == headCapacity) }

    /// Whether bytes wait for room.
    var isHeldBack: Bool { !(head.heldBack.isEmpty && older.heldBack.isEmpty && newer.heldBack.isEmpty) }

    /// How many bytes have been cut.
    var cut: UInt64 { isGivenUp ? total : total - UInt64(head.count + keptTail) }

    private var keptTail: Int { min(tailCapacity, older.count + newer.count) }

    /// From now on everything goes to disk.
    mutating func moveToDisk() { place = .disk }

    /// Drops what there is; whatever comes later is only counted.
    mutating func giveUp() {
        isGivenUp = true
        head = SegmentChain()
        older = SegmentChain()
        newer = SegmentChain()
    }

    /// Takes in what has come. An obstacle of the kind `noRoom` means that it has been taken in all the same.
    mutating func append(_ bytes: UnsafeRawBufferPointer) throws(StoreObstacle) {
        total += UInt64(bytes.count)
        guard !isGivenUp else { return }
        var obstacle: StoreObstacle?
        let toHead = min(bytes.count, headCapacity - head.count)
        if toHead > 0 {
            do throws(StoreObstacle) {
                try head.append(UnsafeRawBufferPointer(rebasing: bytes.prefix(toHead)), in: place, files: source)
            } catch {
                obstacle = error
            }
        }
        if toHead < bytes.count, tailCapacity > 0 {
            do throws(StoreObstacle) {
                try appendToTail(bytes.dropFirst(toHead))
            } catch {
                obstacle = error
            }
        }
        if let obstacle { throw obstacle }
    }

    private mutating func appendToTail(_ bytes: Slice<UnsafeRawBufferPointer>) throws(StoreObstacle) {
        var rest = bytes
        if rest.count > tailCapacity {
            older = SegmentChain()
            newer = SegmentChain()
            rest = rest.suffix(tailCapacity)
        }
        var obstacle: StoreObstacle?
        let capacity = max(tailCapacity, Self.leastChain)
        while !rest.isEmpty {
            let count = min(rest.count, capacity - newer.count)
            do throws(StoreObstacle) {
                try newer.append(UnsafeRawBufferPointer(rebasing: rest.prefix(count)), in: place, files: source)
            } catch {
                obstacle = error
            }
            rest = rest.dropFirst(count)
            if newer.count >= tailCapacity { older = SegmentChain() }
            if newer.count == capacity {
                older = newer
                newer = SegmentChain()
            }
        }
        if let obstacle { throw obstacle }
    }

    /// Tries again what there was no room for.
    mutating func storeHeldBack() throws(StoreObstacle) {
        try head.storeHeldBack(in: place, files: source)
        try older.storeHeldBack(in: place, files: source)
        try newer.storeHeldBack(in: place, files: source)
    }

    /// Head, mark and tail; the mark only where something was cut, so the whole is that much longer than the limit.
    func document() -> CaptureSnapshot {
        guard !isGivenUp else { return CaptureSnapshot(parts: []) }
        var parts = head.parts(last: head.count)
        if cut > 0 { parts.append(.bytes(Array(Self.mark(cut: cut).utf8))) }
        parts += older.parts(last: max(0, keptTail - newer.count))
        parts += newer.parts(last: keptTail)
        return CaptureSnapshot(parts: parts)
    }

    /// The line that stands where `cut` bytes are missing.
    static func mark(cut: UInt64) -> String { "\n[procstar: \(cut) bytes cut]\n" }
}
