import ProcCore
import Testing

@Suite struct MessagePackReaderTests {
    static let accepted: [(bytes: [UInt8], value: Value)] = [
        ([0x00], .int(0)), ([0x7f], .int(127)), ([0xe0], .int(-32)), ([0xff], .int(-1)),
        ([0xc0], .null), ([0xc2], .bool(false)), ([0xc3], .bool(true)),
        ([0xcc, 0xff], .int(255)), ([0xcd, 1, 2], .int(0x102)), ([0xce, 0xff, 0, 0, 1], .int(0xff00_0001)),
        ([0xcf, 0, 0, 0, 0, 0, 0, 0, 1], .int(1)), ([0xcf] + [UInt8](repeating: 0xff, count: 8), .uint(.max)),
        ([0xcf, 0x7f] + [UInt8](repeating: 0xff, count: 7), .int(.max)),
        ([0xd0, 0x80], .int(-128)), ([0xd1, 0x80, 0], .int(-32768)), ([0xd2, 0x80, 0, 0, 0], .int(-0x8000_0000)),
        ([0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0], .int(.min)), ([0xd3, 0, 0, 0, 0, 0, 0, 0, 5], .int(5)),
        ([0xca, 0x3f, 0xc0, 0, 0], .double(1.5)), ([0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0], .double(1.5)),
        ([0xcb, 0x7f, 0xf0, 0, 0, 0, 0, 0, 0], .double(.infinity)),
        ([0xa0], .string("")), ([0xa2, 0xc3, 0xa9], .string("é")), ([0xd9, 1, 0x61], .string("a")),
        ([0xda, 0, 1, 0x61], .string("a")), ([0xdb, 0, 0, 0, 1, 0x61], .string("a")),
        ([0xc4, 1, 0xff], .binary([0xff])), ([0xc5, 0, 1, 0xff], .binary([0xff])),
        ([0xc6, 0, 0, 0, 1, 0xff], .binary([0xff])), ([0xc4, 0], .binary([])),
        ([0x90], .array([])), ([0x92, 1, 0x91, 2], .array([.int(1), .array([.int(2)])])),
        ([0xdc, 0, 1, 0xc0], .array([.null])), ([0xdd, 0, 0, 0, 1, 0xc0], .array([.null])),
        ([0x80], .map([])), ([0x81, 0xa1, 0x61, 1], .map([.init("a", .int(1))])),
        ([0xde, 0, 1, 0xd9, 1, 0x61, 1], .map([.init("a", .int(1))])),
        ([0xdf, 0, 0, 0, 1, 0xdb, 0, 0, 0, 1, 0x61, 1], .map([.init("a", .int(1))])),
        ([0x81, 0xda, 0, 1, 0x61, 0x80], .map([.init("a", .map([]))])),
    ]

    @Test(arguments: accepted)
    func everyFormatIsReadAndEveryPrefixIsTruncated(bytes: [UInt8], value: Value) throws {
        #expect(try MessagePackReader.read(bytes) == value)
        for cut in 0..<bytes.count {
            let error = #expect(throws: MessagePackError.self) { try MessagePackReader.read(Array(bytes[..<cut])) }
            guard case .truncated(let need) = error?.reason else {
                Issue.record("\(cut) of \(bytes): \(String(describing: error))")
                continue
            }
            #expect(need > 0 && need <= bytes.count - cut)
        }
    }

    static let rejected: [(bytes: [UInt8], message: String)] = [
        ([], "byte 0: truncated, at least 1 more byte expected"),
        ([0x92, 1, 0xc1], "byte 2: 0xc1 starts no value"),
        ([1, 2, 3], "byte 1: 2 more bytes after the value"),
        ([0x91, 0xd4, 0x05, 0], "byte 1: extension type 5 is not supported"),
        ([0xd6, 0xff, 0, 0, 0, 0], "byte 0: extension type -1 is not supported"),
        ([0xd8, 0x01], "byte 0: extension type 1 is not supported"),
        ([0xc7, 12, 0xff], "byte 0: extension type -1 is not supported"),
        ([0xc8, 0, 12, 0x07], "byte 0: extension type 7 is not supported"),
        ([0xc9, 0, 0, 0, 12, 0x80], "byte 0: extension type -128 is not supported"),
        ([0xc9, 0], "byte 1: truncated, at least 3 more bytes expected"),
        ([0x81, 1, 2], "byte 1: a key must be a string, found format 0x01"),
        ([0x81, 0xc4, 1, 0x61, 2], "byte 1: a key must be a string, found format 0xc4"),
        ([0x82, 0xa1, 0x61, 1, 0xa1, 0x61, 2], "byte 4: duplicate key \"a\""),
        ([0x82, 0xa1, 0x61, 1, 0xd9, 1, 0x61, 2], "byte 4: duplicate key \"a\""),
        ([0x91, 0xa2, 0xc3, 0x28], "byte 1: a string is not UTF-8"),
        ([0x81, 0xa3, 0xed, 0xa0, 0x80, 1], "byte 1: a string is not UTF-8"),
        ([0xa5, 0x61], "byte 1: truncated, at least 4 more bytes expected"),
        // Hostile lengths: reported from the header alone.
        ([0xdd, 0xff, 0xff, 0xff, 0xff, 1, 1, 1, 1, 1], "byte 0: truncated, at least 4294967290 more bytes expected"),
        ([0xdf, 0xff, 0xff, 0xff, 0xff, 1], "byte 0: truncated, at least 8589934589 more bytes expected"),
        ([0xdb, 0xff, 0xff, 0xff, 0xff], "byte 5: truncated, at least 4294967295 more bytes expected"),
        ([0xc6, 0xff, 0xff, 0xff, 0xff], "byte 5: truncated, at least 4294967295 more bytes expected"),
    ]

    @Test(arguments: rejected)
    func whatIsWrongIsNamedWithItsPlace(bytes: [UInt8], message: String) {
        let thrown = #expect(throws: MessagePackError.self) { try MessagePackReader.read(bytes) }
        #expect(thrown?.description == message)
    }

    @Test func valuesCanBeReadOneAfterTheOther() throws {
        var reader = MessagePackReader([0x01, 0x91, 0xc0, 0xa2, 0x61])
        #expect(try reader.next() == .int(1))
        #expect(try reader.next() == .array([.null]))
        #expect(reader.offset == 3 && !reader.isAtEnd)
        #expect(throws: MessagePackError.self) { try reader.next() }
        #expect(reader.offset == 3)
    }

    @Test func nestingIsAllowedToTheLimitAndNoFurther() {
        func nested(_ depth: Int) -> [UInt8] {
            [UInt8](repeating: 0x91, count: depth - 1) + [0x81, 0xa0, 0xc0]
        }
        #expect(throws: Never.self) { try MessagePackReader.read(nested(128)) }
        let error = #expect(throws: MessagePackError.self) { try MessagePackReader.read(nested(129)) }
        #expect(error?.reason == .tooDeep(limit: 128) && error?.offset == 128)
        #expect(throws: MessagePackError.self) {
            try MessagePackReader.read([UInt8](repeating: 0x91, count: 1 << 20))
        }
    }

    @Test func valuesAreCountedOverAllArraysAndMaps() throws {
        let document: [UInt8] = [0x93, 0x92, 1, 2, 0x81, 0xa0, 3, 0x90]
        #expect(throws: Never.self) { try MessagePackReader.read(document, valueLimit: 6) }
        let error = #expect(throws: MessagePackError.self) { try MessagePackReader.read(document, valueLimit: 5) }
        #expect(error?.description == "byte 4: more than 5 values")
    }

    @Test func aRepeatedKeyIsNoticedAmongThousands() {
        let members = (0..<20_000).map { Value.Member("key \($0)", .null) }
        #expect(throws: Never.self) { try MessagePackReader.read(MessagePackWriter.bytes(of: .map(members))) }
        let repeated = MessagePackWriter.bytes(of: .map(members + [.init("key 7", .null)]))
        let error = #expect(throws: MessagePackError.self) { try MessagePackReader.read(repeated) }
        #expect(error?.reason == .duplicateKey("key 7"))
    }
}
