import ProcCore
import TestSupport
import Testing

@Suite struct MessagePackWriterTests {
    static func header(_ value: Value, _ count: Int) -> [UInt8] {
        Array(MessagePackWriter.bytes(of: value).prefix(count))
    }

    @Test(
        arguments: [
            (.int(0), [0x00]), (.int(0x7f), [0x7f]), (.int(0x80), [0xcc, 0x80]), (.int(0xff), [0xcc, 0xff]),
            (.int(0x100), [0xcd, 1, 0]), (.int(0xffff), [0xcd, 0xff, 0xff]), (.int(0x1_0000), [0xce, 0, 1, 0, 0]),
            (.int(0xffff_ffff), [0xce, 0xff, 0xff, 0xff, 0xff]), (.int(0x1_0000_0000), [0xcf, 0, 0, 0, 1, 0, 0, 0, 0]),
            (.int(.max), [0xcf, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
            (.uint(1 << 63), [0xcf, 0x80, 0, 0, 0, 0, 0, 0, 0]),
            (.int(-1), [0xff]), (.int(-32), [0xe0]), (.int(-33), [0xd0, 0xdf]), (.int(-0x80), [0xd0, 0x80]),
            (.int(-0x81), [0xd1, 0xff, 0x7f]), (.int(-0x8000), [0xd1, 0x80, 0]),
            (.int(-0x8001), [0xd2, 0xff, 0xff, 0x7f, 0xff]), (.int(-0x8000_0000), [0xd2, 0x80, 0, 0, 0]),
            (.int(-0x8000_0001), [0xd3, 0xff, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]),
            (.int(.min), [0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0]),
            (.null, [0xc0]), (.bool(false), [0xc2]), (.bool(true), [0xc3]),
            (.double(1.5), [0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0]), (.string("é"), [0xa2, 0xc3, 0xa9]),
            (.text([0x61, 0xff]), [0xa4, 0x61, 0xef, 0xbf, 0xbd]), (.base64([1]), [0xa4, 0x41, 0x51, 0x3d, 0x3d]),
            (.binary([]), [0xc4, 0]), (.array([.null]), [0x91, 0xc0]),
            (.map([.init("a", .null)]), [0x81, 0xa1, 0x61, 0xc0]),
        ] as [(Value, [UInt8])])
    func aValueTakesItsShortestForm(value: Value, bytes: [UInt8]) throws {
        #expect(MessagePackWriter.bytes(of: value) == bytes)
        #expect(MessagePackWriter.bytes(of: try MessagePackReader.read(bytes)) == bytes)
    }

    @Test(
        arguments: [
            (count: 31, string: [0xbf], array: [0xdc, 0, 31], map: [0xde, 0, 31], binary: [0xc4, 31]),
            (count: 15, string: [0xaf], array: [0x9f], map: [0x8f], binary: [0xc4, 15]),
            (count: 16, string: [0xb0], array: [0xdc, 0, 16], map: [0xde, 0, 16], binary: [0xc4, 16]),
            (count: 32, string: [0xd9, 32], array: [0xdc, 0, 32], map: [0xde, 0, 32], binary: [0xc4, 32]),
            (count: 255, string: [0xd9, 255], array: [0xdc, 0, 255], map: [0xde, 0, 255], binary: [0xc4, 255]),
            (count: 256, string: [0xda, 1, 0], array: [0xdc, 1, 0], map: [0xde, 1, 0], binary: [0xc5, 1, 0]),
            (
                count: 65535, string: [0xda, 255, 255], array: [0xdc, 255, 255], map: [0xde, 255, 255],
                binary: [0xc5, 255, 255]
            ),
            (
                count: 65536, string: [0xdb, 0, 1, 0, 0], array: [0xdd, 0, 1, 0, 0], map: [0xdf, 0, 1, 0, 0],
                binary: [0xc6, 0, 1, 0, 0]
            ),
        ] as [(count: Int, string: [UInt8], array: [UInt8], map: [UInt8], binary: [UInt8])])
    func aLengthTakesItsShortestForm(
        count: Int, string: [UInt8], array: [UInt8], map: [UInt8], binary: [UInt8]
    ) throws {
        let letters = [UInt8](repeating: 0x61, count: count)
        let text: Value = .string(String(decoding: letters, as: UTF8.self))
        #expect(Self.header(text, string.count) == string)
        #expect(Self.header(.text(letters), string.count) == string)
        #expect(Self.header(.binary(letters), binary.count) == binary)
        let elements: Value = .array(.init(repeating: .null, count: count))
        #expect(Self.header(elements, array.count) == array)
        let members: Value = .map((0..<count).map { .init(String($0), .null) })
        #expect(Self.header(members, map.count) == map)
        for value in [text, .binary(letters), elements, members] {
            #expect(try MessagePackReader.read(MessagePackWriter.bytes(of: value)) == value)
        }
    }

    @Test func capturedTextIsRepairedAsTheStandardLibraryDoes() {
        var generator = SeededGenerator(seed: 6)
        for length in 0..<300 {
            let bytes = generator.troublesomeBytes(count: length)
            let expected: Value = .string(String(decoding: bytes, as: UTF8.self))
            #expect(MessagePackWriter.bytes(of: .text(bytes)) == MessagePackWriter.bytes(of: expected))
        }
    }

    @Test func capturedBytesAreAStringOfBase64() {
        let bytes = [UInt8](0...255)
        let expected: Value = .string(String(decoding: Base64.encode(bytes), as: UTF8.self))
        #expect(MessagePackWriter.bytes(of: .base64(bytes)) == MessagePackWriter.bytes(of: expected))
    }

    @Test func itAppendsToWhatIsThere() {
        var bytes: [UInt8] = [9]
        MessagePackWriter.append(.text([0xff]), to: &bytes)
        MessagePackWriter.append(.base64([0]), to: &bytes)
        #expect(bytes == [9, 0xa3, 0xef, 0xbf, 0xbd, 0xa4, 0x41, 0x41, 0x3d, 0x3d])
    }
}
