import CWebSocket
import Testing

@Suite struct FrameEncodeTests {
    /// What encoding answers, and the bytes it wrote.
    static func encode(_ header: Header) -> (Int32, [UInt8]) {
        let untouched = [UInt8](repeating: 0xee, count: Int(CWS_HEADER_MAX))
        return withExactCopy(untouched) { start, count in
            let result = withUnsafePointer(to: header.c) { cws_frame_encode($0, start) }
            let bytes = Array(UnsafeBufferPointer(start: start, count: count))
            let written = max(0, Int(result))
            #expect(bytes[written...] == untouched[written...], "\(header) writes past its \(result) bytes")
            return (result, Array(bytes[..<written]))
        }
    }

    static let lengths: [(length: UInt64, form: [UInt8])] = [
        (0, [0]), (1, [1]), (125, [125]),
        (126, [126, 0, 126]), (127, [126, 0, 127]), (65535, [126, 0xff, 0xff]),
        (65536, [127, 0, 0, 0, 0, 0, 1, 0, 0]), (1 << 32, [127, 0, 0, 0, 1, 0, 0, 0, 0]),
        (.max >> 1, [127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
    ]

    @Test(arguments: lengths)
    func aLengthTakesItsShortestForm(length: UInt64, form: [UInt8]) {
        let plain = Self.encode(Header(opcode: 2, length: length))
        #expect(plain == (Int32(1 + form.count), [0x82] + form))

        let masked = Self.encode(Header(opcode: 1, rsv: 0x40, fin: false, mask: [1, 2, 3, 4], length: length))
        #expect(masked == (Int32(5 + form.count), [0x41, form[0] | 0x80] + form[1...] + [1, 2, 3, 4]))
    }

    @Test func whatIsEncodedDecodesToTheSame() {
        for opcode: UInt8 in [0, 1, 2, 8, 9, 10] {
            for length in Self.lengths.map(\.length) where opcode < 8 || length <= CWS_CONTROL_PAYLOAD_MAX {
                for mask in [nil, [9, 8, 7, 6]] as [[UInt8]?] {
                    let header = Header(opcode: opcode, fin: opcode != 0, mask: mask, length: length)
                    let (size, bytes) = Self.encode(header)
                    let rules = mask == nil ? FrameDecodeTests.client : FrameDecodeTests.server
                    #expect(FrameDecodeTests.decode(bytes, rules) == (size, header))
                }
            }
        }
    }

    static let refused: [(header: Header, error: cws_error)] = [
        (Header(opcode: 3, length: 0), CWS_ERR_OPCODE),
        (Header(opcode: 11, length: 0), CWS_ERR_OPCODE),
        (Header(opcode: 0x81, length: 0), CWS_ERR_OPCODE),
        (Header(opcode: 1, rsv: 0x80, length: 0), CWS_ERR_RESERVED_BITS),
        (Header(opcode: 0, rsv: 0x40, length: 0), CWS_ERR_RESERVED_BITS),
        (Header(opcode: 9, rsv: 0x40, length: 0), CWS_ERR_RESERVED_BITS),
        (Header(opcode: 9, fin: false, length: 0), CWS_ERR_FRAGMENTED_CONTROL),
        (Header(opcode: 8, length: 126), CWS_ERR_CONTROL_TOO_LONG),
        (Header(opcode: 2, length: 1 << 63), CWS_ERR_LENGTH_ENCODING),
    ]

    @Test(arguments: refused)
    func aHeaderThatNoPeerMayAcceptIsNotWritten(header: Header, error: cws_error) {
        #expect(Self.encode(header) == (error.rawValue, []))
    }
}
