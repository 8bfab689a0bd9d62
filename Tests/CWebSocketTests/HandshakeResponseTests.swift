import CWebSocket
import Testing

/// Responses that a client judges.
@Suite struct HandshakeResponseTests {
    static let switching = ["Upgrade: websocket", "Connection: Upgrade"]
    static let accept = "Sec-WebSocket-Accept: \(SampleKey.accept)"

    static func response(_ lines: [String], first: String = "HTTP/1.1 101 Switching Protocols") -> [UInt8] {
        Array(([first] + lines + ["", ""]).joined(separator: "\r\n").utf8)
    }

    /// With these lines after those that every response needs.
    static func judge(_ lines: [String], of offer: ClientOffer = ClientOffer()) -> HandshakeJudgement? {
        offer.judge(response(switching + [accept] + lines))
    }

    static let wrong: [(lines: [String], code: cws_handshake_error)] = [
        ([accept, "Connection: Upgrade"], CWS_HANDSHAKE_ERR_NOT_UPGRADED),
        ([accept, "Connection: Upgrade", "Upgrade: h2c"], CWS_HANDSHAKE_ERR_NOT_UPGRADED),
        ([accept, "Connection: Upgrade", "Upgrade: websocket, h2c"], CWS_HANDSHAKE_ERR_NOT_UPGRADED),
        ([accept, "Connection: Upgrade", "Upgrade: websocket", "Upgrade: h2c"], CWS_HANDSHAKE_ERR_NOT_UPGRADED),
        ([accept, "Upgrade: websocket"], CWS_HANDSHAKE_ERR_NOT_IN_CONNECTION),
        ([accept, "Upgrade: websocket", "Connection: keep-alive"], CWS_HANDSHAKE_ERR_NOT_IN_CONNECTION),
        (switching + [accept, "Sec-WebSocket-Version: 8, 7"], CWS_HANDSHAKE_ERR_OTHER_VERSION),
        (switching, CWS_HANDSHAKE_ERR_ACCEPT_MISSING),
        (switching + [accept, accept], CWS_HANDSHAKE_ERR_ACCEPT_REPEATED),
        (switching + ["Sec-WebSocket-Accept:"], CWS_HANDSHAKE_ERR_ACCEPT),
        (switching + ["Sec-WebSocket-Accept: \(SampleKey.key)"], CWS_HANDSHAKE_ERR_ACCEPT),
        (switching + ["Sec-WebSocket-Accept: \(SampleKey.accept.uppercased())"], CWS_HANDSHAKE_ERR_ACCEPT),
        (switching + ["\(accept)="], CWS_HANDSHAKE_ERR_ACCEPT),
        (switching + ["\(accept), \(SampleKey.accept)"], CWS_HANDSHAKE_ERR_ACCEPT),
        (switching + [accept, "Sec-WebSocket-Protocol: a"], CWS_HANDSHAKE_ERR_PROTOCOL_NOT_OFFERED),
        (switching + [accept, "Sec-WebSocket-Extensions: a"], CWS_HANDSHAKE_ERR_EXTENSION_NOT_OFFERED),
        (
            switching + [accept, "Sec-WebSocket-Extensions: permessage-deflate"],
            CWS_HANDSHAKE_ERR_EXTENSION_NOT_OFFERED
        ),
        (switching + [accept, "Sec-WebSocket-Extensions:"], CWS_HANDSHAKE_ERR_EXTENSIONS),
    ]

    @Test(arguments: wrong)
    func whatTheServerGetsWrongIsAnErrorOfItsOwn(lines: [String], code: cws_handshake_error) {
        #expect(ClientOffer().judge(Self.response(lines)) == HandshakeJudgement(code))
    }

    @Test(arguments: [
        "HTTP/1.1 403 Forbidden", "HTTP/1.0 404 Not Found", "HTTP/1.1 200 OK", "HTTP/1.1 103 Early Hints",
        "HTTP/1.1 302 Found",
    ])
    func anyOtherStatusIsARefusal(first: String) {
        let response = Self.response(Self.switching + [Self.accept], first: first)
        #expect(ClientOffer().judge(response) == HandshakeJudgement(CWS_HANDSHAKE_ERR_REFUSED))
    }

    @Test func nothingSwitchesInHttpOnePointZero() {
        let response = Self.response(Self.switching + [Self.accept], first: "HTTP/1.0 101 Switching Protocols")
        #expect(ClientOffer().judge(response) == HandshakeJudgement(CWS_HANDSHAKE_ERR_HTTP_VERSION))
    }

    @Test(arguments: [
        switching + [accept],
        ["upgrade: WebSocket", "CONNECTION: keep-alive, upgrade", "sec-websocket-accept:\t \(SampleKey.accept) "],
        switching + [accept, "Sec-WebSocket-Version: 13, 8", "X: y", "Content-Length: 5"],
    ])
    func theAnswerToTheKeyOfTheRfcIsTaken(lines: [String]) {
        #expect(ClientOffer().judge(Self.response(lines)) == HandshakeJudgement(SeenAgreement()))
    }

    @Test func theAnswerToAnotherKeyIsNotTaken() {
        let judgement = ClientOffer().judge(
            Self.response(Self.switching + [Self.accept]), key: "AAAAAAAAAAAAAAAAAAAAAA==")
        #expect(judgement == HandshakeJudgement(CWS_HANDSHAKE_ERR_ACCEPT))
    }

    static let protocols: [(lines: [String], outcome: HandshakeJudgement)] = [
        ([], HandshakeJudgement(SeenAgreement())),
        (["Sec-WebSocket-Protocol: chat"], HandshakeJudgement(SeenAgreement(subprotocol: 0))),
        (["sec-websocket-protocol: superchat\t"], HandshakeJudgement(SeenAgreement(subprotocol: 1))),
        (["Sec-WebSocket-Protocol: Chat"], HandshakeJudgement(CWS_HANDSHAKE_ERR_PROTOCOL_NOT_OFFERED)),
        (["Sec-WebSocket-Protocol:"], HandshakeJudgement(CWS_HANDSHAKE_ERR_PROTOCOL_NOT_OFFERED)),
        (["Sec-WebSocket-Protocol: chat, superchat"], HandshakeJudgement(CWS_HANDSHAKE_ERR_PROTOCOL_NOT_OFFERED)),
        (["Sec-WebSocket-Protocol: chat,"], HandshakeJudgement(CWS_HANDSHAKE_ERR_PROTOCOL_NOT_OFFERED)),
        (
            ["Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Protocol: chat"],
            HandshakeJudgement(CWS_HANDSHAKE_ERR_PROTOCOL_REPEATED)
        ),
    ]

    @Test(arguments: protocols)
    func atMostOneSubprotocolIsChosenOfThoseOffered(lines: [String], outcome: HandshakeJudgement) {
        #expect(Self.judge(lines, of: ClientOffer(protocols: ["chat", "superchat"])) == outcome)
    }

    static let plain = cws_deflate_terms.terms()
    static let limited = cws_deflate_terms.terms(
        clientNoTakeover: true, serverNoTakeover: true, client: 12, server: 10)
    static let open = cws_deflate_terms.terms(client: cws_deflate_terms.noValue)

    static func agreed(
        _ clientNoTakeover: Bool = false, _ serverNoTakeover: Bool = false, _ client: UInt8 = 15, _ server: UInt8 = 15
    ) -> HandshakeJudgement {
        let deflate = SeenAgreement.Deflate(
            clientNoContextTakeover: clientNoTakeover, serverNoContextTakeover: serverNoTakeover,
            clientMaxWindowBits: client, serverMaxWindowBits: server)
        return HandshakeJudgement(SeenAgreement(deflate: deflate))
    }

    static let deflates: [(offer: cws_deflate_terms, value: String, outcome: HandshakeJudgement)] = [
        (plain, "permessage-deflate", agreed()),
        (plain, ",permessage-deflate ,", agreed()),
        (plain, "permessage-deflate; server_no_context_takeover; client_no_context_takeover", agreed(true, true)),
        (plain, "permessage-deflate; server_max_window_bits=8", agreed(false, false, 15, 8)),
        (plain, "permessage-deflate; server_max_window_bits=\"1\\5\"", agreed()),
        (open, "permessage-deflate", agreed()),
        (open, "permessage-deflate; client_max_window_bits=8", agreed(false, false, 8)),
        (open, "permessage-deflate; client_max_window_bits=15", agreed()),
        // The client keeps to its hints, whatever is said.
        (
            limited, "permessage-deflate; server_no_context_takeover; server_max_window_bits=10",
            agreed(true, true, 12, 10)
        ),
        (
            limited,
            "permessage-deflate; server_max_window_bits=9; client_max_window_bits=14; server_no_context_takeover",
            agreed(true, true, 12, 9)
        ),
        (
            limited,
            "permessage-deflate; server_max_window_bits=9; client_max_window_bits=11; server_no_context_takeover",
            agreed(true, true, 11, 9)
        ),
        // Another extension, or this one twice.
        (plain, "x-webkit-deflate-frame", HandshakeJudgement(CWS_HANDSHAKE_ERR_EXTENSION_NOT_OFFERED)),
        (plain, "permessage-deflate, foo", HandshakeJudgement(CWS_HANDSHAKE_ERR_EXTENSION_NOT_OFFERED)),
        (plain, "Permessage-Deflate", HandshakeJudgement(CWS_HANDSHAKE_ERR_EXTENSION_NOT_OFFERED)),
        (plain, "permessage-deflate, permessage-deflate", HandshakeJudgement(CWS_HANDSHAKE_ERR_EXTENSION_REPEATED)),
        (plain, "permessage-deflate;", HandshakeJudgement(CWS_HANDSHAKE_ERR_EXTENSIONS)),
        (plain, ",", HandshakeJudgement(CWS_HANDSHAKE_ERR_EXTENSIONS)),
        (limited, "permessage-deflate", HandshakeJudgement(CWS_HANDSHAKE_ERR_DEFLATE_TERMS)),
        (
            limited, "permessage-deflate; server_max_window_bits=10",
            HandshakeJudgement(CWS_HANDSHAKE_ERR_DEFLATE_TERMS)
        ),
        (
            limited, "permessage-deflate; server_no_context_takeover",
            HandshakeJudgement(CWS_HANDSHAKE_ERR_DEFLATE_TERMS)
        ),
        (
            limited, "permessage-deflate; server_no_context_takeover; server_max_window_bits=11",
            HandshakeJudgement(CWS_HANDSHAKE_ERR_DEFLATE_TERMS)
        ),
        (plain, "permessage-deflate; client_max_window_bits=15", HandshakeJudgement(CWS_HANDSHAKE_ERR_DEFLATE_TERMS)),
    ]

    @Test(arguments: deflates)
    func theAnswerToAnOfferOfCompressionIsOneOrFails(
        offer: cws_deflate_terms, value: String, outcome: HandshakeJudgement
    ) {
        #expect(Self.judge(["Sec-WebSocket-Extensions: \(value)"], of: ClientOffer(deflate: offer)) == outcome)
    }

    @Test(arguments: [
        "foo", "foo=1", "Server_no_context_takeover", "server_no_context_takeover=1", "client_no_context_takeover=true",
        "server_no_context_takeover; server_no_context_takeover",
        "client_no_context_takeover; client_no_context_takeover",
        "server_max_window_bits", "client_max_window_bits", "server_max_window_bits=7", "server_max_window_bits=16",
        "server_max_window_bits=08", "server_max_window_bits=8x", "server_max_window_bits=-9",
        "server_max_window_bits=9; server_max_window_bits=9", "server_max_window_bits=108",
        "client_max_window_bits=10; client_max_window_bits=11", "client_max_window_bits=0", "client_max_window_bits=1",
        "client_max_window_bits; client_max_window_bits=10",
    ])
    func aParameterThatItHasNotFails(parameters: String) {
        let lines = ["Sec-WebSocket-Extensions: permessage-deflate; \(parameters)"]
        let judgement = Self.judge(lines, of: ClientOffer(deflate: Self.open))
        #expect(judgement == HandshakeJudgement(CWS_HANDSHAKE_ERR_DEFLATE_PARAMETER))
    }

    @Test func theListMayTakeSeveralLines() {
        let offer = ClientOffer(deflate: Self.plain)
        let line = "Sec-WebSocket-Extensions: permessage-deflate"
        #expect(Self.judge(["Sec-WebSocket-Extensions:", line], of: offer) == Self.agreed())
        #expect(Self.judge([line, line], of: offer) == HandshakeJudgement(CWS_HANDSHAKE_ERR_EXTENSION_REPEATED))
        let parameter = "Sec-WebSocket-Extensions: ; server_no_context_takeover"
        #expect(Self.judge([line, parameter], of: offer) == HandshakeJudgement(CWS_HANDSHAKE_ERR_EXTENSIONS))
    }

    @Test func noCompressionIsTheServersRight() {
        #expect(Self.judge([], of: ClientOffer(deflate: Self.limited)) == HandshakeJudgement(SeenAgreement()))
    }
}
