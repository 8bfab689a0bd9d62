import CWebSocket
import Testing

/// The answer to what frames a body.
private struct Framing: Equatable {
    let returned: Int32
    let kind: cws_http_body_kind
    let length: UInt64

    static func ofRequest(_ text: String) throws -> Framing {
        try #require(
            HeadReading.read(.request, text.utf8) { bytes, head in
                // Shows whether the body has been written.
                var body = cws_http_body(kind: CWS_HTTP_BODY_TO_CLOSE, length: 999)
                let returned = cws_http_request_body(bytes, &head, &body)
                return Framing(returned: returned, kind: body.kind, length: body.length)
            }.1)
    }

    static func ofResponse(_ text: String, asked: cws_http_asked) throws -> Framing {
        try #require(
            HeadReading.read(.response, text.utf8) { bytes, head in
                var body = cws_http_body(kind: CWS_HTTP_BODY_TO_CLOSE, length: 999)
                let returned = cws_http_response_body(bytes, &head, asked, &body)
                return Framing(returned: returned, kind: body.kind, length: body.length)
            }.1)
    }

    static func error(_ error: cws_http_error) -> Framing {
        Framing(returned: error.rawValue, kind: CWS_HTTP_BODY_TO_CLOSE, length: 999)
    }

    static func body(_ kind: cws_http_body_kind, _ length: UInt64 = 0) -> Framing {
        Framing(returned: 0, kind: kind, length: length)
    }
}

@Suite struct HttpBodyTests {
    static let requests: [(fields: [String], version: String, kind: cws_http_body_kind, length: UInt64)] = [
        ([], "1.1", CWS_HTTP_BODY_NONE, 0),
        (["Content-Length: 0"], "1.1", CWS_HTTP_BODY_LENGTH, 0),
        (["content-length:  42 "], "1.0", CWS_HTTP_BODY_LENGTH, 42),
        (["Content-Length: 007"], "1.1", CWS_HTTP_BODY_LENGTH, 7),
        (["Content-Length: 9223372036854775807"], "1.1", CWS_HTTP_BODY_LENGTH, UInt64(Int64.max)),
        (["Transfer-Encoding: chunked"], "1.1", CWS_HTTP_BODY_CHUNKED, 0),
        (["transfer-encoding:\tChunKed\t"], "1.1", CWS_HTTP_BODY_CHUNKED, 0),
    ]

    @Test(arguments: requests)
    func aRequestsFieldsFrameItsBody(
        fields: [String], version: String, kind: cws_http_body_kind, length: UInt64
    ) throws {
        let text = "POST / HTTP/\(version)\r\nHost: h\r\n" + fields.map { "\($0)\r\n" }.joined() + "\r\n"
        #expect(try Framing.ofRequest(text) == .body(kind, length))
    }

    /// Pairs and values that two readers have been seen to read in two ways.
    static let smuggling: [(fields: [String], error: cws_http_error)] = [
        (["Content-Length: 5", "Transfer-Encoding: chunked"], CWS_HTTP_ERR_LENGTH_AND_CODING),
        (["Transfer-Encoding: chunked", "Content-Length: 5"], CWS_HTTP_ERR_LENGTH_AND_CODING),
        (["Transfer-Encoding: identity", "Content-Length: 5"], CWS_HTTP_ERR_LENGTH_AND_CODING),
        (["Transfer-Encoding:", "Content-Length: 5"], CWS_HTTP_ERR_LENGTH_AND_CODING),
        (["transfer-encoding: xchunked", "Content-Length: x"], CWS_HTTP_ERR_LENGTH_AND_CODING),
        (["Content-Length: 5", "Content-Length: 6"], CWS_HTTP_ERR_LENGTH_REPEATED),
        (["Content-Length: 5", "content-length: 5"], CWS_HTTP_ERR_LENGTH_REPEATED),
        (["Content-Length: 5", "X: y", "Content-Length:"], CWS_HTTP_ERR_LENGTH_REPEATED),
        (["Content-Length: 5, 5"], CWS_HTTP_ERR_LENGTH),
        (["Content-Length: 5,6"], CWS_HTTP_ERR_LENGTH),
        (["Content-Length: 5,"], CWS_HTTP_ERR_LENGTH),
        (["Content-Length:"], CWS_HTTP_ERR_LENGTH),
        (["Content-Length: +5"], CWS_HTTP_ERR_LENGTH),
        (["Content-Length: -5"], CWS_HTTP_ERR_LENGTH),
        (["Content-Length: -0"], CWS_HTTP_ERR_LENGTH),
        (["Content-Length: 1 2"], CWS_HTTP_ERR_LENGTH),
        (["Content-Length: 1_000"], CWS_HTTP_ERR_LENGTH),
        (["Content-Length: 0x5"], CWS_HTTP_ERR_LENGTH),
        (["Content-Length: 5.0"], CWS_HTTP_ERR_LENGTH),
        (["Content-Length: \"5\""], CWS_HTTP_ERR_LENGTH),
        (["Content-Length: 5;"], CWS_HTTP_ERR_LENGTH),
        (["Content-Length: ٥"], CWS_HTTP_ERR_LENGTH),
        (["Content-Length: 9223372036854775808"], CWS_HTTP_ERR_LENGTH_TOO_LARGE),
        (["Content-Length: 18446744073709551616"], CWS_HTTP_ERR_LENGTH_TOO_LARGE),
        (["Content-Length: 18446744073709551621"], CWS_HTTP_ERR_LENGTH_TOO_LARGE),
        (["Content-Length: 99999999999999999999999999999999999999999"], CWS_HTTP_ERR_LENGTH_TOO_LARGE),
        (["Content-Length: 9223372036854775808x"], CWS_HTTP_ERR_LENGTH),
        (["Transfer-Encoding:"], CWS_HTTP_ERR_CODING),
        (["Transfer-Encoding: identity"], CWS_HTTP_ERR_CODING),
        (["Transfer-Encoding: gzip"], CWS_HTTP_ERR_CODING),
        (["Transfer-Encoding: gzip, chunked"], CWS_HTTP_ERR_CODING),
        (["Transfer-Encoding: chunked, gzip"], CWS_HTTP_ERR_CODING),
        (["Transfer-Encoding: chunked, chunked"], CWS_HTTP_ERR_CODING),
        (["Transfer-Encoding: chunked,"], CWS_HTTP_ERR_CODING),
        (["Transfer-Encoding: ,chunked"], CWS_HTTP_ERR_CODING),
        (["Transfer-Encoding: chunked;x=y"], CWS_HTTP_ERR_CODING),
        (["Transfer-Encoding: \"chunked\""], CWS_HTTP_ERR_CODING),
        (["Transfer-Encoding: 'chunked'"], CWS_HTTP_ERR_CODING),
        (["Transfer-Encoding: xchunked"], CWS_HTTP_ERR_CODING),
        (["Transfer-Encoding: chunkedx"], CWS_HTTP_ERR_CODING),
        (["Transfer-Encoding: chunKed\u{a0}"], CWS_HTTP_ERR_CODING),
        (["Transfer-Encoding: chun\u{212a}ed"], CWS_HTTP_ERR_CODING),
        (["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"], CWS_HTTP_ERR_CODING),
        (["Transfer-Encoding: chunked", "Transfer-Encoding: identity"], CWS_HTTP_ERR_CODING),
        (["Transfer-Encoding: identity", "Transfer-Encoding: chunked"], CWS_HTTP_ERR_CODING),
    ]

    @Test(arguments: smuggling)
    func whatTwoReadersCouldFrameDifferentlyIsRefused(fields: [String], error: cws_http_error) throws {
        let lines = "Host: h\r\n" + fields.map { "\($0)\r\n" }.joined() + "\r\n"
        #expect(try Framing.ofRequest("POST / HTTP/1.1\r\n\(lines)") == .error(error))
        let response = try Framing.ofResponse("HTTP/1.1 200 OK\r\n\(lines)", asked: CWS_HTTP_ASKED_OTHER)
        #expect(response == .error(error))
    }

    /// The same, hidden from one of the readers by the form of the head.
    static let hidden: [(lines: String, error: cws_http_error)] = [
        ("Transfer-Encoding : chunked\r\n", CWS_HTTP_ERR_SPACE_BEFORE_COLON),
        ("Transfer-Encoding\t: chunked\r\n", CWS_HTTP_ERR_SPACE_BEFORE_COLON),
        ("Transfer-Encoding: x\r\n chunked\r\n", CWS_HTTP_ERR_FOLDED),
        ("Transfer-Encoding:\r\n\tchunked\r\n", CWS_HTTP_ERR_FOLDED),
        (" Transfer-Encoding: chunked\r\n", CWS_HTTP_ERR_FOLDED),
        ("X: y\nTransfer-Encoding: chunked\r\n", CWS_HTTP_ERR_BARE_LF),
        ("X: y\rTransfer-Encoding: chunked\r\n", CWS_HTTP_ERR_BARE_CR),
        ("X: y\r\rTransfer-Encoding: chunked\r\n", CWS_HTTP_ERR_BARE_CR),
        ("Transfer-Encoding: \u{b}chunked\r\n", CWS_HTTP_ERR_CONTROL),
        ("Transfer-Encoding: chunked\u{0}\r\n", CWS_HTTP_ERR_CONTROL),
        ("\u{0}Transfer-Encoding: chunked\r\n", CWS_HTTP_ERR_FIELD_NAME),
        ("Transfer\u{0}-Encoding: chunked\r\n", CWS_HTTP_ERR_FIELD_NAME),
        ("Transfer-Encoding\r\n: chunked\r\n", CWS_HTTP_ERR_FIELD_NAME),
        (": chunked\r\n", CWS_HTTP_ERR_FIELD_NAME),
        ("\u{feff}Content-Length: 5\r\n", CWS_HTTP_ERR_FIELD_NAME),
        ("Host: other\r\n", CWS_HTTP_ERR_HOST_REPEATED),
    ]

    @Test(arguments: hidden)
    func aFieldCannotBeHidden(lines: String, error: cws_http_error) {
        let text = "POST / HTTP/1.1\r\nHost: h\r\n\(lines)Content-Length: 5\r\n\r\n0\r\n\r\nGET /admin HTTP/1.1\r\n\r\n"
        #expect(HeadReading.read(.request, text.utf8).returned == error.rawValue)
        #expect(HeadReading.readByteByByte(.request, Array(text.utf8)).returned == error.rawValue)
    }

    @Test func versionOneZeroHasNoChunks() throws {
        let fields = "Transfer-Encoding: chunked\r\n\r\n"
        #expect(try Framing.ofRequest("POST / HTTP/1.0\r\n\(fields)") == .error(CWS_HTTP_ERR_CODING_VERSION))
        let response = try Framing.ofResponse("HTTP/1.0 200 OK\r\n\(fields)", asked: CWS_HTTP_ASKED_OTHER)
        #expect(response == .error(CWS_HTTP_ERR_CODING_VERSION))
    }

    static let length = "Content-Length: 5\r\n"
    static let responses: [(line: String, asked: cws_http_asked, kind: cws_http_body_kind, length: UInt64)] = [
        ("200 OK\r\n", CWS_HTTP_ASKED_OTHER, CWS_HTTP_BODY_TO_CLOSE, 0),
        ("200 OK\r\n" + length, CWS_HTTP_ASKED_OTHER, CWS_HTTP_BODY_LENGTH, 5),
        ("200 OK\r\nTransfer-Encoding: chunked\r\n", CWS_HTTP_ASKED_OTHER, CWS_HTTP_BODY_CHUNKED, 0),
        ("200 OK\r\n" + length, CWS_HTTP_ASKED_HEAD, CWS_HTTP_BODY_NONE, 0),
        ("404 No\r\n" + length + length, CWS_HTTP_ASKED_HEAD, CWS_HTTP_BODY_NONE, 0),
        ("200 OK\r\n" + length, CWS_HTTP_ASKED_CONNECT, CWS_HTTP_BODY_NONE, 0),
        ("407 No\r\n" + length, CWS_HTTP_ASKED_CONNECT, CWS_HTTP_BODY_LENGTH, 5),
        ("100 Continue\r\n" + length, CWS_HTTP_ASKED_OTHER, CWS_HTTP_BODY_NONE, 0),
        ("101 Switching Protocols\r\n", CWS_HTTP_ASKED_OTHER, CWS_HTTP_BODY_NONE, 0),
        ("204 No Content\r\nTransfer-Encoding: chunked\r\n", CWS_HTTP_ASKED_OTHER, CWS_HTTP_BODY_NONE, 0),
        ("304 Not Modified\r\n" + length, CWS_HTTP_ASKED_OTHER, CWS_HTTP_BODY_NONE, 0),
        ("205 Reset Content\r\n", CWS_HTTP_ASKED_OTHER, CWS_HTTP_BODY_TO_CLOSE, 0),
    ]

    @Test(arguments: responses)
    func aResponsesStatusAndMethodFrameItsBody(
        line: String, asked: cws_http_asked, kind: cws_http_body_kind, length: UInt64
    ) throws {
        #expect(try Framing.ofResponse("HTTP/1.1 \(line)\r\n", asked: asked) == .body(kind, length))
    }
}
