/// What a message of an agent says, as far as a measurement has to know: found at a glance, since decoding thousands of
/// results would slow down what is measured.
enum AgentEvent {
    case registered
    case running
    /// - Parameter well: By itself, with status 0.
    case ended(well: Bool)
    case deleted
    /// Output, and nothing else, of so many bytes.
    case output(Int)
    case shutDown
    /// Anything else: its beginning, as far as it can be read.
    case other(String)

    /// So much of a message has to be kept.
    static let headLength = 4096

    /// - Parameters:
    ///   - head: The message, or its first ``headLength`` bytes.
    ///   - count: Bytes of the whole message.
    init(head: UnsafeRawBufferPointer, count: Int) {
        // The type is the first member of the message.
        switch Self.text(behind: Self.keys.type, in: head) {
        case "Register": self = .registered
        case "ShutDown": self = .shutDown
        case "ProcDelete": self = .deleted
        case "ProcResult":
            // The state is the first member of the result; what has the same name within comes later.
            switch Self.text(behind: Self.keys.state, in: head) {
            case "running": self = .running
            case "terminated": self = .ended(well: Self.offset(behind: Self.cleanExit, in: head) != nil)
            default: self = .other(Self.legible(head))
            }
        case "ProcFdData":
            self = Self.dataLength(head, of: count).map { .output($0) } ?? .other(Self.legible(head))
        default: self = .other(Self.legible(head))
        }
    }

    /// `"status": {"status": 0, …` with five members.
    private static let cleanExit = bytes(of: "status") + [0x85] + bytes(of: "status") + [0]

    /// A short string as MessagePack has it.
    private static func bytes(of text: String) -> [UInt8] { [0xa0 | UInt8(text.utf8.count)] + text.utf8 }

    private static let keys = (type: bytes(of: "type"), state: bytes(of: "state"), data: bytes(of: "data"))

    private static func offset(behind pattern: [UInt8], in head: UnsafeRawBufferPointer) -> Int? {
        var rest = head[...]
        while rest.count >= pattern.count, let place = rest.firstIndex(of: pattern[0]) {
            rest = rest[place...]
            if rest.starts(with: pattern) { return place + pattern.count }
            rest = rest.dropFirst()
        }
        return nil
    }

    /// The short string behind a key where that first occurs.
    private static func text(behind key: [UInt8], in head: UnsafeRawBufferPointer) -> String? {
        guard let place = offset(behind: key, in: head), place < head.count, head[place] & 0xe0 == 0xa0
        else { return nil }
        let text = head[(place + 1)...].prefix(Int(head[place] & 0x1f))
        return String(decoding: text, as: UTF8.self)
    }

    /// The length of the binary that ends the message; nil if it doesn't.
    private static func dataLength(_ head: UnsafeRawBufferPointer, of count: Int) -> Int? {
        guard let place = offset(behind: keys.data, in: head), place + 5 <= head.count, head[place] == 0xc6
        else { return nil }
        let length = head[(place + 1)...].prefix(4).reduce(0) { $0 << 8 | Int($1) }
        return place + 5 + length == count ? length : nil
    }

    private static func legible(_ head: UnsafeRawBufferPointer) -> String {
        String(decoding: head.prefix(600).map { 0x20..<0x7f ~= $0 ? $0 : UInt8(ascii: ".") }, as: UTF8.self)
    }
}
