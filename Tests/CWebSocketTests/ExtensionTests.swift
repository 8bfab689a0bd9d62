import CWebSocket
import Testing

@Suite struct ExtensionTests {
    /// The parts of a field's value as text: `name`, `;parameter`, `;parameter=value`. Nil when it is malformed.
    static func parts(_ value: some Collection<UInt8>) -> [String]? {
        withExactCopy(of: value) { bytes in
            var reader = cws_extension_reader_at(cws_http_span(at: 0, len: UInt32(value.count)))
            var parts: [String] = []
            func text(_ span: cws_http_span) -> String {
                precondition(Int(span.at) + Int(span.len) <= value.count, "a span leaves the value")
                return String(
                    decoding: UnsafeBufferPointer(start: bytes + Int(span.at), count: Int(span.len)), as: UTF8.self)
            }
            while true {
                var item = cws_extension_item()
                let part = cws_extension_next(bytes, &reader, &item)
                switch part {
                case Int32(CWS_EXTENSION_NAME.rawValue):
                    parts.append(text(item.name))
                case Int32(CWS_EXTENSION_PARAMETER.rawValue):
                    parts.append(";\(text(item.name))" + (item.has_value ? "=\(text(item.value))" : ""))
                default:
                    // What comes last, comes again.
                    precondition(cws_extension_next(bytes, &reader, &item) == part && item.name.len == 0)
                    precondition(part == 0 || part == CWS_HANDSHAKE_ERR_EXTENSIONS.rawValue)
                    return part == 0 ? parts : nil
                }
            }
        }
    }

    static let valid: [(value: String, parts: [String])] = [
        // RFC 6455, section 9.1.
        ("foo", ["foo"]),
        ("bar; baz=2", ["bar", ";baz=2"]),
        ("foo, bar; baz=2", ["foo", "bar", ";baz=2"]),
        ("deflate-stream", ["deflate-stream"]),
        (
            "mux; max-channels=4; flow-control, deflate-stream",
            ["mux", ";max-channels=4", ";flow-control", "deflate-stream"]
        ),
        ("private-extension", ["private-extension"]),
        // RFC 7692, section 5.
        (
            "permessage-foo; use_y, permessage-foo", ["permessage-foo", ";use_y", "permessage-foo"]
        ),
        ("permessage-foo, permessage-bar", ["permessage-foo", "permessage-bar"]),
        ("permessage-foo; x=10", ["permessage-foo", ";x=10"]),
        // Lists with nothing in them, and whitespace.
        ("", []),
        (" \t,, ,", []),
        (",a,,b,", ["a", "b"]),
        (" a\t;\tb =\tc ;d , e ", ["a", ";b=c", ";d", "e"]),
        ("a;b=c,d", ["a", ";b=c", "d"]),
        // Quoted values.
        ("a;b=\"c\"", ["a", ";b=c"]),
        ("a; b = \"10\" ; c", ["a", ";b=10", ";c"]),
        ("a;b=\"1\\0\",c", ["a", ";b=1\\0", "c"]),
        ("!#$%&'*+-.^_`|~;~=~", ["!#$%&'*+-.^_`|~", ";~=~"]),
    ]

    @Test(arguments: valid)
    func aListIsReadPartByPart(value: String, parts: [String]) {
        #expect(Self.parts(Array(value.utf8)) == parts)
    }

    @Test(arguments: [
        ";", ";a", "a;", "a;;b", "a;,b", "a; ", "a b", "a;b c", "a=b", "a;=b", "a;b=", "a;b= ", "a;b=,c", "a;b=c d",
        "a;b==c", "a;b=c=d", "\"a\"", "a;\"b\"", "a;b=\"\"", "a;b=\"", "a;b=\"c", "a;b=\"c\\", "a;b=\"c\\\"",
        "a;b=\"c d\"",
        "a;b=\"c,d\"", "a;b=\"\\\"\"", "a;b=\"\\\\\"", "a;b=\"c\"d", "a;b=\"c\" d", "a;b='c d'", "a/b", "a;b/c",
        "a, b c",
        "é", "a;é", "a;b=é", "\0", "a\0", "a;b=\"\0\"", "(a)", "a;b=\"\\é\"",
    ])
    func whatTheGrammarHasNotIsAnError(value: String) {
        #expect(Self.parts(Array(value.utf8)) == nil)
    }

    /// Exact-size buffers show a read past the end; and a list cut after a whole member is one.
    @Test(arguments: valid)
    func everyPrefixIsReadWithinItsBytes(value: String, parts: [String]) {
        let bytes = Array(value.utf8)
        for cut in 0..<bytes.count {
            guard let read = Self.parts(bytes[..<cut]) else { continue }
            // The last one may be cut short itself.
            #expect(read.dropLast() == parts.prefix(max(read.count - 1, 0)), "\(cut) of \(bytes.count) bytes")
        }
    }

    static let values: [(value: String, text: String, isIt: Bool)] = [
        ("a;b=10", "10", true), ("a;b=\"10\"", "10", true), ("a;b=\"1\\0\"", "10", true),
        ("a;b=\"\\1\\0\"", "10", true),
        ("a;b=10", "1", false), ("a;b=10", "100", false), ("a;b=X", "x", false), ("a;b", "", false),
    ]

    @Test(arguments: values)
    func aValueIsComparedWithoutItsQuotesAndEscapes(value: String, text: String, isIt: Bool) {
        let bytes = Array(value.utf8)
        withExactCopy(of: bytes) { copy in
            var reader = cws_extension_reader_at(cws_http_span(at: 0, len: UInt32(bytes.count)))
            var item = cws_extension_item()
            _ = cws_extension_next(copy, &reader, &item)
            #expect(!cws_extension_value_is(copy, &item, ""))
            _ = cws_extension_next(copy, &reader, &item)
            #expect(cws_extension_value_is(copy, &item, text) == isIt)
        }
    }
}
