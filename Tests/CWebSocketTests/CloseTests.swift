import CWebSocket
import Testing

@Suite struct CloseTests {
    struct Payload: Equatable {
        var code: UInt16
        var reason: [UInt8]?
    }

    static func decode(_ bytes: some Collection<UInt8>) -> (Int32, Payload?) {
        // No payload has this code.
        var close = cws_close(code: .max, reason: nil, reason_len: 0)
        return withExactCopy(bytes) { start, count in
            let result = cws_close_decode(start, count, &close)
            let reason = close.reason.map { Array(UnsafeBufferPointer(start: $0, count: close.reason_len)) }
            return (result, close.code == .max ? nil : Payload(code: close.code, reason: reason))
        }
    }

    static func encode(_ payload: Payload) -> (Int32, [UInt8]) {
        let untouched = [UInt8](repeating: 0xee, count: Int(CWS_CONTROL_PAYLOAD_MAX))
        return withExactCopy(payload.reason ?? []) { reason, reasonCount in
            withExactCopy(untouched) { start, count in
                var close = cws_close(
                    code: payload.code, reason: payload.reason == nil ? nil : UnsafePointer(reason),
                    reason_len: reasonCount)
                let result = cws_close_encode(&close, start)
                let bytes = Array(UnsafeBufferPointer(start: start, count: count))
                let written = max(0, Int(result))
                #expect(bytes[written...] == untouched[written...], "writes past its \(result) bytes")
                return (result, Array(bytes[..<written]))
            }
        }
    }

    @Test func codesAreThoseOfTheRegistryAndOfApplications() {
        let valid = Set<UInt16>([1000, 1001, 1002, 1003] + Array(1007...1014) + Array(3000...4999))
        for code in UInt16.min...UInt16.max where cws_close_code_is_valid(code) != valid.contains(code) {
            Issue.record("\(code)")
        }
    }

    @Test func aCodeAndItsReasonAreRead() {
        #expect(Self.decode([]) == (0, Payload(code: 1005)))
        #expect(Self.decode([0x03, 0xe8]) == (0, Payload(code: 1000)))
        #expect(
            Self.decode([0x0f, 0xa0] + Array("größer".utf8)) == (0, Payload(code: 4000, reason: Array("größer".utf8))))
        let longest = [UInt8](repeating: 0x61, count: 123)
        #expect(Self.decode([0x03, 0xe9] + longest) == (0, Payload(code: 1001, reason: longest)))
    }

    @Test func everyPrefixOfAPayloadIsJudgedByItself() {
        let payload: [UInt8] = [0x03, 0xe8] + Array("aß€😀".utf8)
        for cut in 0..<payload.count {
            let (result, close) = Self.decode(payload[..<cut])
            let whole = String(validating: payload[min(cut, 2)..<cut], as: UTF8.self) != nil
            let expected = cut == 1 ? CWS_ERR_CLOSE_LENGTH.rawValue : whole ? 0 : CWS_ERR_UTF8.rawValue
            #expect(result == expected, "\(cut) of \(payload.count) bytes")
            #expect((close == nil) == (expected != 0))
        }
    }

    static let invalid: [(bytes: [UInt8], error: cws_error)] = [
        ([0x03], CWS_ERR_CLOSE_LENGTH),
        ([0x00, 0x00], CWS_ERR_CLOSE_CODE),
        ([0x03, 0xed], CWS_ERR_CLOSE_CODE),
        ([0x13, 0x88], CWS_ERR_CLOSE_CODE),
        ([0x03, 0xe8, 0xff], CWS_ERR_UTF8),
        ([0x03, 0xe8, 0xc3], CWS_ERR_UTF8),
        ([0x03, 0xe8] + [UInt8](repeating: 0x61, count: 124), CWS_ERR_CONTROL_TOO_LONG),
    ]

    @Test(arguments: invalid)
    func aWrongPayloadIsRefused(bytes: [UInt8], error: cws_error) {
        #expect(Self.decode(bytes) == (error.rawValue, nil))
    }

    @Test func aCodeAndItsReasonAreWritten() {
        #expect(Self.encode(Payload(code: 1000)) == (2, [0x03, 0xe8]))
        #expect(Self.encode(Payload(code: 1000, reason: [])) == (2, [0x03, 0xe8]))
        #expect(Self.encode(Payload(code: 4000, reason: Array("ß".utf8))) == (4, [0x0f, 0xa0, 0xc3, 0x9f]))
        #expect(Self.encode(Payload(code: 1005, reason: Array("lost".utf8))) == (0, []))
    }

    @Test func aReasonThatIsTooLongIsCutAfterACharacter() {
        for character in ["a", "ß", "€", "😀"] {
            for shift in 0..<4 {
                let reason = Array(
                    (String(repeating: "a", count: shift) + String(repeating: character, count: 124)).utf8)
                let (result, bytes) = Self.encode(Payload(code: 1011, reason: reason))
                #expect(Int(result) == bytes.count && bytes.count > 125 - character.utf8.count)
                #expect(bytes[2...] == reason[..<(bytes.count - 2)])
                #expect(Self.decode(bytes).0 == 0)
            }
        }
    }

    @Test func whatNoPeerMayAcceptIsNotWritten() {
        #expect(Self.encode(Payload(code: 1006)) == (CWS_ERR_CLOSE_CODE.rawValue, []))
        #expect(Self.encode(Payload(code: 999)) == (CWS_ERR_CLOSE_CODE.rawValue, []))
        #expect(Self.encode(Payload(code: 1000, reason: [0xff])) == (CWS_ERR_UTF8.rawValue, []))
    }

    @Test func eachErrorHasItsCode() {
        #expect(cws_error_close_code(CWS_ERR_TOO_BIG) == 1009)
        #expect(cws_error_close_code(CWS_ERR_UTF8) == 1007)
        #expect(cws_error_close_code(CWS_ERR_DEFLATE) == 1007)
        #expect(cws_error_close_code(CWS_ERR_MEMORY) == 1011)
        let others: [cws_error] = [
            CWS_ERR_RESERVED_BITS, CWS_ERR_OPCODE, CWS_ERR_FRAGMENTED_CONTROL, CWS_ERR_CONTROL_TOO_LONG,
            CWS_ERR_LENGTH_ENCODING, CWS_ERR_UNMASKED, CWS_ERR_MASKED, CWS_ERR_CLOSE_LENGTH, CWS_ERR_CLOSE_CODE,
        ]
        for error in others { #expect(cws_error_close_code(error) == 1002, "\(error)") }
    }
}
