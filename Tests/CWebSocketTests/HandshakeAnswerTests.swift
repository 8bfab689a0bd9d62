import CWebSocket
import Testing

/// Responses that a server writes.
@Suite struct HandshakeAnswerTests {
    static let policy = ServerPolicy(
        protocols: ["a"], deflate: .policy(server: 9),
        headers: [GivenHeader("X-One", "1"), GivenHeader("Set-Cookie", "a=b; c")])

    static func answer() throws -> cws_server_answer {
        let lines = ["Sec-WebSocket-Protocol: a", "Sec-WebSocket-Extensions: permessage-deflate"]
        return try HandshakeNegotiationTests.negotiate(lines, policy).answer
    }

    @Test func theResponseHasWhatWasAgreedOnAndTheCallersHeaders() throws {
        let written = Self.policy.response(to: try Self.answer())
        #expect(
            written.text == """
                HTTP/1.1 101 Switching Protocols\r
                Upgrade: websocket\r
                Connection: Upgrade\r
                Sec-WebSocket-Accept: \(SampleKey.accept)\r
                Sec-WebSocket-Protocol: a\r
                Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9\r
                X-One: 1\r
                Set-Cookie: a=b; c\r
                \r

                """)
        for size in 0..<Int(written.returned) {
            let small = Self.policy.response(to: try Self.answer(), size: size)
            #expect(small.returned == CWS_HANDSHAKE_ERR_TOO_SMALL.rawValue && small.isUntouched)
        }
        #expect(Self.policy.response(to: try Self.answer(), size: Int(written.returned)).text == written.text)
    }

    @Test(arguments: [
        (GivenHeader("", "x"), CWS_HANDSHAKE_ERR_HEADER_NAME),
        (GivenHeader("a", "\r\n"), CWS_HANDSHAKE_ERR_HEADER_VALUE),
        (GivenHeader("Sec-WebSocket-Accept", "x"), CWS_HANDSHAKE_ERR_HEADER_RESERVED),
    ])
    func headersAreCheckedInResponsesAsWell(header: GivenHeader, code: cws_handshake_error) throws {
        let written = ServerPolicy(protocols: ["a"], headers: [header]).response(to: try Self.answer())
        #expect(written.returned == code.rawValue && written.isUntouched)
        let refused = Self.refuse(403, "Forbidden", "", headers: [header])
        #expect(refused.returned == code.rawValue && refused.isUntouched)
    }

    @Test(arguments: [[], ["a b"]])
    func anotherPolicyThanWasNegotiatedWithIsRefused(protocols: [String]) throws {
        let written = ServerPolicy(protocols: protocols).response(to: try Self.answer())
        #expect(written.returned == CWS_HANDSHAKE_ERR_PROTOCOL_NAME.rawValue && written.isUntouched)
    }

    static func refuse(
        _ status: UInt16, _ reason: String, _ text: String, headers: [GivenHeader] = [], size: Int = 1000
    ) -> WrittenHead {
        let given = GivenMemory()
        return withExtendedLifetime(given) {
            var refusal = cws_refusal(
                status: status, reason: given.bytes(reason), text: given.bytes(text),
                headers: given.headers(headers), header_count: headers.count)
            return WrittenHead(size: size) { cws_handshake_refusal_write(&refusal, $0, size) }
        }
    }

    static let refusals: [(status: UInt16, reason: String, text: String, headers: [GivenHeader], lines: [String])] = [
        (
            403, "Forbidden", "the token is wrong\n", [GivenHeader("X-A", "b")],
            [
                "HTTP/1.1 403 Forbidden", "Connection: close", "Content-Type: text/plain; charset=utf-8",
                "Content-Length: 19", "X-A: b", "", "the token is wrong\n",
            ]
        ),
        (
            405, "Method Not Allowed", "", [],
            ["HTTP/1.1 405 Method Not Allowed", "Connection: close", "Allow: GET", "Content-Length: 0", "", ""]
        ),
        (
            426, "Upgrade Required", "é", [],
            [
                "HTTP/1.1 426 Upgrade Required", "Connection: close, Upgrade", "Upgrade: websocket",
                "Sec-WebSocket-Version: 13", "Content-Type: text/plain; charset=utf-8", "Content-Length: 2", "", "é",
            ]
        ),
        (
            302, "", "", [GivenHeader("Location", "wss://h/")],
            ["HTTP/1.1 302 ", "Connection: close", "Content-Length: 0", "Location: wss://h/", "", ""]
        ),
    ]

    @Test(arguments: refusals)
    func aRefusalSaysWhyAndCloses(
        status: UInt16, reason: String, text: String, headers: [GivenHeader], lines: [String]
    ) {
        let written = Self.refuse(status, reason, text, headers: headers)
        #expect(written.text == lines.joined(separator: "\r\n"))
        for size in 0..<Int(written.returned) {
            let small = Self.refuse(status, reason, text, headers: headers, size: size)
            #expect(small.returned == CWS_HANDSHAKE_ERR_TOO_SMALL.rawValue && small.isUntouched)
        }
        // As its receiver reads it.
        let bytes = Array(written.text.utf8)
        let (head, body) = HeadReading.read(.response, bytes, limits: .handshake) { copy, head in
            var body = cws_http_body()
            #expect(cws_http_response_body(copy, &head, CWS_HTTP_ASKED_OTHER, &body) == 0)
            #expect(!cws_http_keeps_alive(copy, &head, &body))
            return body
        }
        #expect(head.status == status && head.reason == reason)
        #expect(body?.kind == CWS_HTTP_BODY_LENGTH && body?.length == UInt64(text.utf8.count))
        #expect(Int(head.returned) + text.utf8.count == bytes.count)
        #expect(ClientOffer().judge(bytes) == HandshakeJudgement(CWS_HANDSHAKE_ERR_REFUSED))
    }

    @Test(arguments: [0, 100, 101, 200, 299, 304, 600, 65535] as [UInt16])
    func onlyStatusesThatRefuseAreWritten(status: UInt16) {
        let written = Self.refuse(status, "", "")
        #expect(written.returned == CWS_HANDSHAKE_ERR_STATUS.rawValue && written.isUntouched)
    }

    @Test(arguments: ["\r\nX: y", "\n", "\0", "\u{7f}"])
    func aReasonPhraseStaysInItsLine(reason: String) {
        let written = Self.refuse(400, reason, "")
        #expect(written.returned == CWS_HANDSHAKE_ERR_REASON.rawValue && written.isUntouched)
    }
}
