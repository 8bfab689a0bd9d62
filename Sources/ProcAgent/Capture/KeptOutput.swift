internal import Glibc
internal import ProcCore
internal import ProcIO

/// What is kept of a stream: everything, or its head and its tail.
///
/// The tail is two chains, of which the older is dropped when the newer has
/// grown to be a tail by itself. A ring that overwrites itself would need half
/// the room, and spoil every snapshot that someone is still reading.
///
/// Where somebody else holds the files, each must be added, and be held, before
/// anything goes to it; and there is one, too, for what is only counted, whose size is the count.
struct KeptOutput: Sendable {
    /// A tail's chain gets at least this long, so that a short tail of a long output isn't a new file every few bytes.
    private static let leastChain = 64 << 10
    /// What there is at most at a time. (It is never more than a handful, unless a disk is full again and again.)
    private static let mostFiles = 200

    private let headCapacity: Int
    private let tailCapacity: Int
    private let source: UnnamedFile
    /// Whether somebody else holds the files.
    let isHeld: Bool
    private var head = SegmentChain(number: 0)
    private var older = SegmentChain()
    /// The tail, or else what is only counted.
    private var newer = SegmentChain(number: 1)
    private var isGivenUp = false
    /// What isn't kept is counted here alone, and not in a file.
    private var countsHere: Bool
    private var overflows = false

    /// Where the next byte goes; never from disk back to memory.
    private(set) var place: CapturePlace
    /// How many bytes have come in all.
    private(set) var total: UInt64 = 0

    init(_ parameters: CaptureParameters, files: UnnamedFile, isHeld: Bool = false) {
        source = files
        self.isHeld = isHeld
        countsHere = !isHeld
        place = parameters.mode == .memory ? .memory : .disk
        let limit = parameters.limit ?? .max
        switch parameters.keep {
        case .head: (headCapacity, tailCapacity) = (limit, 0)
        case .tail: (headCapacity, tailCapacity) = parameters.limit == nil ? (limit, 0) : (0, limit)
        case .both: (headCapacity, tailCapacity) = parameters.limit == nil ? (limit, 0) : (limit - limit / 2, limit / 2)
        }
    }

    private var chainCapacity: Int { tailCapacity > 0 ? max(tailCapacity, Self.leastChain) : .max }

    private var isInHead: Bool { head.count < headCapacity }

    /// How many bytes lie in memory.
    var memoryCount: Int { head.memoryCount + (tailCapacity > 0 ? older.memoryCount + newer.memoryCount : 0) }

    /// All that lies somewhere.
    var files: [SharedFD] { (head.segments + older.segments + newer.segments).map(\.file) }

    var fileCount: Int { head.segments.count + older.segments.count + newer.segments.count }

    /// Those of ``files`` that `other` does without.
    func files(notIn other: KeptOutput) -> [SharedFD] {
        files.filter { file in !other.files.contains { $0 === file } }
    }

    /// Whether some bytes lie on disk.
    var reachesDisk: Bool { head.reachesDisk || older.reachesDisk || newer.reachesDisk }

    /// Whether whatever comes now is only counted.
    var storesNothingMore: Bool { isGivenUp || (tailCapacity == 0 && !isInHead) }

    /// Whether whatever comes now needs no file.
    var needsNoMoreFiles: Bool { isGivenUp || (storesNothingMore && countsHere) }

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

    // MARK: Taking in

    private var target: SegmentChain.Target { isHeld ? .last : .made(in: place, from: source) }

    /// Takes in what has come. An obstacle of the kind `noRoom` means that it has been taken in all the same.
    ///
    /// Where the files are held, that may be no more than ``room``.
    mutating func append(_ bytes: UnsafeRawBufferPointer) throws(StoreObstacle) {
        total += UInt64(bytes.count)
        guard !isGivenUp else { return }
        var obstacle: StoreObstacle?
        let toHead = min(bytes.count, headCapacity - head.count)
        if toHead > 0 {
            do throws(StoreObstacle) {
                try head.append(UnsafeRawBufferPointer(rebasing: bytes.prefix(toHead)), to: target)
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
        if rest.count > tailCapacity, !isHeld {
            older = SegmentChain()
            newer = SegmentChain()
            rest = rest.suffix(tailCapacity)
        }
        var obstacle: StoreObstacle?
        while !rest.isEmpty {
            let count = min(rest.count, chainCapacity - newer.count)
            do throws(StoreObstacle) {
                try newer.append(UnsafeRawBufferPointer(rebasing: rest.prefix(count)), to: target)
            } catch {
                obstacle = error
            }
            rest = rest.dropFirst(count)
            rotateTail()
        }
        if let obstacle { throw obstacle }
    }

    private mutating func rotateTail() {
        if newer.count >= tailCapacity { older = SegmentChain() }
        if newer.count == chainCapacity {
            older = newer
            newer = SegmentChain(number: newer.number + 1)
        }
    }

    /// Tries again what there was no room for.
    mutating func storeHeldBack() throws(StoreObstacle) {
        try head.storeHeldBack(to: target)
        try older.storeHeldBack(to: target)
        try newer.storeHeldBack(to: target)
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

// MARK: - Files that somebody else holds

extension KeptOutput {
    /// How many bytes fit where the next one goes.
    var room: Int { isInHead ? headCapacity - head.count : chainCapacity - newer.count }

    /// Where the file is that the next byte goes to.
    var nextPlace: CapturePlace { overflows || storesNothingMore ? .memory : place }

    /// Whether there is yet no file for the next byte.
    var needsFile: Bool { (isInHead ? head : newer).needsFile(in: nextPlace) }

    /// Whether what comes next must wait for what is held back.
    var isNextHeldBack: Bool { !(isInHead ? head : newer).heldBack.isEmpty }

    /// Makes the file for the next byte. It must be held before anything else is done here.
    mutating func addFile() throws(SystemError) -> SharedFD {
        guard fileCount < Self.mostFiles else { throw SystemError("add a file to a capture", errno: EMFILE) }
        return isInHead ? try head.addFile(in: nextPlace, from: source) : try newer.addFile(in: nextPlace, from: source)
    }

    /// Moves up to `most` bytes, but no more than ``room``, out of a pipe, as ``SegmentChain/take(from:most:)`` does.
    mutating func take(from pipe: SharedFD, most: Int) throws(StoreObstacle) -> Int? {
        let isWaste = storesNothingMore
        let most = min(most, room)
        let moved = isInHead ? try head.take(from: pipe, most: most) : try newer.take(from: pipe, most: most)
        guard let moved else { return nil }
        total += UInt64(moved)
        if isWaste { newer.waste(last: moved) } else { rotateTail() }
        return moved
    }

    /// Goes on in memory, until ``endOverflow()``, as there is no room on the disk. False where that is the case already.
    mutating func overflow() -> Bool {
        guard nextPlace == .disk else { return false }
        overflows = true
        return true
    }

    /// Whether that was so.
    mutating func endOverflow() -> Bool {
        defer { overflows = false }
        return overflows
    }

    /// What isn't kept is no longer counted in a file, since that doesn't work.
    mutating func countHere() { countsHere = true }

    /// One that has been given up, into which `total` bytes have come so far.
    init(_ parameters: CaptureParameters, files: UnnamedFile, givenUpAfter total: UInt64) {
        self.init(parameters, files: files, isHeld: true)
        self.total = total
        giveUp()
    }

    /// Makes it whole again from the files that were held. It may do without some of them.
    init(
        _ parameters: CaptureParameters, files: UnnamedFile, restoring held: [SharedFD]
    ) throws(RestoreFailure) {
        self.init(parameters, files: files, isHeld: true)
        let chains = try SegmentChain.restored(from: held)
        if headCapacity > 0 {
            guard let found = chains[0] else { throw .missing("its first file") }
            head = found
        }
        if let newest = chains.keys.max(), newest > 0, let found = chains[newest] {
            newer = found
            if newer.count < tailCapacity, newest > 1 {
                guard let found = chains[newest - 1] else { throw .missing("the file before its last one") }
                older = found
            }
        } else if headCapacity == 0 {
            throw .missing("its first file")
        }
        try checkCounts()
        total =
            UInt64(head.count) + UInt64(newer.number - 1) * UInt64(tailCapacity > 0 ? chainCapacity : 0)
            + UInt64(newer.count)
        rotateTail()
        if reachesDisk { moveToDisk() }
    }

    private func checkCounts() throws(RestoreFailure) {
        let isTailSound =
            newer.segments.isEmpty
            || (head.count == headCapacity && newer.count <= chainCapacity && (tailCapacity > 0 || newer.number == 1))
        guard head.count <= headCapacity, isTailSound, older.segments.isEmpty || older.count == chainCapacity else {
            throw .inconsistent("its files have other sizes than it would have given them")
        }
        let past = UInt64(newer.number - 1).multipliedReportingOverflow(by: UInt64(chainCapacity))
        guard !past.overflow, past.partialValue < UInt64(Int.max) else {
            throw .inconsistent("a file of it says that it comes after more bytes than there can be")
        }
    }
}
