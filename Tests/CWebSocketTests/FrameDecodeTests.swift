import CWebSocket
import TestSupport
import Testing

@Suite struct FrameDecodeTests {
    static let server = cws_frame_rules(receiver: CWS_ROLE_SERVER, rsv: 0, max_payload: .max)
    static let client = cws_frame_rules(receiver: CWS_ROLE_CLIENT, rsv: 0, max_payload: .max)
    static let deflating = cws_frame_rules(receiver: CWS_ROLE_CLIENT, rsv: UInt8(CWS_RSV1.rawValue), max_payload: .max)

    static func limited(to max: UInt64) -> cws_frame_rules {
        cws_frame_rules(receiver: CWS_ROLE_CLIENT, rsv: 0, max_payload: max)
    }

    /// What decoding answers, and the header if one was written.
    static func decode(_ bytes: some Collection<UInt8>, _ rules: cws_frame_rules) -> (Int32, Header?) {
        // No decoder writes an opcode of 255.
        var header = cws_frame_header()
        header.opcode = .max
        let result = withExactCopy(bytes) { start, count in
            withUnsafePointer(to: rules) { cws_frame_decode(start, count, $0, &header) }
        }
        return (result, header.opcode == .max ? nil : Header(header))
    }

    static let valid: [(bytes: [UInt8], rules: cws_frame_rules, header: Header)] = [
        // The examples of section 5.7.
        ([0x81, 0x05], client, Header(opcode: 1, length: 5)),
        ([0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d], server, Header(opcode: 1, mask: [0x37, 0xfa, 0x21, 0x3d], length: 5)),
        ([0x01, 0x03], client, Header(opcode: 1, fin: false, length: 3)),
        ([0x80, 0x02], client, Header(opcode: 0, length: 2)),
        ([0x89, 0x05], client, Header(opcode: 9, length: 5)),
        ([0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d], server, Header(opcode: 10, mask: [0x37, 0xfa, 0x21, 0x3d], length: 5)),
        ([0x82, 0x7e, 0x01, 0x00], client, Header(opcode: 2, length: 256)),
        ([0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0], client, Header(opcode: 2, length: 65536)),
        // The ends of each form of length.
        ([0x82, 0x00], client, Header(opcode: 2, length: 0)),
        ([0x88, 0x7d], client, Header(opcode: 8, length: 125)),
        ([0x82, 0x7e, 0x00, 0x7e], client, Header(opcode: 2, length: 126)),
        ([0x82, 0xfe, 0xff, 0xff, 1, 2, 3, 4], server, Header(opcode: 2, mask: [1, 2, 3, 4], length: 65535)),
        (
            [0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4], server,
            Header(opcode: 2, mask: [1, 2, 3, 4], length: .max >> 1)
        ),
        // What an extension may mark, and a later fragment of that message.
        ([0xc1, 0x05], deflating, Header(opcode: 1, rsv: 0x40, length: 5)),
        ([0x42, 0x05], deflating, Header(opcode: 2, rsv: 0x40, fin: false, length: 5)),
        ([0x80, 0x05], deflating, Header(opcode: 0, length: 5)),
        // Just within a limit, which doesn't count for control frames.
        ([0x82, 0x7d], limited(to: 125), Header(opcode: 2, length: 125)),
        ([0x82, 0x7e, 0x03, 0xe8], limited(to: 1000), Header(opcode: 2, length: 1000)),
        ([0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0], limited(to: 65536), Header(opcode: 2, length: 65536)),
        ([0x89, 0x7d], limited(to: 0), Header(opcode: 9, length: 125)),
    ]

    @Test(arguments: valid)
    func everyPrefixAsksForMoreAndTheWholeDecodes(bytes: [UInt8], rules: cws_frame_rules, header: Header) {
        for cut in 0..<bytes.count {
            #expect(Self.decode(bytes[..<cut], rules) == (0, nil), "\(cut) of \(bytes.count) bytes")
        }
        #expect(Self.decode(bytes, rules) == (Int32(bytes.count), header))
        #expect(Self.decode(bytes + [0xff, 0xff], rules) == (Int32(bytes.count), header), "payload is not looked at")
    }

    /// Each with just as many bytes as prove it.
    static let invalid: [(bytes: [UInt8], rules: cws_frame_rules, error: cws_error)] = [
        ([0xc1], client, CWS_ERR_RESERVED_BITS),
        ([0xa1], client, CWS_ERR_RESERVED_BITS),
        ([0x91], client, CWS_ERR_RESERVED_BITS),
        ([0xa1], deflating, CWS_ERR_RESERVED_BITS),
        ([0xc0], deflating, CWS_ERR_RESERVED_BITS),
        ([0xc9], deflating, CWS_ERR_RESERVED_BITS),
        ([0x09], client, CWS_ERR_FRAGMENTED_CONTROL),
        ([0x08], client, CWS_ERR_FRAGMENTED_CONTROL),
        ([0x0a], client, CWS_ERR_FRAGMENTED_CONTROL),
        ([0x81, 0x05], server, CWS_ERR_UNMASKED),
        ([0x81, 0x85], client, CWS_ERR_MASKED),
        ([0x89, 0x7e], client, CWS_ERR_CONTROL_TOO_LONG),
        ([0x88, 0xff], server, CWS_ERR_CONTROL_TOO_LONG),
        // Not the shortest form: 125 in two bytes, 65535 in eight; six zero bytes leave no way out.
        ([0x82, 0x7e, 0x00, 0x7d], client, CWS_ERR_LENGTH_ENCODING),
        ([0x82, 0xfe, 0x00, 0x00], server, CWS_ERR_LENGTH_ENCODING),
        ([0x82, 0x7f, 0, 0, 0, 0, 0, 0], client, CWS_ERR_LENGTH_ENCODING),
        ([0x82, 0x7f, 0x80], client, CWS_ERR_LENGTH_ENCODING),
        ([0x82, 0x7f, 0xff], limited(to: 1 << 20), CWS_ERR_LENGTH_ENCODING),
        // One above the limit; a form that can only tell lengths above it; a first byte that does.
        ([0x82, 0x7d], limited(to: 124), CWS_ERR_TOO_BIG),
        ([0x80, 0x01], limited(to: 0), CWS_ERR_TOO_BIG),
        ([0x82, 0x7e], limited(to: 125), CWS_ERR_TOO_BIG),
        ([0x82, 0x7f], limited(to: 65535), CWS_ERR_TOO_BIG),
        ([0x82, 0x7e, 0x03, 0xe9], limited(to: 1000), CWS_ERR_TOO_BIG),
        ([0x82, 0x7e, 0x04], limited(to: 1000), CWS_ERR_TOO_BIG),
        ([0x82, 0x7f, 0x01], limited(to: 1 << 20), CWS_ERR_TOO_BIG),
        ([0x82, 0x7f, 0, 0, 0, 0, 0, 0x10, 0x00, 0x01], limited(to: 1 << 20), CWS_ERR_TOO_BIG),
    ]

    @Test(arguments: invalid)
    func anErrorIsReportedByTheByteThatProvesIt(bytes: [UInt8], rules: cws_frame_rules, error: cws_error) {
        for cut in 0..<bytes.count {
            #expect(Self.decode(bytes[..<cut], rules) == (0, nil), "\(cut) of \(bytes.count) bytes")
        }
        for more in [[], [0], [0xff], [UInt8](repeating: 0, count: 12), [UInt8](repeating: 0xff, count: 12)] {
            #expect(Self.decode(bytes + more, rules) == (error.rawValue, nil), "with \(more) after it")
        }
    }

    @Test(arguments: [client, server, deflating])
    func exactlyTheOpcodesOfTheRFCAreKnown(rules: cws_frame_rules) {
        for opcode: UInt8 in 0...15 {
            let known = [0, 1, 2, 8, 9, 10].contains(opcode)
            #expect(Self.decode([0x80 | opcode], rules).0 == (known ? 0 : CWS_ERR_OPCODE.rawValue), "\(opcode)")
        }
    }

    /// What is decoded has one encoding, and it is the one that was read; and an answer, once given, doesn't change
    /// with the bytes that follow.
    @Test func randomHeadersAreRefusedOrEncodeToTheSameBytes() {
        var generator = SeededGenerator(seed: 6455)
        var decoded = 0
        for round in 0..<20_000 {
            var bytes = (0..<14).map { _ in UInt8.random(in: 0...255, using: &generator) }
            // Else nearly all of them end at the first byte, or are huge.
            if round % 4 != 0 { bytes[0] &= 0xcf }
            if round % 2 == 0 { for index in 2..<8 { bytes[index] = 0 } }
            let rules = cws_frame_rules(
                receiver: Bool.random(using: &generator) ? CWS_ROLE_SERVER : CWS_ROLE_CLIENT,
                rsv: UInt8(CWS_RSV1.rawValue), max_payload: .max >> UInt64.random(in: 0..<64, using: &generator))

            let (result, header) = Self.decode(bytes, rules)
            for cut in 0..<bytes.count {
                let (early, _) = Self.decode(bytes[..<cut], rules)
                #expect(early == 0 || early == result, "\(bytes), \(cut) of them, \(rules)")
            }
            if let header {
                decoded += 1
                #expect(FrameEncodeTests.encode(header) == (result, Array(bytes[..<Int(result)])), "\(header)")
            }
        }
        #expect(decoded > 1000)
    }
}

/// A ``cws_frame_header`` that can be compared and printed.
struct Header: Equatable, Sendable {
    var opcode: UInt8
    var rsv: UInt8 = 0
    var fin = true
    /// Nil unless masked.
    var mask: [UInt8]?
    var length: UInt64
}

extension Header {
    init(_ header: cws_frame_header) {
        opcode = header.opcode
        rsv = header.rsv
        fin = header.fin
        let bytes = [header.mask.0, header.mask.1, header.mask.2, header.mask.3]
        mask = header.masked ? bytes : nil
        length = header.payload_len
        #expect(header.masked || bytes == [0, 0, 0, 0])
    }

    var c: cws_frame_header {
        // Not zero when there is no mask, for it isn't to be looked at.
        let bytes = mask ?? [0xee, 0xee, 0xee, 0xee]
        return cws_frame_header(
            opcode: opcode, rsv: rsv, fin: fin, masked: mask != nil, mask: (bytes[0], bytes[1], bytes[2], bytes[3]),
            payload_len: length)
    }
}
