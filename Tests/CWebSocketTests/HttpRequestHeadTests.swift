import CWebSocket
import Testing

@Suite struct HttpRequestHeadTests {
    static let host = "Host: h\r\n\r\n"

    static let valid: [(text: String, reading: HeadReading)] = [
        (
            "GET /a/b;c=1?x=%41&y HTTP/1.1\r\nHost: example.com:8080\r\nAccept:\r\nX-A:  b \t c\t \r\n\r\n",
            HeadReading(
                returned: 0, method: "GET", target: "/a/b;c=1?x=%41&y", authority: "example.com:8080",
                path: "/a/b;c=1?x=%41&y", minorVersion: 1,
                fields: [["Host", "example.com:8080"], ["Accept", ""], ["X-A", "b \t c"]])
        ),
        (
            "M-x!#$%&'*+.^_`|~9 / HTTP/1.0\r\n\r\n",
            HeadReading(returned: 0, method: "M-x!#$%&'*+.^_`|~9", target: "/", path: "/")
        ),
        (
            "OPTIONS * HTTP/1.1\r\nhOST: [::1]:1\r\n\r\n",
            HeadReading(
                returned: 0, method: "OPTIONS", target: "*", form: CWS_HTTP_TARGET_ASTERISK, authority: "[::1]:1",
                minorVersion: 1, fields: [["hOST", "[::1]:1"]])
        ),
        (
            "CONNECT 10.0.0.1:443 HTTP/1.1\r\nHost: other\r\n\r\n",
            HeadReading(
                returned: 0, method: "CONNECT", target: "10.0.0.1:443", form: CWS_HTTP_TARGET_AUTHORITY,
                authority: "10.0.0.1:443", minorVersion: 1, fields: [["Host", "other"]])
        ),
        (
            "GET https://a.b:65535/p?q HTTP/1.1\r\nHost: other\r\n\r\n",
            HeadReading(
                returned: 0, method: "GET", target: "https://a.b:65535/p?q", form: CWS_HTTP_TARGET_ABSOLUTE,
                authority: "a.b:65535", path: "/p?q", minorVersion: 1, fields: [["Host", "other"]])
        ),
        (
            "GET ws+x-1.://[1:2.3]?q HTTP/1.1\r\nHost:\r\n\r\n",
            HeadReading(
                returned: 0, method: "GET", target: "ws+x-1.://[1:2.3]?q", form: CWS_HTTP_TARGET_ABSOLUTE,
                authority: "[1:2.3]", path: "?q", minorVersion: 1, fields: [["Host", ""]])
        ),
        (
            "GET http://h%2e: HTTP/1.1\r\nHost:h\r\nX: é\r\n\r\n",
            HeadReading(
                returned: 0, method: "GET", target: "http://h%2e:", form: CWS_HTTP_TARGET_ABSOLUTE,
                authority: "h%2e:", minorVersion: 1, fields: [["Host", "h"], ["X", "é"]])
        ),
        (
            "GET // HTTP/1.1\r\nHost: \r\n\r\n",
            HeadReading(
                returned: 0, method: "GET", target: "//", path: "//", minorVersion: 1, fields: [["Host", ""]])
        ),
    ]

    @Test(arguments: valid)
    func everyPrefixAsksForMoreAndTheWholeDecodes(text: String, reading: HeadReading) {
        let bytes = Array(text.utf8)
        #expect(HeadReading.readByteByByte(.request, bytes) == (bytes.count, Int32(bytes.count)))
        var expected = reading
        expected.returned = Int32(bytes.count)
        #expect(HeadReading.read(.request, bytes) == expected)
        #expect(HeadReading.read(.request, bytes + Array("\u{0}body".utf8)) == expected)
    }

    static let wrong: [WrongText] = [
        // The request line.
        .init("\r‖\nGET / HTTP/1.1\r\n", CWS_HTTP_ERR_START_LINE),
        .init("\n‖", CWS_HTTP_ERR_BARE_LF),
        .init(" ‖GET / HTTP/1.1\r\n", CWS_HTTP_ERR_METHOD),
        .init("G(‖ET / HTTP/1.1\r\n", CWS_HTTP_ERR_METHOD),
        .init("GET\t‖/ HTTP/1.1\r\n", CWS_HTTP_ERR_METHOD),
        .init("\u{16}‖\u{3}\u{1}", CWS_HTTP_ERR_CONTROL),
        .init(before: [0xc3], after: [0xa9], error: CWS_HTTP_ERR_METHOD),
        .init("GET\r‖\n", CWS_HTTP_ERR_START_LINE),
        .init("GET /\r‖\n", CWS_HTTP_ERR_START_LINE),
        .init("GET  ‖/ HTTP/1.1\r\n", CWS_HTTP_ERR_TARGET),
        .init("GET /  ‖HTTP/1.1\r\n", CWS_HTTP_ERR_NOT_HTTP),
        .init("GET / HTTP/1.1 ‖\r\n", CWS_HTTP_ERR_START_LINE),
        .init("GET / HTTP/1.10‖\r\n", CWS_HTTP_ERR_START_LINE),
        .init("GET / HTTP/1.2‖\r\n", CWS_HTTP_ERR_VERSION),
        .init("GET / HTTP/2‖.0\r\n", CWS_HTTP_ERR_VERSION),
        .init("GET / HTTP/0‖.9\r\n", CWS_HTTP_ERR_VERSION),
        .init("GET / HTTP/1.\r‖\n", CWS_HTTP_ERR_NOT_HTTP),
        .init("GET / HTTP/1,‖1\r\n", CWS_HTTP_ERR_NOT_HTTP),
        .init("GET / HTTP/+‖1.1\r\n", CWS_HTTP_ERR_NOT_HTTP),
        .init("GET / h‖ttp/1.1\r\n", CWS_HTTP_ERR_NOT_HTTP),
        .init("GET / \r‖\n", CWS_HTTP_ERR_NOT_HTTP),
        .init("GET / x‖ HTTP/1.1\r\n", CWS_HTTP_ERR_NOT_HTTP),
        .init("GET / HTTP/1.1\n‖Host: h\n\n", CWS_HTTP_ERR_BARE_LF),
        .init("GET / HTTP/1.1\rH‖", CWS_HTTP_ERR_BARE_CR),
        .init("GET / HTTP/1.1\r\r‖\n", CWS_HTTP_ERR_BARE_CR),
        .init("GET /\u{0}‖ HTTP/1.1\r\n", CWS_HTTP_ERR_CONTROL),
        .init("GET /\u{7f}‖ HTTP/1.1\r\n", CWS_HTTP_ERR_CONTROL),
        // Targets.
        .init("GET a/‖ HTTP/1.1\r\n", CWS_HTTP_ERR_TARGET),
        .init("GET a ‖HTTP/1.1\r\n", CWS_HTTP_ERR_TARGET),
        .init("GET ?‖a HTTP/1.1\r\n", CWS_HTTP_ERR_TARGET),
        .init("GET /#‖a HTTP/1.1\r\n", CWS_HTTP_ERR_TARGET),
        .init("GET /<‖ HTTP/1.1\r\n", CWS_HTTP_ERR_TARGET),
        .init("GET /\\‖ HTTP/1.1\r\n", CWS_HTTP_ERR_TARGET),
        .init("GET /\t‖ HTTP/1.1\r\n", CWS_HTTP_ERR_TARGET),
        .init("GET /%g‖1 HTTP/1.1\r\n", CWS_HTTP_ERR_TARGET),
        .init("GET /%4 ‖HTTP/1.1\r\n", CWS_HTTP_ERR_TARGET),
        .init("GET /% ‖HTTP/1.1\r\n", CWS_HTTP_ERR_TARGET),
        .init("GET *‖ HTTP/1.1\r\n", CWS_HTTP_ERR_TARGET),
        .init("options *‖ HTTP/1.1\r\n", CWS_HTTP_ERR_TARGET),
        .init("OPTIONS */‖ HTTP/1.1\r\n", CWS_HTTP_ERR_TARGET),
        .init("GET http:/a‖ HTTP/1.1\r\n", CWS_HTTP_ERR_TARGET),
        .init("GET http:// ‖HTTP/1.1\r\n", CWS_HTTP_ERR_TARGET),
        .init("GET http:///‖ HTTP/1.1\r\n", CWS_HTTP_ERR_TARGET),
        .init("GET http://:‖80/ HTTP/1.1\r\n", CWS_HTTP_ERR_TARGET),
        .init("GET http://u@‖h/ HTTP/1.1\r\n", CWS_HTTP_ERR_TARGET),
        .init("GET http://u:p‖@h/ HTTP/1.1\r\n", CWS_HTTP_ERR_TARGET),
        .init("GET http://h:65536‖/ HTTP/1.1\r\n", CWS_HTTP_ERR_TARGET),
        .init("GET http://[::1/‖ HTTP/1.1\r\n", CWS_HTTP_ERR_TARGET),
        .init("GET http://[]‖/ HTTP/1.1\r\n", CWS_HTTP_ERR_TARGET),
        .init("GET http://[::1]a‖/ HTTP/1.1\r\n", CWS_HTTP_ERR_TARGET),
        .init("GET http://[::1%‖25eth0]/ HTTP/1.1\r\n", CWS_HTTP_ERR_TARGET),
        .init("GET http://h%2/‖ HTTP/1.1\r\n", CWS_HTTP_ERR_TARGET),
        .init("GET http://h/#‖ HTTP/1.1\r\n", CWS_HTTP_ERR_TARGET),
        .init("CONNECT h ‖HTTP/1.1\r\n", CWS_HTTP_ERR_TARGET),
        .init("CONNECT h: ‖HTTP/1.1\r\n", CWS_HTTP_ERR_TARGET),
        .init("CONNECT [::1] ‖HTTP/1.1\r\n", CWS_HTTP_ERR_TARGET),
        .init("CONNECT /‖ HTTP/1.1\r\n", CWS_HTTP_ERR_TARGET),
        .init("CONNECT http:/‖/h:80/ HTTP/1.1\r\n", CWS_HTTP_ERR_TARGET),
        // Fields.
        .init("GET / HTTP/1.1\r\n ‖Host: h\r\n", CWS_HTTP_ERR_FOLDED),
        .init("GET / HTTP/1.1\r\nHost: h\r\n\t‖x\r\n\r\n", CWS_HTTP_ERR_FOLDED),
        .init("GET / HTTP/1.1\r\nHost ‖: h\r\n", CWS_HTTP_ERR_SPACE_BEFORE_COLON),
        .init("GET / HTTP/1.1\r\nHost\t‖: h\r\n", CWS_HTTP_ERR_SPACE_BEFORE_COLON),
        .init("GET / HTTP/1.1\r\n:‖ h\r\n", CWS_HTTP_ERR_FIELD_NAME),
        .init("GET / HTTP/1.1\r\nHo\u{0}‖st: h\r\n", CWS_HTTP_ERR_FIELD_NAME),
        .init("GET / HTTP/1.1\r\nHost\r‖\n", CWS_HTTP_ERR_FIELD_NAME),
        .init("GET / HTTP/1.1\r\nHost\n‖", CWS_HTTP_ERR_BARE_LF),
        .init("GET / HTTP/1.1\r\nHost: h\n‖\n", CWS_HTTP_ERR_BARE_LF),
        .init("GET / HTTP/1.1\r\n\n‖", CWS_HTTP_ERR_BARE_LF),
        .init("GET / HTTP/1.1\r\nHost: h\rX‖: y\r\n\r\n", CWS_HTTP_ERR_BARE_CR),
        .init("GET / HTTP/1.1\r\nHost: h\r\n\rX‖", CWS_HTTP_ERR_BARE_CR),
        .init("GET / HTTP/1.1\r\nX: \u{0}‖\r\n\r\n", CWS_HTTP_ERR_CONTROL),
        .init("GET / HTTP/1.1\r\nX: \u{1b}‖\r\n\r\n", CWS_HTTP_ERR_CONTROL),
        // Host.
        .init("GET / HTTP/1.1\r\n\r\n‖", CWS_HTTP_ERR_HOST_MISSING),
        .init("GET http://h/ HTTP/1.1\r\nX: y\r\n\r\n‖", CWS_HTTP_ERR_HOST_MISSING),
        .init("GET / HTTP/1.1\r\nHost: h\r\nhost:‖ h\r\n\r\n", CWS_HTTP_ERR_HOST_REPEATED),
        .init("GET / HTTP/1.0\r\nHost: h\r\nHost:‖\r\n\r\n", CWS_HTTP_ERR_HOST_REPEATED),
        .init("GET / HTTP/1.1\r\nHost: a, b\r‖\n\r\n", CWS_HTTP_ERR_HOST),
        .init("GET / HTTP/1.1\r\nHost: a b\r‖\n\r\n", CWS_HTTP_ERR_HOST),
        .init("GET / HTTP/1.1\r\nHost: h/\r‖\n\r\n", CWS_HTTP_ERR_HOST),
        .init("GET / HTTP/1.1\r\nHost: u@h\r‖\n\r\n", CWS_HTTP_ERR_HOST),
        .init("GET / HTTP/1.1\r\nHost: h:8x\r‖\n\r\n", CWS_HTTP_ERR_HOST),
        .init("GET / HTTP/1.1\r\nHost: :80\r‖\n\r\n", CWS_HTTP_ERR_HOST),
        .init("GET / HTTP/1.1\r\nHost: [::1\r‖\n\r\n", CWS_HTTP_ERR_HOST),
        .init("GET http://h/ HTTP/1.1\r\nHost: [\r‖\n\r\n", CWS_HTTP_ERR_HOST),
    ]

    @Test(arguments: wrong)
    func anErrorIsReportedAtTheByteThatProvesIt(wrong: WrongText) {
        let (taken, returned) = HeadReading.readByteByByte(.request, wrong.before)
        #expect(taken == wrong.before.count)
        #expect(returned == wrong.error.rawValue)
        #expect(HeadReading.read(.request, wrong.before + wrong.after).returned == wrong.error.rawValue)
    }

    @Test func theFirstLineMayHaveAsManyBytesAsTheLimitAllows() {
        let bytes = Array("GET /12345 HTTP/1.1\r\n\(Self.host)".utf8)
        let enough = cws_http_limits(head: 100, line: 19, fields: 1)
        #expect(HeadReading.read(.request, bytes, limits: enough).returned == Int32(bytes.count))
        let short = cws_http_limits(head: 100, line: 18, fields: 1)
        #expect(
            HeadReading.readByteByByte(.request, bytes, limits: short)
                == (19, CWS_HTTP_ERR_START_LINE_TOO_LONG.rawValue))
    }

    @Test func aFieldMayHaveAsManyBytesAsTheLimitAllows() {
        let bytes = Array("GET / HTTP/1.1\r\nHost: 789012345\r\n\r\n".utf8)
        let enough = cws_http_limits(head: 100, line: 15, fields: 1)
        #expect(HeadReading.read(.request, bytes, limits: enough).returned == Int32(bytes.count))
        let short = cws_http_limits(head: 100, line: 14, fields: 1)
        #expect(
            HeadReading.readByteByByte(.request, bytes, limits: short)
                == (16 + 15, CWS_HTTP_ERR_FIELD_TOO_LONG.rawValue))
    }

    @Test func thereMayBeAsManyFieldsAsTheLimitAllows() {
        let bytes = Array("GET / HTTP/1.1\r\nA:\r\nB:\r\nHost: h\r\n\r\n".utf8)
        let enough = cws_http_limits(head: 100, line: 50, fields: 3)
        #expect(HeadReading.read(.request, bytes, limits: enough).fields.count == 3)
        let short = cws_http_limits(head: 100, line: 50, fields: 2)
        #expect(
            HeadReading.readByteByByte(.request, bytes, limits: short)
                == (16 + 4 + 4 + 1, CWS_HTTP_ERR_TOO_MANY_FIELDS.rawValue))
    }

    @Test func theHeadMayHaveAsManyBytesAsTheLimitAllows() {
        let bytes = Array("GET / HTTP/1.1\r\n\(Self.host)".utf8)
        for size in 0..<bytes.count {
            let short = cws_http_limits(head: UInt32(size), line: 50, fields: 1)
            let expected = (size, CWS_HTTP_ERR_HEAD_TOO_LONG.rawValue)
            #expect(HeadReading.readByteByByte(.request, bytes, limits: short) == expected)
            #expect(HeadReading.read(.request, bytes, limits: short).returned == expected.1)
        }
        let enough = cws_http_limits(head: UInt32(bytes.count), line: 50, fields: 1)
        #expect(HeadReading.read(.request, bytes + bytes, limits: enough).returned == Int32(bytes.count))
        let unlimited = cws_http_limits(head: .max, line: .max, fields: 1)
        #expect(HeadReading.read(.request, bytes, limits: unlimited).returned == Int32(bytes.count))
    }
}
