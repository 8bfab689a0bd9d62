import CWebSocket
import Testing

/// An event, with its bytes copied out of the connection.
enum Received: Equatable, Sendable {
    case message(opcode: UInt8, [UInt8], first: Bool, last: Bool)
    case ping([UInt8])
    case pong([UInt8])
    case close(UInt16, [UInt8])

    init(_ event: cws_event) {
        #expect(event.len == 0 || event.data != nil)
        let bytes = Array(UnsafeBufferPointer(start: event.data, count: event.len))
        switch event.kind {
        case CWS_EVENT_PING: self = .ping(bytes)
        case CWS_EVENT_PONG: self = .pong(bytes)
        case CWS_EVENT_CLOSE: self = .close(event.close_code, bytes)
        default:
            #expect(event.kind == CWS_EVENT_MESSAGE)
            #expect(event.len > 0 || event.last, "an empty piece")
            self = .message(opcode: event.opcode, bytes, first: event.first, last: event.last)
        }
    }

    static func text(_ text: String) -> Received { .message(opcode: 1, Array(text.utf8), first: true, last: true) }
    static func binary(_ bytes: [UInt8]) -> Received { .message(opcode: 2, bytes, first: true, last: true) }
}

extension [Received] {
    /// With the pieces of a message put together that nothing came between.
    var joined: [Received] {
        var joined: [Received] = []
        for received in self {
            if case .message(let opcode, let bytes, false, let last) = received,
                case .message(opcode, let before, let first, false) = joined.last
            {
                joined[joined.count - 1] = .message(opcode: opcode, before + bytes, first: first, last: last)
            } else {
                joined.append(received)
            }
        }
        return joined
    }

    /// The messages that are whole, with control frames left out.
    var messages: [Received] {
        filter { if case .message = $0 { true } else { false } }.joined
    }
}

/// What permessage-deflate was agreed to be, for both directions.
struct Deflation: Sendable {
    var bits: UInt8 = 15
    var serverBits: UInt8?
    var keepsContext = true

    var params: cws_deflate_params {
        cws_deflate_params(
            client_no_context_takeover: !keepsContext, server_no_context_takeover: !keepsContext,
            client_max_window_bits: bits, server_max_window_bits: serverBits ?? bits)
    }
}

/// One end, driven by hand.
final class Connection {
    let role: cws_role
    private let handle: OpaquePointer
    /// What receiving has ended with.
    private(set) var failure: Int32 = 0

    init(
        _ role: cws_role, deflate: Deflation? = nil, whole: Bool = false, maxFrame: UInt64 = .max,
        maxMessage: UInt64 = .max, maxOutput: Int = 0, maxFragment: Int = 0
    ) {
        self.role = role
        var config = cws_connection_config()
        config.role = role
        config.agreement = cws_agreement(
            protocol: -1, deflate: deflate != nil, deflate_params: (deflate ?? Deflation()).params)
        config.whole_messages = whole
        config.max_frame = maxFrame
        config.max_message = maxMessage
        config.max_output = maxOutput
        config.max_fragment = maxFragment
        guard let handle = cws_connection_new(&config) else { fatalError("out of memory") }
        self.handle = handle
    }

    deinit { cws_connection_free(handle) }

    var state: cws_state { cws_connection_state(handle) }
    var memory: Int { cws_connection_memory(handle) }
    var hasRoom: Bool { cws_has_room(handle) }

    /// What comes of these bytes, each piece of them in a block of its own.
    func receive(_ bytes: [UInt8], pieceSize: Int = .max) -> [Received] {
        var received: [Received] = []
        var rest = bytes[...]
        repeat {
            withExactCopy(rest.prefix(pieceSize)) { start, count in
                var at = 0
                var event = cws_event()
                repeat {
                    var taken = 0
                    failure = cws_receive(handle, start + at, count - at, &taken, &event)
                    precondition(taken <= count - at)
                    at += taken
                    if event.kind != CWS_EVENT_NONE { received.append(Received(event)) }
                } while failure == 0 && event.kind != CWS_EVENT_NONE
                #expect(failure != 0 || at == count)
            }
            rest = rest.dropFirst(pieceSize)
        } while !rest.isEmpty && failure == 0
        return received
    }

    // MARK: - sending

    func begin(_ opcode: cws_opcode, length: UInt64 = .max, _ compression: cws_compression = CWS_COMPRESSION_OFF)
        -> Int32
    {
        cws_message_begin(handle, opcode, length, compression)
    }

    func write(_ bytes: some Collection<UInt8>) -> Int {
        withExactCopy(bytes) { cws_message_write(handle, $0, $1) }
    }

    func end() -> Int32 { cws_message_end(handle) }

    func send(
        _ bytes: [UInt8], _ opcode: cws_opcode = CWS_OPCODE_BINARY, _ compression: cws_compression = CWS_COMPRESSION_OFF
    ) -> Int32 {
        withExactCopy(bytes) { cws_send(handle, opcode, $0, $1, compression) }
    }

    func send(_ text: String, _ compression: cws_compression = CWS_COMPRESSION_OFF) -> Int32 {
        send(Array(text.utf8), CWS_OPCODE_TEXT, compression)
    }

    func ping(_ bytes: [UInt8] = []) -> Int32 { withExactCopy(bytes) { cws_ping(handle, $0, $1) } }

    func close(_ code: UInt16 = 1000, _ reason: String = "") -> Int32 {
        withExactCopy(Array(reason.utf8)) { start, count in
            var close = cws_close(code: code, reason: count > 0 ? UnsafePointer(start) : nil, reason_len: count)
            return cws_close(handle, &close)
        }
    }

    /// What waits to be written.
    var output: [UInt8] {
        var bytes: UnsafePointer<UInt8>?
        let count = cws_output(handle, &bytes)
        return Array(UnsafeBufferPointer(start: bytes, count: count))
    }

    /// Writes up to so many bytes of it out.
    func drain(_ limit: Int = .max) -> [UInt8] {
        let bytes = Array(output.prefix(limit))
        cws_wrote(handle, bytes.count)
        return bytes
    }

    /// Writes all of it out, as the frames that the peer sees, and more that waited for room.
    func drainFrames() -> [Frame] {
        var bytes: [UInt8] = []
        while !output.isEmpty { bytes += drain() }
        return Frame.decode(bytes, from: role)
    }
}

extension cws_role {
    var peer: cws_role { self == CWS_ROLE_CLIENT ? CWS_ROLE_SERVER : CWS_ROLE_CLIENT }
    static let both = [CWS_ROLE_CLIENT, CWS_ROLE_SERVER]
}

extension cws_error {
    /// What is in the output after it.
    var closeFrame: Frame { .close(cws_error_close_code(self)) }
}

/// A frame with its payload, unmasked.
struct Frame: Equatable, Sendable {
    var opcode: UInt8
    var payload: [UInt8] = []
    var fin = true
    var rsv: UInt8 = 0
    var mask: [UInt8]?

    static let maskForTests: [UInt8] = [0x37, 0xfa, 0x21, 0x3d]

    static func text(_ text: String, fin: Bool = true) -> Frame {
        Frame(opcode: 1, payload: Array(text.utf8), fin: fin)
    }
    static func more(_ text: String, fin: Bool = true) -> Frame {
        Frame(opcode: 0, payload: Array(text.utf8), fin: fin)
    }
    static func ping(_ text: String = "") -> Frame { Frame(opcode: 9, payload: Array(text.utf8)) }
    static func pong(_ text: String = "") -> Frame { Frame(opcode: 10, payload: Array(text.utf8)) }
    static func close(_ code: UInt16, _ reason: String = "") -> Frame {
        Frame(opcode: 8, payload: [UInt8(code >> 8), UInt8(code & 0xff)] + Array(reason.utf8))
    }

    static func == (one: Frame, other: Frame) -> Bool {
        (one.opcode, one.payload, one.fin, one.rsv) == (other.opcode, other.payload, other.fin, other.rsv)
    }

    /// As this role sends it.
    func bytes(from role: cws_role) -> [UInt8] {
        let mask = role == CWS_ROLE_CLIENT ? mask ?? Self.maskForTests : nil
        let header = Header(opcode: opcode, rsv: rsv, fin: fin, mask: mask, length: UInt64(payload.count))
        let (size, head) = FrameEncodeTests.encode(header)
        precondition(size > 0, "\(size)")
        return head + Self.masked(payload, mask)
    }

    static func masked(_ payload: [UInt8], _ mask: [UInt8]?) -> [UInt8] {
        guard let mask else { return payload }
        return payload.enumerated().map { $1 ^ mask[$0 % 4] }
    }

    /// Bytes that are nothing but whole frames, of which the peer may take any.
    static func decode(_ bytes: [UInt8], from role: cws_role) -> [Frame] {
        let rules = cws_frame_rules(receiver: role.peer, rsv: UInt8(CWS_RSV1.rawValue), max_payload: .max)
        var frames: [Frame] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let (size, header) = FrameDecodeTests.decode(rest.prefix(14), rules)
            guard let header, rest.count - Int(size) >= Int(header.length) else {
                Issue.record("\(size) for the frame that begins with \(rest.prefix(14))")
                return frames
            }
            let payload = rest.dropFirst(Int(size)).prefix(Int(header.length))
            frames.append(
                Frame(
                    opcode: header.opcode, payload: masked(Array(payload), header.mask), fin: header.fin,
                    rsv: header.rsv, mask: header.mask))
            rest = rest.dropFirst(Int(size) + payload.count)
        }
        return frames
    }
}

extension [Frame] {
    func bytes(from role: cws_role) -> [UInt8] { flatMap { $0.bytes(from: role) } }
}

extension Connection {
    /// Takes bytes and only counts those of the messages in them; `each` comes after each event.
    func receiveCounting(_ bytes: [UInt8], _ each: () -> Void) -> Int {
        var total = 0
        withExactCopy(bytes) { start, count in
            var at = 0
            var event = cws_event()
            repeat {
                var taken = 0
                failure = cws_receive(handle, start + at, count - at, &taken, &event)
                at += taken
                total += event.len
                each()
            } while failure == 0 && event.kind != CWS_EVENT_NONE
        }
        return total
    }
}
