internal import CLinux
internal import ProcCore
internal import ProcIO

/// What stands in the way of storing bytes.
enum StoreObstacle: Error, CustomStringConvertible {
    /// No disk space, quota, descriptor or memory now; there may be some later. The bytes are held back, not lost.
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

    /// At most one in memory, then at most one on disk.
    private(set) var segments: [Segment] = []
    /// What there was no room for. Whoever appends stops reading then, so this is at most what one
    /// read brought and what a pipe holds.
    private(set) var heldBack: [UInt8] = []
    private(set) var count = 0

    var memoryCount: Int {
        guard let first = segments.first, first.place == .memory else { return 0 }
        return first.count
    }

    var reachesDisk: Bool { segments.last?.place == .disk }

    /// Adds `bytes`. They are part of the chain afterwards also when there is no room.
    mutating func append(
        _ bytes: UnsafeRawBufferPointer, in place: CapturePlace, files: UnnamedFile
    ) throws(StoreObstacle) {
        count += bytes.count
        guard heldBack.isEmpty else {
            heldBack.append(contentsOf: bytes)
            return try storeHeldBack(in: place, files: files)
        }
        var stored = 0
        do throws(SystemError) {
            try store(bytes, in: place, files: files, stored: &stored)
        } catch {
            heldBack.append(contentsOf: bytes.dropFirst(stored))
            throw StoreObstacle(error)
        }
    }

    /// Tries again what there was no room for.
    mutating func storeHeldBack(in place: CapturePlace, files: UnnamedFile) throws(StoreObstacle) {
        guard !heldBack.isEmpty else { return }
        let bytes = heldBack
        var stored = 0
        var failure: SystemError?
        bytes.withUnsafeBytes { bytes in
            do throws(SystemError) {
                try store(bytes, in: place, files: files, stored: &stored)
            } catch {
                failure = error
            }
        }
        heldBack.removeFirst(stored)
        if let failure { throw StoreObstacle(failure) }
    }

    private mutating func store(
        _ bytes: UnsafeRawBufferPointer, in place: CapturePlace, files: UnnamedFile, stored: inout Int
    ) throws(SystemError) {
        guard !bytes.isEmpty else { return }
        if segments.last?.place != place {
            precondition(!reachesDisk, "nothing goes back to memory once it has reached the disk")
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
