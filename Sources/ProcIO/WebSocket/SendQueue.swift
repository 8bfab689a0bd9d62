internal import CWebSocket

/// The content of a message that is made while it is sent.
///
/// It is asked on the loop. It may use the connection meanwhile, and also end it.
package protocol MessageSource: AnyObject {
    func nextPiece() throws -> MessagePiece
}

/// What a ``MessageSource`` has now.
package enum MessagePiece {
    /// The next bytes, at least one; best some 256 KiB.
    case bytes([UInt8])
    /// Nothing yet: ``WebSocketConnection/resume()`` is called when there is. Control frames go out meanwhile.
    case later
    case end
}

/// Messages that wait to become frames.
///
/// A class, since a source that is read may come back to the connection, and so to the queue.
final class SendQueue {
    enum Content {
        case bytes([UInt8])
        case source(any MessageSource)
    }

    /// What a source counts as in the queue: what it holds for us, about.
    private static let sourceWeight = 256 << 10
    /// What a message counts as besides its bytes, so that many small ones are no way around the limit: about what it
    /// takes to keep it.
    private static let entrySize = 256

    private final class Entry {
        let opcode: cws_opcode
        let source: (any MessageSource)?
        let length: UInt64?
        let compression: cws_compression
        let weight: Int
        var hasBegun = false
        /// Read from the source, or the whole message.
        var piece: [UInt8]
        /// How much of the piece is taken.
        var offset = 0

        init(_ opcode: cws_opcode, _ content: Content, length: UInt64?, _ compression: cws_compression) {
            self.opcode = opcode
            self.length = length
            self.compression = compression
            switch content {
            case .bytes(let bytes): (source, piece) = (nil, bytes)
            case .source(let source): (self.source, piece) = (source, [])
            }
            weight = SendQueue.entrySize + (source == nil ? piece.count : SendQueue.sourceWeight)
        }
    }

    private let limit: Int
    /// Those before ``next`` are done, and nil, so that nothing is kept longer than it is needed.
    private var entries: [Entry?] = []
    private var next = 0
    /// What the messages that wait count as, in bytes.
    private var weight = 0

    init(limit: Int) { self.limit = limit }

    var isEmpty: Bool { next == entries.count }
    var isHalfEmpty: Bool { weight <= limit / 2 }

    /// Whether one more of `count` bytes may wait. One that is longer than the limit may, alone.
    func hasRoom(for count: Int) -> Bool { isEmpty || (count <= limit && weight + Self.entrySize <= limit - count) }

    func hasRoomForSource() -> Bool { hasRoom(for: Self.sourceWeight) }

    func append(_ opcode: cws_opcode, _ content: Content, length: UInt64?, _ compression: cws_compression) {
        let entry = Entry(opcode, content, length: length, compression)
        entries.append(entry)
        weight += entry.weight
    }

    func removeAll() {
        entries = []
        next = 0
        weight = 0
    }

    /// Moves messages into frames until there is no room or nothing is left. After a failure the message that was
    /// under way can't be ended.
    func drain(into frames: FrameEngine) throws {
        while let entry = first, frames.hasRoom {
            guard try write(entry, into: frames) else { return }
            removeFirst()
        }
    }

    private var first: Entry? { isEmpty ? nil : entries[next] }

    private func removeFirst() {
        weight -= entries[next]?.weight ?? 0
        entries[next] = nil
        next += 1
        if next == entries.count {
            entries = []
            next = 0
        } else if next >= 1024 {
            entries.removeFirst(next)
            next = 0
        }
    }

    /// Whether the message is done; else there is no room, or nothing to send yet, or it is no longer wanted.
    private func write(_ entry: Entry, into frames: FrameEngine) throws -> Bool {
        if !entry.hasBegun {
            try frames.begin(entry.opcode, length: entry.length, entry.compression)
            entry.hasBegun = true
        }
        while true {
            while entry.offset < entry.piece.count {
                let count = try entry.piece.withUnsafeBufferPointer { piece in
                    try frames.write(UnsafeBufferPointer(rebasing: piece[entry.offset...]))
                }
                if count == 0 { return false }
                entry.offset += count
            }
            guard let source = entry.source else { break }
            let piece = try source.nextPiece()
            // The source may have ended the connection.
            guard first === entry else { return false }
            switch piece {
            case .bytes(let bytes): (entry.piece, entry.offset) = (bytes, 0)
            case .later: return false
            case .end:
                try frames.end()
                return true
            }
        }
        try frames.end()
        return true
    }
}
