import CWebSocket
import Testing

/// Requests that a server judges.
@Suite struct HandshakeRequestTests {
    static let host = "Host: server.example.com"
    static let switching = ["Upgrade: websocket", "Connection: Upgrade"]
    static let version = "Sec-WebSocket-Version: 13"
    static let key = "Sec-WebSocket-Key: \(SampleKey.key)"

    static func request(_ lines: [String], first: String = "GET /chat HTTP/1.1") -> [UInt8] {
        Array(([first] + lines + ["", ""]).joined(separator: "\r\n").utf8)
    }

    static func judge(_ request: [UInt8]) -> Int32? {
        HeadReading.read(.request, request, limits: .handshake) { cws_handshake_request_judge($0, &$1) }.1
    }

    /// The example of section 1.2.
    static let sample = request([
        host, "Upgrade: websocket", "Connection: Upgrade", key, "Origin: http://example.com",
        "Sec-WebSocket-Protocol: chat, superchat", version,
    ])

    @Test func theRequestOfTheRfcGetsItsAnswer() throws {
        #expect(Self.judge(Self.sample) == 0)
        let policy = ServerPolicy(protocols: ["chat"])
        let (judgement, answer) = try #require(policy.negotiate(Self.sample))
        #expect(judgement == HandshakeJudgement(SeenAgreement(subprotocol: 0)))
        #expect(
            policy.response(to: answer).text == """
                HTTP/1.1 101 Switching Protocols\r
                Upgrade: websocket\r
                Connection: Upgrade\r
                Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r
                Sec-WebSocket-Protocol: chat\r
                \r

                """)
    }

    static let others: [(first: String, lines: [String])] = [
        ("GET ws://h/ HTTP/1.1", [host]),
        ("GET / HTTP/1.1", ["host: h", "Content-Length: 0"]),
        ("GET / HTTP/1.1", ["Host: [::1]:80", "Expect: 100-continue"]),
    ]

    @Test(arguments: others)
    func whatIsUnusualButRightIsTaken(first: String, lines: [String]) {
        let rest = ["UPGRADE: h2c, WebSocket", "connection: keep-alive, UPGRADE", Self.version, Self.key]
        #expect(Self.judge(Self.request(lines + rest, first: first)) == 0)
    }

    static let wrong: [(first: String, lines: [String], code: cws_handshake_error)] = [
        ("POST / HTTP/1.1", [host], CWS_HANDSHAKE_ERR_METHOD),
        ("get / HTTP/1.1", [host], CWS_HANDSHAKE_ERR_METHOD),
        ("GETS / HTTP/1.1", [host], CWS_HANDSHAKE_ERR_METHOD),
        ("OPTIONS * HTTP/1.1", [host], CWS_HANDSHAKE_ERR_METHOD),
        ("GET / HTTP/1.0", [host], CWS_HANDSHAKE_ERR_HTTP_VERSION),
        ("GET / HTTP/1.1", ["Host:"], CWS_HANDSHAKE_ERR_HOST_EMPTY),
        ("GET / HTTP/1.1", [host, "Content-Length: 1"], CWS_HANDSHAKE_ERR_BODY),
        ("GET / HTTP/1.1", [host, "Content-Length: x"], CWS_HANDSHAKE_ERR_BODY),
        ("GET / HTTP/1.1", [host, "Transfer-Encoding: chunked"], CWS_HANDSHAKE_ERR_BODY),
    ]

    @Test(arguments: wrong)
    func whatIsWrongBeforeTheFieldsIsAnErrorOfItsOwn(first: String, lines: [String], code: cws_handshake_error) {
        let request = Self.request(lines + Self.switching + [Self.version, Self.key], first: first)
        #expect(Self.judge(request) == code.rawValue)
        #expect(ServerPolicy().negotiate(request)?.judgement == HandshakeJudgement(code))
    }

    static let wrongFields: [(lines: [String], code: cws_handshake_error)] = [
        (["Connection: Upgrade", version, key], CWS_HANDSHAKE_ERR_UPGRADE),
        (["Upgrade: h2c", "Connection: Upgrade", version, key], CWS_HANDSHAKE_ERR_UPGRADE),
        (["Upgrade: websocket/13", "Connection: Upgrade", version, key], CWS_HANDSHAKE_ERR_UPGRADE),
        (["Upgrade: websocket", version, key], CWS_HANDSHAKE_ERR_CONNECTION),
        (["Upgrade: websocket", "Connection: close", version, key], CWS_HANDSHAKE_ERR_CONNECTION),
        (switching + [key], CWS_HANDSHAKE_ERR_VERSION_MISSING),
        (switching + [key, version, version], CWS_HANDSHAKE_ERR_VERSION_REPEATED),
        (switching + [key, "Sec-WebSocket-Version: 8"], CWS_HANDSHAKE_ERR_VERSION),
        (switching + [key, "Sec-WebSocket-Version: 13, 8"], CWS_HANDSHAKE_ERR_VERSION),
        (switching + [key, "Sec-WebSocket-Version: 013"], CWS_HANDSHAKE_ERR_VERSION),
        (switching + [key, "Sec-WebSocket-Version:"], CWS_HANDSHAKE_ERR_VERSION),
        (switching + [version], CWS_HANDSHAKE_ERR_KEY_MISSING),
        (switching + [version, key, key], CWS_HANDSHAKE_ERR_KEY_REPEATED),
    ]

    @Test(arguments: wrongFields)
    func whatIsWrongInTheFieldsIsAnErrorOfItsOwn(lines: [String], code: cws_handshake_error) {
        #expect(Self.judge(Self.request([Self.host] + lines)) == code.rawValue)
    }

    @Test(arguments: [
        "", "x", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZR==",
        "dGhlIHNhbXBsZSBub25jZf==", "dGhlIHNhbXBsZSBub25jZWE=", "dGhlIHNhbXBsZSBub25jZWFh", "dGhlIHNhbXBsZSBub25jZQ===",
        "dGhlIHNhbXBsZSBub25jZ===", "dGhlIHNhbXBsZSBub25j====", "dGhlIHNhbXBs=SBub25jZQ==", "dGhlIHNhbXBs SBub25jZQ==",
        "dGhlIHNhbXBs-SBub25jZQ==", "dGhlIHNhbXBs_SBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ==, x",
        "\"GhlIHNhbXBsZSBub25jZQ==", "========================", "dGhlIHNhbXBsZSBub25jé==", "dGhlIHNhbXBsZSBub25jZQ-=",
        "dGhlIHNhbXBsZSBub25jZ\tQ=", "AAAA dGhlIHNhbXBsZSBub==",
    ])
    func onlyTheOneFormOfAKeyIsTaken(key: String) {
        let request = Self.request([Self.host] + Self.switching + [Self.version, "Sec-WebSocket-Key: \(key)"])
        #expect(Self.judge(request) == CWS_HANDSHAKE_ERR_KEY.rawValue)
    }

    @Test(arguments: ["AAAAAAAAAAAAAAAAAAAAAA==", "/////////////////////w==", "+/+/+/+/+/+/+/+/+/+/+Q=="])
    func everyKeyOfSixteenBytesIsTaken(key: String) {
        let request = Self.request([Self.host] + Self.switching + [Self.version, "Sec-WebSocket-Key: \(key)"])
        #expect(Self.judge(request) == 0)
    }
}
