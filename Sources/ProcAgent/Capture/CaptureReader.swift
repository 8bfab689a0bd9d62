internal import CLinux
package import ProcCore
internal import ProcIO

/// Why captured bytes can't be read back: a clause for people.
package enum CaptureReadError: Error, Equatable, CustomStringConvertible {
    case system(SystemError)
    /// The process itself has truncated its file since.
    case shorter
    /// Our own compressed file is not what we wrote.
    case corrupt(String)

    package var description: String {
        switch self {
        case .system(let error): error.description
        case .shorter: "read captured output: shorter than it was"
        case .corrupt(let reason): "decompress captured output: \(reason)"
        }
    }
}

/// Reads a snapshot in blocks, one after the other, on whatever thread.
///
/// Between blocks it keeps its place in a compressed file, so that nothing is
/// inflated twice.
package final class CaptureReader: Sendable {
    private struct Place: ~Copyable {
        var part = 0
        var offset: Int
        var inflation: Inflation?
    }

    private let parts: [CaptureSnapshot.Part]
    // A lock, though in practice one block is read at a time: it is never waited for.
    private let place: Guarded<Place>

    /// Starts at `position`.
    package init(_ snapshot: CaptureSnapshot, from position: Int = 0) {
        parts = snapshot.parts
        place = Guarded(Place(offset: position))
    }

    /// The next `count` bytes, fewer only at the end.
    package func read(_ count: Int) throws(CaptureReadError) -> [UInt8] {
        // The standard library writes the count of an array made like this also where it is the one empty array that
        // all threads share.
        guard count > 0 else { return [] }
        var failure: CaptureReadError?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            do throws(CaptureReadError) {
                filled = try read(into: UnsafeMutableRawBufferPointer(buffer))
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Fills `buffer`; returns how many bytes were left to put there.
    package func read(into buffer: UnsafeMutableRawBufferPointer) throws(CaptureReadError) -> Int {
        try place.withLock { place throws(CaptureReadError) in
            var filled = 0
            while filled < buffer.count, place.part < parts.count {
                let part = parts[place.part]
                let count = min(buffer.count - filled, part.count - place.offset)
                if count > 0 {
                    let target = UnsafeMutableRawBufferPointer(rebasing: buffer[filled..<(filled + count)])
                    try Self.read(part, at: &place, into: target)
                    filled += count
                    place.offset += count
                }
                guard place.offset >= part.count else { break }
                place.offset -= part.count
                place.part += 1
                place.inflation = nil
            }
            return filled
        }
    }

    private static func read(
        _ part: CaptureSnapshot.Part, at place: inout Place, into target: UnsafeMutableRawBufferPointer
    ) throws(CaptureReadError) {
        switch part {
        case .stored(let file, let offset, count: _):
            try file.readFully(into: target, at: offset + place.offset)
        case .bytes(let bytes):
            bytes.withUnsafeBytes { target.copyMemory(from: .init(rebasing: $0[place.offset...].prefix(target.count))) }
        case .gzip(let file):
            if place.inflation == nil { place.inflation = try Inflation(of: file, from: place.offset) }
            try place.inflation?.read(into: target)
        }
    }
}

extension SharedFD {
    /// Reads up to `buffer.count` bytes at `offset`; 0 at the end of the file.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(CaptureReadError) -> Int {
        while true {
            let count = pread(rawValue, buffer.baseAddress, buffer.count, offset)
            if count >= 0 { return count }
            let error = SystemError.last("read captured output")
            if error.errno != EINTR { throw .system(error) }
        }
    }

    /// Fills `buffer` from `offset` on.
    func readFully(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(CaptureReadError) {
        var filled = 0
        while filled < buffer.count {
            let count = try read(into: .init(rebasing: buffer[filled...]), at: offset + filled)
            if count == 0 { throw .shorter }
            filled += count
        }
    }
}
