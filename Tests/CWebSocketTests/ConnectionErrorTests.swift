import CWebSocket
import Testing

/// What a peer does wrong, and how it is told.
@Suite struct ConnectionErrorTests {
    static let binary: [UInt8] = [0x02, 0x01, 0x00]

    /// As a server sends them, each with just as many bytes as prove it; what a client sends has the mask bit.
    static let unmasked: [(bytes: [UInt8], error: cws_error, code: UInt16)] = [
        ([0xc1], CWS_ERR_RESERVED_BITS, 1002), ([0xa2], CWS_ERR_RESERVED_BITS, 1002),
        ([0x91], CWS_ERR_RESERVED_BITS, 1002), ([0xc9], CWS_ERR_RESERVED_BITS, 1002),
        ([0x83], CWS_ERR_OPCODE, 1002), ([0x8b], CWS_ERR_OPCODE, 1002), ([0x0f], CWS_ERR_OPCODE, 1002),
        ([0x09], CWS_ERR_FRAGMENTED_CONTROL, 1002), ([0x08], CWS_ERR_FRAGMENTED_CONTROL, 1002),
        ([0x89, 0x7e], CWS_ERR_CONTROL_TOO_LONG, 1002), ([0x88, 0x7f], CWS_ERR_CONTROL_TOO_LONG, 1002),
        ([0x81, 0x7e, 0x00, 0x7d], CWS_ERR_LENGTH_ENCODING, 1002), ([0x81, 0x85], CWS_ERR_MASKED, 1002),
        ([0x80], CWS_ERR_CONTINUATION, 1002), ([0x00], CWS_ERR_CONTINUATION, 1002),
        (binary + [0x81], CWS_ERR_UNFINISHED, 1002), (binary + [0x02], CWS_ERR_UNFINISHED, 1002),
        (binary + [0x80, 0x00, 0x80], CWS_ERR_CONTINUATION, 1002), (binary + [0xc0], CWS_ERR_RESERVED_BITS, 1002),
        ([0x88, 0x01, 0x03], CWS_ERR_CLOSE_LENGTH, 1002), ([0x88, 0x02, 0x03, 0xed], CWS_ERR_CLOSE_CODE, 1002),
        ([0x88, 0x02, 0x13, 0x88], CWS_ERR_CLOSE_CODE, 1002), ([0x88, 0x03, 0x03, 0xe8, 0xff], CWS_ERR_UTF8, 1007),
        ([0x88, 0x03, 0x03, 0xe8, 0xc3], CWS_ERR_UTF8, 1007),
    ]

    static func check(_ bytes: [UInt8], _ role: cws_role, _ expected: cws_error, code: UInt16, whole: Bool) {
        let variants: [(Int, [UInt8])] = [(.max, []), (1, []), (2, []), (.max, [0x7f, 0xff, 0, 1, 2, 3]), (1, [0x7f])]
        for (size, more) in variants {
            let connection = Connection(role, whole: whole)
            _ = connection.receive(Array(bytes.dropLast()), pieceSize: size)
            #expect(connection.failure == 0 && connection.state == CWS_STATE_OPEN, "before the last byte of \(bytes)")
            let late = connection.receive(Array(bytes.suffix(1)) + more, pieceSize: size)
            #expect(late == [] && connection.failure == expected.rawValue, "\(bytes) in pieces of \(size)")
            #expect(connection.state == CWS_STATE_FAILED && connection.memory <= 8192)
            #expect(connection.drainFrames() == [.close(code)], "\(bytes)")

            // It stays so, and nothing can be sent.
            #expect(connection.receive([0x81, 0x00]) == [] && connection.failure == expected.rawValue)
            #expect(connection.close() == 0 && connection.ping() == CWS_ERR_STATE.rawValue)
            #expect(connection.send("x") == CWS_ERR_STATE.rawValue)
            #expect(connection.output.isEmpty && connection.state == CWS_STATE_FAILED)
        }
    }

    @Test(arguments: unmasked, [false, true])
    func theByteThatProvesAnErrorEndsTheConnection(
        example: (bytes: [UInt8], error: cws_error, code: UInt16), whole: Bool
    ) {
        Self.check(example.bytes, CWS_ROLE_CLIENT, example.error, code: example.code, whole: whole)
    }

    @Test(arguments: [false, true])
    func aClientMustMask(whole: Bool) {
        for first: UInt8 in [0x81, 0x02, 0x88, 0x89, 0x8a] {
            Self.check([first, 0x00], CWS_ROLE_SERVER, CWS_ERR_UNMASKED, code: 1002, whole: whole)
        }
        let begun = Frame(opcode: 2, payload: [1], fin: false).bytes(from: CWS_ROLE_CLIENT)
        Self.check(begun + [0x81], CWS_ROLE_SERVER, CWS_ERR_UNFINISHED, code: 1002, whole: whole)
        Self.check(begun + [0x80, 0x00], CWS_ROLE_SERVER, CWS_ERR_UNMASKED, code: 1002, whole: whole)
    }

    /// Each ends with the first byte that can't stand where it does.
    static let texts: [[[UInt8]]] = [
        [[0x61, 0xff]], [[0xc3, 0x28]], [[0xe2, 0x82], [0x28]], [[0xed, 0xa0]], [[0xf4], [0x90]],
        [[0x61], [], [0xc3], [], [0xc3]], [Array(repeating: 0x61, count: 200) + [0x80]],
    ]

    @Test(arguments: texts, [false, true])
    func aTextFailsAtItsFirstWrongByteEvenWithinAFrame(fragments: [[UInt8]], whole: Bool) {
        for role in cws_role.both {
            var frames = fragments.enumerated().map { Frame(opcode: $0 == 0 ? 1 : 0, payload: $1, fin: false) }
            // The last frame goes on, which is cut off.
            frames[frames.count - 1].payload += [0x61, 0x61, 0x61]
            let bytes = Array(frames.bytes(from: role.peer).dropLast(3))
            Self.check(bytes, role, CWS_ERR_UTF8, code: 1007, whole: whole)
        }
    }

    @Test(arguments: cws_role.both, [false, true])
    func aTextMayNotEndWithinACharacter(role: cws_role, whole: Bool) {
        let one = Frame(opcode: 1, payload: [0x61, 0xc3]).bytes(from: role.peer)
        Self.check(one, role, CWS_ERR_UTF8, code: 1007, whole: whole)
        let two = [Frame(opcode: 1, payload: [0xe2, 0x82], fin: false), Frame(opcode: 0)]
        Self.check(two.bytes(from: role.peer), role, CWS_ERR_UTF8, code: 1007, whole: whole)
    }

    @Test func binaryMessagesMayHoldAnything() {
        let connection = Connection(CWS_ROLE_CLIENT, whole: true)
        let bytes = Frame(opcode: 2, payload: [0xff, 0xc3]).bytes(from: CWS_ROLE_SERVER)
        #expect(connection.receive(bytes) == [.binary([0xff, 0xc3])])
    }

    @Test func whatCameBeforeAnErrorIsDelivered() {
        let client = Connection(CWS_ROLE_CLIENT)
        #expect(client.receive([0x81, 0x01, 0x61, 0x89, 0x00, 0xff]) == [.text("a"), .ping([])])
        #expect(client.failure == CWS_ERR_RESERVED_BITS.rawValue)
        #expect(client.drainFrames() == [.pong(), .close(1002)])
    }

    @Test func everyErrorHasAReasonOfItsOwnAndACodeThatMayBeSent() {
        var reasons: Set<String> = []
        for value in -18 ... -1 {
            let reason = String(cString: cws_error_reason(cws_error(rawValue: Int32(value))))
            #expect(reason.first?.isUppercase == false && !reason.hasSuffix(".") && reason != "unknown error")
            reasons.insert(reason)
            #expect(cws_close_code_is_valid(cws_error_close_code(cws_error(rawValue: Int32(value)))))
        }
        #expect(reasons.count == 18)
        #expect(String(cString: cws_error_reason(cws_error(rawValue: -99))) == "unknown error")
        for ours in [CWS_ERR_MEMORY, CWS_ERR_STATE, CWS_ERR_FULL, CWS_ERR_RANDOM] {
            #expect(cws_error_close_code(ours) == 1011)
        }
    }
}
