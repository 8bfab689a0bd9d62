internal import CWebSocket

/// The content of a message that is made while it is sent.
package protocol MessageSource: AnyObject {
    /// Puts the next bytes at the front of `buffer`. How many; 0 at the end.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int
}

/// Messages that wait to become frames.
struct SendQueue {
    enum Content {
        case bytes([UInt8])
        case source(any MessageSource)
    }

    /// What a source may hold for us, and what it counts as in the queue.
    private static let pieceSize = 64 << 10

    private final class Entry {
        let opcode: cws_opcode
        let content: Content
        let length: UInt64?
        let compression: cws_compression
        var hasBegun = false
        /// Read from the source, or the whole message.
        var piece: [UInt8]
        /// How much of the piece is taken.
        var offset = 0

        var weight: Int {
            switch content {
            case .bytes(let bytes): bytes.count
            case .source: SendQueue.pieceSize
            }
        }

        init(_ opcode: cws_opcode, _ content: Content, length: UInt64?, _ compression: cws_compression) {
            self.opcode = opcode
            self.content = content
            self.length = length
            self.compression = compression
            if case .bytes(let bytes) = content { piece = bytes } else { piece = [] }
        }
    }

    /// What the source of a message said in place of bytes, or the frames.
    struct Failure: Error {
        let reason: String
    }

    private let limit: Int
    private var entries: [Entry] = []
    /// The first in ``entries`` that is not done.
    private var next = 0
    /// Bytes that wait.
    private(set) var weight = 0

    init(limit: Int) { self.limit = limit }

    var isEmpty: Bool { next == entries.count }
    var isHalfEmpty: Bool { weight <= limit / 2 }

    /// Whether one more of `count` bytes may wait. One that is longer than the limit may, alone.
    func hasRoom(for count: Int) -> Bool { isEmpty || (count <= limit && weight <= limit - count) }

    func hasRoomForSource() -> Bool { hasRoom(for: Self.pieceSize) }

    mutating func append(_ opcode: cws_opcode, _ content: Content, length: UInt64?, _ compression: cws_compression) {
        let entry = Entry(opcode, content, length: length, compression)
        entries.append(entry)
        weight += entry.weight
    }

    mutating func removeAll() {
        entries = []
        next = 0
        weight = 0
    }

    /// Moves messages into frames until there is no room or nothing is left. After a failure the message that was
    /// under way can't be ended.
    mutating func drain(into frames: FrameEngine) throws {
        while next < entries.count, frames.hasRoom {
            let entry = entries[next]
            guard try Self.write(entry, into: frames) else { return }
            weight -= entry.weight
            next += 1
            if next == entries.count {
                entries = []
                next = 0
            } else if next >= 1024 {
                entries.removeFirst(next)
                next = 0
            }
        }
    }

    /// Whether the message is done; else there is no room.
    private static func write(_ entry: Entry, into frames: FrameEngine) throws -> Bool {
        if !entry.hasBegun {
            try frames.begin(entry.opcode, length: entry.length, entry.compression)
            entry.hasBegun = true
        }
        repeat {
            while entry.offset < entry.piece.count {
                let count = try entry.piece.withUnsafeBufferPointer { piece in
                    try frames.write(UnsafeBufferPointer(rebasing: piece[entry.offset...]))
                }
                if count == 0 { return false }
                entry.offset += count
            }
        } while try readMore(entry)
        try frames.end()
        return true
    }

    /// Whether the source gave another piece.
    private static func readMore(_ entry: Entry) throws -> Bool {
        guard case .source(let source) = entry.content else { return false }
        entry.offset = 0
        entry.piece = try [UInt8](unsafeUninitializedCapacity: pieceSize) { buffer, count in
            count = try source.read(into: UnsafeMutableRawBufferPointer(buffer))
        }
        return !entry.piece.isEmpty
    }
}
