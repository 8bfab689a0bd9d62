import ProcCore
import TestSupport
import Testing

@Suite struct JSONReaderTests {
    static func read(_ text: String) throws(JSONError) -> Value { try JSONReader.read(Array(text.utf8)) }

    /// Reads from a heap copy of exactly the document's size, so that a
    /// sanitizer build traps on a read past the end.
    static func readExact(_ bytes: ArraySlice<UInt8>) throws(JSONError) -> Value {
        let exact = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
        defer { exact.deallocate() }
        exact.copyBytes(from: bytes)
        return try JSONReader.read(UnsafeRawBufferPointer(exact))
    }

    static let accepted: [(text: String, value: Value)] = [
        ("null", .null), (" true ", .bool(true)), ("\t\r\nfalse\n", .bool(false)),
        ("0", .int(0)), ("-1", .int(-1)), ("123", .int(123)),
        ("9223372036854775807", .int(.max)), ("-9223372036854775808", .int(.min)),
        ("9223372036854775808", .uint(1 << 63)), ("18446744073709551615", .uint(.max)),
        ("18446744073709551616", .double(18446744073709551616)), ("-9223372036854775809", .double(-0x1p63)),
        ("1.0", .double(1)), ("1e2", .double(100)), ("1E+2", .double(100)), ("1.5e-3", .double(0.0015)),
        ("0.1", .double(0.1)), ("-0.5", .double(-0.5)), ("0e5", .double(0)), ("0E-99999999999999999999", .double(0)),
        ("123456789012345678901234567890", .double(1.2345678901234568e29)),
        ("1.7976931348623157e308", .double(.greatestFiniteMagnitude)), ("1e-400", .double(0)),
        ("0.30000000000000004", .double(0.30000000000000004)), ("9007199254740993.0", .double(9007199254740992)),
        ("4.9406564584124654e-324", .double(.leastNonzeroMagnitude)),
        (#""""#, .string("")), (#""plain""#, .string("plain")), (#""a\"b\\c\/d""#, .string("a\"b\\c/d")),
        (#""\b\f\n\r\t""#, .string("\u{8}\u{c}\n\r\t")), (#""\u0041\u00e9\u20AC""#, .string("Aé€")),
        (#""\ud83d\ude00""#, .string("😀")), (#""\uD834\uDD1Ex""#, .string("𝄞x")), (#""\u0000""#, .string("\0")),
        (#""é€😀""#, .string("é€😀")), ("\"\u{7f}\u{2028}\"", .string("\u{7f}\u{2028}")),
        (#""\uffff\ufdd0""#, .string(String(decoding: [0xef, 0xbf, 0xbf, 0xef, 0xb7, 0x90], as: UTF8.self))),
        (#""long enough for words\nand é more""#, .string("long enough for words\nand é more")),
        ("[]", .array([])), ("[ ]", .array([])), ("[1,[2],{}]", .array([.int(1), .array([.int(2)]), .map([])])),
        ("{}", .map([])), (#"{ "a" : 1 , "b" : [ ] }"#, .map([.init("a", .int(1)), .init("b", .array([]))])),
        (#"{"":null}"#, .map([.init("", .null)])),
        (#"{"z":1,"a":2}"#, .map([.init("z", .int(1)), .init("a", .int(2))])),
    ]

    @Test(arguments: accepted)
    func whatTheGrammarAllowsIsRead(text: String, value: Value) throws {
        #expect(try Self.readExact(Array(text.utf8)[...]) == value)
    }

    @Test func minusZeroIsADouble() throws {
        for text in ["-0", "-0.0", "-0e1"] {
            guard case .double(let number) = try Self.read(text) else {
                Issue.record("\(text) is no double")
                continue
            }
            #expect(number.sign == .minus && number == 0, "\(text)")
        }
    }

    static let rejected: [(text: String, message: String)] = [
        ("", "line 1, column 1: expected a value, found the end of the document"),
        (" \n ", "line 2, column 2: expected a value, found the end of the document"),
        ("nul", "line 1, column 1: expected a value, found \"nul\""),
        ("True", "line 1, column 1: expected a value, found \"True\""),
        ("NaN", "line 1, column 1: expected a value, found \"NaN\""),
        ("nullx", "line 1, column 5: expected the end of the document, found \"x\""),
        ("1 2", "line 1, column 3: expected the end of the document, found \"2\""),
        ("{}}", "line 1, column 3: expected the end of the document, found \"}\""),
        ("\u{feff}1", "line 1, column 1: a document must not start with a byte order mark"),
        ("'a'", "line 1, column 1: expected a value, found \"'\""),
        ("\u{c}1", "line 1, column 1: expected a value, found control character U+000C"),
        ("\u{a0}1", "line 1, column 1: expected a value, found \"\u{a0}\""),
        ("// c", "line 1, column 1: expected a value, found \"/\""),
        ("01", "line 1, column 1: a number must not start with 0"),
        ("[-01]", "line 1, column 3: a number must not start with 0"),
        ("-", "line 1, column 2: expected a digit after \"-\", found the end of the document"),
        ("-a", "line 1, column 2: expected a digit after \"-\", found \"a\""),
        ("+1", "line 1, column 1: expected a value, found \"+\""),
        (".5", "line 1, column 1: expected a value, found \".\""),
        ("1.", "line 1, column 3: expected a digit after the decimal point, found the end of the document"),
        ("1.e1", "line 1, column 3: expected a digit after the decimal point, found \"e1\""),
        ("1e", "line 1, column 3: expected a digit after \"e\", found the end of the document"),
        ("1e+", "line 1, column 4: expected a digit after \"e\", found the end of the document"),
        ("0x10", "line 1, column 2: expected the end of the document, found \"x10\""),
        ("1_000", "line 1, column 2: expected the end of the document, found \"_\""),
        ("[1e400]", "line 1, column 2: number too large"),
        ("-1e999999999999999999999", "line 1, column 1: number too large"),
        ("[", "line 1, column 2: expected a value, found the end of the document"),
        ("[1", "line 1, column 3: expected \",\" or \"]\" after an element, found the end of the document"),
        ("[1,]", "line 1, column 4: expected a value, found \"]\""),
        ("[,1]", "line 1, column 2: expected a value, found \",\""),
        ("[1 2]", "line 1, column 4: expected \",\" or \"]\" after an element, found \"2\""),
        ("[1}", "line 1, column 3: expected \",\" or \"]\" after an element, found \"}\""),
        ("{", "line 1, column 2: expected a key or \"}\", found the end of the document"),
        ("{a:1}", "line 1, column 2: expected a key or \"}\", found \"a\""),
        ("{1:1}", "line 1, column 2: expected a key or \"}\", found \"1\""),
        (#"{"a"}"#, "line 1, column 5: expected \":\" after a key, found \"}\""),
        (#"{"a" 1}"#, "line 1, column 6: expected \":\" after a key, found \"1\""),
        (#"{"a":}"#, "line 1, column 6: expected a value, found \"}\""),
        (#"{"a":1,}"#, "line 1, column 8: expected a key, found \"}\""),
        (#"{"a":1 "b":2}"#, "line 1, column 8: expected \",\" or \"}\" after a member, found a string"),
        ("{\n  \"é\": 1,\n  \"b\": 2 x}", "line 3, column 10: expected \",\" or \"}\" after a member, found \"x\""),
        (#"{"a":1,"b":2,"a":3}"#, "line 1, column 14: duplicate key \"a\""),
        (#"{"a":1,"\u0061":3}"#, "line 1, column 8: duplicate key \"a\""),
        (#"{"é":1,"e\u0301":3}"#, "line 1, column 8: duplicate key \"e\u{301}\""),
        (#"{";":1,"\u037e":3}"#, "line 1, column 8: duplicate key \"\u{37e}\""),
        (#"""#, "line 1, column 2: expected a closing quote, found the end of the document"),
        (#""a"#, "line 1, column 3: expected a closing quote, found the end of the document"),
        (#""a\"#, "line 1, column 4: expected an escape after \"\\\", found the end of the document"),
        (#""\x41""#, "line 1, column 2: unknown escape \"\\x\" in a string"),
        (#""\é""#, "line 1, column 2: unknown escape \"\\é\" in a string"),
        (#""\U0041""#, "line 1, column 2: unknown escape \"\\U\" in a string"),
        (#""\u12g4""#, "line 1, column 6: expected four hexadecimal digits after \"\\u\", found \"g4\""),
        (#""\u12""#, "line 1, column 6: expected four hexadecimal digits after \"\\u\", found a string"),
        (#""\ud800""#, "line 1, column 2: lone surrogate \"\\ud800\" is no character"),
        (#""\udc00""#, "line 1, column 2: lone surrogate \"\\udc00\" is no character"),
        (#""\ud83d\u0041""#, "line 1, column 2: lone surrogate \"\\ud83d\" is no character"),
        (#""\ud83d\n""#, "line 1, column 2: lone surrogate \"\\ud83d\" is no character"),
        (#""\ud83d\ud83d""#, "line 1, column 2: lone surrogate \"\\ud83d\" is no character"),
        ("\"a\nb\"", "line 1, column 3: control character U+000A must be escaped in a string"),
        ("\"a long enough string\u{1f}\"", "line 1, column 22: control character U+001F must be escaped in a string"),
        ("\"\0\"", "line 1, column 2: control character U+0000 must be escaped in a string"),
    ]

    @Test(arguments: rejected)
    func whatTheGrammarForbidsIsRejectedAtItsPlace(text: String, message: String) {
        let thrown = #expect(throws: JSONError.self) { try Self.readExact(Array(text.utf8)[...]) }
        #expect(thrown?.description == message)
    }

    static let notUTF8: [(bytes: [UInt8], offset: Int)] = [
        ([0xff], 0), ([0x80], 0), ([0xc0, 0x80], 0), ([0xc3], 0), ([0xe0, 0x80, 0x80], 0), ([0xed, 0xa0, 0x80], 0),
        ([0xf4, 0x90, 0x80, 0x80], 0), ([0xf5, 0x80, 0x80, 0x80], 0), ([0x61, 0xc3, 0xa9, 0xe2, 0x82], 3),
        (Array("more than eight".utf8) + [0xfe], 15),
    ]

    @Test(arguments: notUTF8)
    func textThatIsNotUTF8IsRejected(bytes: [UInt8], offset: Int) {
        let inString = #expect(throws: JSONError.self) { try JSONReader.read([0x22] + bytes + [0x22]) }
        #expect(inString?.reason == .notUTF8(bytes[offset]) && inString?.offset == offset + 1)
        let afterEscape = #expect(throws: JSONError.self) { try JSONReader.read([0x22, 0x5c, 0x6e] + bytes + [0x22]) }
        #expect(afterEscape?.reason == .notUTF8(bytes[offset]) && afterEscape?.offset == offset + 3)
        #expect(throws: JSONError.self) { try JSONReader.read(bytes) }
        #expect(throws: JSONError.self) { try JSONReader.read([0x22, 0x5c] + bytes[offset...] + [0x22]) }
    }

    @Test func everyPrefixOfADocumentIsAnErrorAtItsEndOrBefore() throws {
        let text = #" {"a\n€": [1.5e3, -20, true, null, "x\ud83d\ude00é"], "b": {"c": false, "d": []}}"#
        let document = Array(text.utf8)
        for cut in 0..<document.count {
            let error = #expect(throws: JSONError.self) { try Self.readExact(document[..<cut]) }
            #expect((error?.offset ?? .max) <= cut, "\(cut) bytes")
        }
        #expect(throws: Never.self) { try Self.readExact(document[...]) }
    }

    @Test func nestingIsAllowedToTheLimitAndNoFurther() throws {
        func nested(_ depth: Int) -> [UInt8] {
            Array(
                (String(repeating: "[{\"a\":", count: depth / 2) + "0" + String(repeating: "}]", count: depth / 2)).utf8
            )
        }
        #expect(throws: Never.self) { try JSONReader.read(nested(128)) }
        let error = #expect(throws: JSONError.self) { try JSONReader.read(nested(130)) }
        #expect(error?.reason == .tooDeep(limit: 128))
        #expect(throws: JSONError.self) { try JSONReader.read(nested(4), depthLimit: 3) }
        // Far deeper than any stack.
        #expect(throws: JSONError.self) { try JSONReader.read([UInt8](repeating: 0x5b, count: 1 << 20)) }
    }

    @Test func aRepeatedKeyIsNoticedAmongThousands() throws {
        let count = 20_000
        var members = (0..<count).map { "\"key \($0)\":\($0)" }
        let value = try Self.read("{" + members.joined(separator: ",") + "}")
        #expect(value["key 19999"] == .int(19999))
        for place in [0, 22, 23, 24, 25, 10_000, count - 1] {
            members.append("\"key \(place)\":0")
            let error = #expect(throws: JSONError.self) { try Self.read("{" + members.joined(separator: ",") + "}") }
            #expect(error?.reason == .duplicateKey("key \(place)"))
            members.removeLast()
        }
    }

    @Test(arguments: [2, 3, 7, 23, 24, 25, 26, 40])
    func aRepeatedKeyIsNoticedInAnObjectOfAnySize(count: Int) throws {
        for (first, second) in [(0, count - 1), (count - 2, count - 1), (0, 1)] {
            var keys = (0..<count).map { "k\($0)" }
            #expect(throws: Never.self) { try Self.read("{" + keys.map { "\"\($0)\":0" }.joined(separator: ",") + "}") }
            keys[second] = keys[first]
            let error = #expect(throws: JSONError.self) {
                try Self.read("{" + keys.map { "\"\($0)\":0" }.joined(separator: ",") + "}")
            }
            #expect(error?.reason == .duplicateKey(keys[first]))
        }
    }

    @Test func doublesAreReadAsTheStandardLibraryReadsThem() throws {
        var generator = SeededGenerator(seed: 3)
        for _ in 0..<5000 {
            let number = Double(bitPattern: generator.next())
            guard number.isFinite else { continue }
            #expect(try Self.read(number.description) == .double(number))
            let digits = generator.next() % 10_000_000_000_000_000_000
            let text = "\(digits % 1000).\(digits)e\(Int(digits % 61) - 30)"
            #expect(try Self.read(text) == .double(try #require(Double(text))), "\(text)")
        }
    }
}
