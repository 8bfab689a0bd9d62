internal import CLinux
internal import ProcCore
internal import ProcIO

/// What stands in the way of storing bytes.
enum StoreObstacle: Error, CustomStringConvertible {
    /// No disk space, quota, descriptor or memory now; there may be some later. The bytes are held back or still in the
    /// pipe, not lost.
    case noRoom(SystemError)
    case failed(SystemError)

    init(_ error: SystemError) {
        switch error.errno {
        case ENOSPC, EDQUOT, EMFILE, ENFILE, ENOMEM: self = .noRoom(error)
        default: self = .failed(error)
        }
    }

    var description: String {
        switch self {
        case .noRoom(let error), .failed(let error): error.description
        }
    }
}

/// Bytes in the order they came: first in memory, then on disk.
///
/// Only ever appended to, so that a copy of this value stays a true snapshot
/// however much is written later.
struct SegmentChain: Sendable {
    struct Segment: Sendable {
        let file: SharedFD
        let place: CapturePlace
        var count = 0
    }

    /// The file that the next bytes go to.
    enum Target {
        /// The last one there is.
        case last
        /// The same if it lies there, and otherwise a new one.
        case made(in: CapturePlace, from: UnnamedFile)
    }

    /// Tells it from the other chains of the capture.
    let number: Int
    private(set) var segments: [Segment]
    /// What there was no room for. Whoever appends stops reading then, so this is at most what one
    /// read brought and what a pipe holds.
    private(set) var heldBack: [UInt8] = []
    private(set) var count: Int

    init(number: Int = 0, segments: [Segment] = []) {
        self.number = number
        self.segments = segments
        count = segments.reduce(0) { $0 + $1.count }
    }

    var memoryCount: Int { segments.reduce(0) { $1.place == .memory ? $0 + $1.count : $0 } }

    var reachesDisk: Bool { segments.contains { $0.place == .disk } }

    func needsFile(in place: CapturePlace) -> Bool { segments.last?.place != place }

    /// Adds `bytes`. They are part of the chain afterwards also when there is no room.
    mutating func append(_ bytes: UnsafeRawBufferPointer, to target: Target) throws(StoreObstacle) {
        count += bytes.count
        guard heldBack.isEmpty else {
            heldBack.append(contentsOf: bytes)
            return try storeHeldBack(to: target)
        }
        var stored = 0
        do throws(SystemError) {
            try store(bytes, to: target, stored: &stored)
        } catch {
            heldBack.append(contentsOf: bytes.dropFirst(stored))
            throw StoreObstacle(error)
        }
    }

    /// Tries again what there was no room for.
    mutating func storeHeldBack(to target: Target) throws(StoreObstacle) {
        guard !heldBack.isEmpty else { return }
        let bytes = heldBack
        var stored = 0
        var failure: SystemError?
        bytes.withUnsafeBytes { bytes in
            do throws(SystemError) {
                try store(bytes, to: target, stored: &stored)
            } catch {
                failure = error
            }
        }
        heldBack.removeFirst(stored)
        if let failure { throw StoreObstacle(failure) }
    }

    private mutating func store(
        _ bytes: UnsafeRawBufferPointer, to target: Target, stored: inout Int
    ) throws(SystemError) {
        guard !bytes.isEmpty else { return }
        if case .made(let place, let files) = target, needsFile(in: place) {
            segments.append(Segment(file: try files.create(in: place), place: place))
        }
        let last = segments.count - 1
        while stored < bytes.count {
            let written = pwrite(
                segments[last].file.rawValue, bytes.baseAddress.map { $0 + stored }, bytes.count - stored,
                segments[last].count)
            guard written >= 0 else {
                let error = SystemError.last("write captured output")
                if error.errno == EINTR { continue }
                throw error
            }
            stored += written
            segments[last].count += written
        }
    }

    /// Makes the file that the next bytes go to, marked as such.
    mutating func addFile(in place: CapturePlace, from files: UnnamedFile) throws(SystemError) -> SharedFD {
        guard segments.count < FileMark.mostInChain else { throw SystemError("add a file to a capture", errno: EMFILE) }
        let file = try files.create(in: place)
        try FileMark(chain: number, index: segments.count, place: place).put(on: file)
        segments.append(Segment(file: file, place: place))
        return file
    }

    /// Moves up to `most` bytes out of a pipe to the end of the last file, in one step of the kernel: at any moment each
    /// is either in the pipe or in the file, whose size says how many are. Where there is no room they stay in the pipe.
    ///
    /// - Returns: How many; 0 at the end of the pipe, nil when nothing waits.
    mutating func take(from pipe: SharedFD, most: Int) throws(StoreObstacle) -> Int? {
        precondition(heldBack.isEmpty, "what is held back comes before what is in the pipe")
        let last = segments.count - 1
        let moved = clinux_splice_to_file(
            pipe.rawValue, segments[last].file.rawValue, Int64(segments[last].count), most)
        switch CInt(truncatingIfNeeded: -moved) {
        case EAGAIN, EINTR: return nil
        case let errno where moved < 0: throw StoreObstacle(SystemError("write captured output", errno: errno))
        default:
            segments[last].count += Int(moved)
            count += Int(moved)
            return Int(moved)
        }
    }

    /// Gives back the room of the last `count` bytes, which nobody wants to read; the file stays as long as it is.
    func waste(last count: Int) {
        guard let last = segments.last else { return }
        // Of a page that is wasted in part, nothing is given back: so each begins where the former may have ended.
        let start = (last.count - count) / MemoryBudget.page * MemoryBudget.page
        // The file lies in memory, where this can't fail.
        _ = clinux_punch_hole(last.file.rawValue, Int64(start), Int64(last.count - start))
    }

    /// The last `wanted` bytes, or all if there are fewer.
    func parts(last wanted: Int) -> [CaptureSnapshot.Part] {
        var skip = max(0, count - wanted)
        var parts: [CaptureSnapshot.Part] = []
        for segment in segments where segment.count > 0 {
            let skipped = min(skip, segment.count)
            skip -= skipped
            guard skipped < segment.count else { continue }
            parts.append(.stored(segment.file, offset: skipped, count: segment.count - skipped))
        }
        if heldBack.count > skip { parts.append(.bytes(Array(heldBack.dropFirst(skip)))) }
        return parts
    }
}
