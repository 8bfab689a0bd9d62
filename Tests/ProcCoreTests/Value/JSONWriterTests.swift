import ProcCore
import TestSupport
import Testing

@Suite struct JSONWriterTests {
    static func text(_ value: Value, pretty: Bool = false) -> String {
        String(decoding: JSONWriter.bytes(of: value, pretty: pretty), as: UTF8.self)
    }

    /// Everything that reaches the sink, and the largest block.
    static func collect(
        pretty: Bool = false, blockSize: Int, _ body: (inout JSONWriter) throws -> Void
    ) throws -> (bytes: [UInt8], largest: Int) {
        var bytes: [UInt8] = []
        var largest = 0
        var writer = JSONWriter(pretty: pretty, blockSize: blockSize) {
            bytes.append(contentsOf: $0)
            largest = max(largest, $0.count)
        }
        try body(&writer)
        try writer.finish()
        return (bytes, largest)
    }

    static let document: Value = .map([
        .init("name", .string("a \"b\"\n")), .init("empty", .map([])), .init("none", .array([])),
        .init("list", .array([.int(-1), .uint(.max), .null, .bool(true), .array([.double(0.5)])])),
        .init("inner", .map([.init("é", .bool(false))])),
    ])

    @Test func membersAreCompactUnlessPretty() {
        let compact =
            #"{"name":"a \"b\"\n","empty":{},"none":[],"list":[-1,18446744073709551615,null,true,[0.5]],"#
            + #""inner":{"é":false}}"#
        #expect(Self.text(Self.document) == compact)
        let pretty = #"""
            {
              "name": "a \"b\"\n",
              "empty": {},
              "none": [],
              "list": [
                -1,
                18446744073709551615,
                null,
                true,
                [
                  0.5
                ]
              ],
              "inner": {
                "é": false
              }
            }
            """#
        #expect(Self.text(Self.document, pretty: true) == pretty)
    }

    @Test(
        arguments: [
            (.int(0), "0"), (.int(.min), "-9223372036854775808"), (.int(.max), "9223372036854775807"),
            (.uint(.max), "18446744073709551615"), (.int(10), "10"), (.int(99), "99"), (.int(-100), "-100"),
            (.double(0), "0.0"), (.double(-0.0), "-0.0"), (.double(1e15), "1000000000000000.0"),
            (.double(1e16), "1e+16"),
            (.double(-2), "-2.0"), (.double(0.1), "0.1"), (.double(5e300), "5e+300"), (.double(.nan), "null"),
            (.double(.infinity), "null"), (.double(-.infinity), "null"),
            (.binary([0xff, 0]), "\"/wA=\""), (.base64([1]), "\"AQ==\""), (.base64([]), "\"\""),
            (.string("/é\u{7f}\u{2028}😀"), "\"/é\u{7f}\u{2028}😀\""),
            (.string("\u{8}\u{c}\n\r\t\"\\\u{0}\u{1f}"), #""\b\f\n\r\t\"\\\u0000\u001f""#),
        ] as [(Value, String)])
    func aScalarIsWrittenAs(value: Value, text: String) { #expect(Self.text(value) == text) }

    @Test func integersOfEveryLengthAreExact() {
        var number: UInt64 = 1
        for _ in 0..<20 {
            for near in [number - 1, number, number + 1] { #expect(Self.text(.integer(near)) == String(near)) }
            number = number.multipliedReportingOverflow(by: 10).partialValue
        }
    }

    @Test func everyControlCharacterSurvives() throws {
        let string = String(String.UnicodeScalarView((0..<0x80).compactMap(Unicode.Scalar.init)))
        #expect(try JSONReader.read(JSONWriter.bytes(of: .string(string))) == .string(string))
        #expect(try JSONReader.read(JSONWriter.bytes(of: .text(Array(string.utf8)))) == .string(string))
    }

    @Test func capturedTextIsRepairedAsTheStandardLibraryDoes() throws {
        var generator = SeededGenerator(seed: 4)
        for length in 0..<500 {
            let bytes = generator.troublesomeBytes(count: length)
            let expected = String(decoding: bytes, as: UTF8.self)
            #expect(JSONWriter.bytes(of: .text(bytes)) == JSONWriter.bytes(of: .string(expected)))
            #expect(try JSONReader.read(JSONWriter.bytes(of: .text(bytes))) == .string(expected))
        }
    }

    @Test func blockBordersLeaveNoTrace() throws {
        var generator = SeededGenerator(seed: 5)
        for blockSize in 64..<140 {
            let bytes = generator.troublesomeBytes(count: 700)
            let value: Value = .map([
                .init("text", .text(bytes)), .init("base64", .base64(bytes)),
                .init("string", .string(String(decoding: bytes, as: UTF8.self))),
                .init(String(repeating: "key", count: 100), .array((0..<50).map { .int(Int64($0)) })),
                .init("doubles", .array((0..<20).map { .double(Double($0) / 7) })),
            ])
            for pretty in [false, true] {
                let blocks = try Self.collect(pretty: pretty, blockSize: blockSize) { try $0.write(value) }
                #expect(blocks.bytes == JSONWriter.bytes(of: value, pretty: pretty))
                #expect(blocks.largest <= blockSize)
            }
        }
    }

    @Test func membersCanBeStreamed() throws {
        for pretty in [false, true] {
            let streamed = try Self.collect(pretty: pretty, blockSize: 64) { writer in
                try writer.beginObject()
                try writer.key("data")
                try writer.beginObject()
                for number in 0..<3 {
                    try writer.key("p\(number)")
                    try writer.write(Self.document)
                }
                try writer.endObject()
                try writer.key("none")
                try writer.beginObject()
                try writer.endObject()
                try writer.endObject()
                try writer.newline()
            }
            let whole: Value = .map([
                .init("data", .map((0..<3).map { .init("p\($0)", Self.document) })), .init("none", .map([])),
            ])
            #expect(streamed.bytes == JSONWriter.bytes(of: whole, pretty: pretty) + [0x0a])
        }
    }

    @Test func onlyFullBlocksLeaveBeforeTheEnd() throws {
        var sizes: [Int] = []
        var writer = JSONWriter(blockSize: 4096) { sizes.append($0.count) }
        try writer.write(.text([UInt8](repeating: 0x61, count: 20_000)))
        #expect(sizes.count == 4 && sizes.allSatisfy { 4096 - 64...4096 ~= $0 })
        try writer.finish()
        #expect(sizes.reduce(0, +) == 20_002)
        try writer.finish()
        #expect(sizes.count == 5)
    }

    @Test func anErrorOfTheSinkIsPassedOn() {
        struct Full: Error {}
        #expect(throws: Full.self) {
            var writer = JSONWriter(blockSize: 64) { _ in throw Full() }
            try writer.write(.text([UInt8](repeating: 0x61, count: 100)))
        }
        #expect(throws: Full.self) {
            var writer = JSONWriter { _ in throw Full() }
            try writer.write(.null)
            try writer.finish()
        }
    }

    @Test func whatIsWrittenReadsBackEqual() throws {
        #expect(try JSONReader.read(JSONWriter.bytes(of: Self.document)) == Self.document)
        #expect(try JSONReader.read(JSONWriter.bytes(of: Self.document, pretty: true)) == Self.document)
    }
}
