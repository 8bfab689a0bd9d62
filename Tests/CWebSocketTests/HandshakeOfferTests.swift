import CWebSocket
import Testing

/// Requests that a client writes.
@Suite struct HandshakeOfferTests {
    static let full = ClientOffer(
        host: "example.com:8080", target: "/chat?x=%20y", protocols: ["chat", "superchat"],
        deflate: .terms(clientNoTakeover: true, serverNoTakeover: true, client: cws_deflate_terms.noValue, server: 10),
        headers: [
            GivenHeader("Authorization", "Bearer a b"), GivenHeader("X-Empty", ""), GivenHeader("X-Text", "é\t\""),
        ])

    @Test func theRequestHasWhatTheOfferSays() {
        let (written, key) = Self.full.request()
        #expect(
            written.text == """
                GET /chat?x=%20y HTTP/1.1\r
                Host: example.com:8080\r
                Upgrade: websocket\r
                Connection: Upgrade\r
                Sec-WebSocket-Key: \(key)\r
                Sec-WebSocket-Version: 13\r
                Sec-WebSocket-Protocol: chat, superchat\r
                Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover; \
                server_no_context_takeover; client_max_window_bits; server_max_window_bits=10\r
                Authorization: Bearer a b\r
                X-Empty: \r
                X-Text: é\t"\r
                \r

                """)
    }

    @Test func theLeastRequestHasNoListsAndNoExtras() {
        let (written, key) = ClientOffer(host: "[::1]", target: "/").request()
        #expect(
            written.text == """
                GET / HTTP/1.1\r
                Host: [::1]\r
                Upgrade: websocket\r
                Connection: Upgrade\r
                Sec-WebSocket-Key: \(key)\r
                Sec-WebSocket-Version: 13\r
                \r

                """)
    }

    @Test func everyRequestHasAKeyOfItsOwn() {
        let keys = (0..<100).map { _ in ClientOffer().request().key }
        #expect(Set(keys).count == 100)
        for key in keys { #expect(key.utf8.count == 24 && key.hasSuffix("==")) }
    }

    @Test func aBufferThatIsTooSmallIsLeftAlone() {
        let needed = Self.full.request().written.text.utf8.count
        for size in 0..<needed {
            let (written, key) = Self.full.request(size: size)
            #expect(written.returned == CWS_HANDSHAKE_ERR_TOO_SMALL.rawValue)
            #expect(written.isUntouched && key == String(repeating: "?", count: 24))
        }
        #expect(Self.full.request(size: needed).written.returned == needed)
    }

    static let wrong: [(offer: ClientOffer, code: cws_handshake_error)] =
        ["", "a b", "h/", "u@h", "h:65536", "h:x", "h\r\nX: y", "h\0", "[::1", ":80", "a,b:c", "é"].map {
            (ClientOffer(host: $0), CWS_HANDSHAKE_ERR_HOST)
        }
        + ["", "chat", "*", "http://h/", "?a", "/a b", "/a#b", "/\r\n", "/\n", "/\0", "/\u{7f}", "/é", "/%4", "/\\"].map
    {
        (ClientOffer(target: $0), CWS_HANDSHAKE_ERR_TARGET)
    }
        + [[""], ["a", ""], ["a b"], ["a,b"], ["a\r\n"], ["a\0"], ["é"], ["a", "b", "a"]].map {
            (ClientOffer(protocols: $0), CWS_HANDSHAKE_ERR_PROTOCOL_NAME)
        }
        + ["", "a b", "a:", "a\r\nb", "a\0", "é", " a"].map {
            (ClientOffer(headers: [GivenHeader("ok", "ok"), GivenHeader($0, "x")]), CWS_HANDSHAKE_ERR_HEADER_NAME)
        }
        + ["\r", "\n", "a\r\nb: c", "a\0b", "\u{1b}", "\u{7f}"].map {
            (ClientOffer(headers: [GivenHeader("a", $0)]), CWS_HANDSHAKE_ERR_HEADER_VALUE)
        }
        + [
            "Host", "UPGRADE", "connection", "Sec-WebSocket-Key", "sec-websocket-", "Sec-WebSocket-New",
            "Content-Length",
            "Content-Type", "Transfer-Encoding", "Expect", "Allow",
        ].map { (ClientOffer(headers: [GivenHeader($0, "x")]), CWS_HANDSHAKE_ERR_HEADER_RESERVED) }
        + [2, 7, 16, 255].map { (ClientOffer(deflate: .terms(client: $0)), CWS_HANDSHAKE_ERR_WINDOW_BITS) }
        + [1, 7, 16, 255].map { (ClientOffer(deflate: .terms(server: $0)), CWS_HANDSHAKE_ERR_WINDOW_BITS) }

    @Test(arguments: wrong)
    func whatWouldBreakTheRequestIsRefused(offer: ClientOffer, code: cws_handshake_error) {
        let (written, key) = offer.request()
        #expect(written.returned == code.rawValue)
        #expect(written.isUntouched && key == String(repeating: "?", count: 24))
    }

    @Test(arguments: ["Hosts", "Sec-WebSocket", "Origin", "Cookie", "X-Host"])
    func otherHeadersAreTheCallers(name: String) {
        #expect(ClientOffer(headers: [GivenHeader(name, "x")]).request().written.text.contains("\r\n\(name): x\r\n"))
    }

    @Test(arguments: ["h", "h:80", "127.0.0.1:65535", "[::1]:443", "a-b.c_d"])
    func hostsAreWrittenAsTheyAre(host: String) {
        #expect(ClientOffer(host: host).request().written.text.contains("\r\nHost: \(host)\r\n"))
    }
}
