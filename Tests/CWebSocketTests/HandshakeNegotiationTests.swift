import CWebSocket
import Testing

/// What a server makes of a request's offers.
@Suite struct HandshakeNegotiationTests {
    typealias Requests = HandshakeRequestTests

    /// With these lines after those that every request needs.
    static func negotiate(
        _ lines: [String], _ policy: ServerPolicy
    ) throws -> (judgement: HandshakeJudgement, answer: cws_server_answer) {
        let request = Requests.request([Requests.host] + Requests.switching + [Requests.version, Requests.key] + lines)
        return try #require(policy.negotiate(request))
    }

    static let protocols: [(lines: [String], subprotocol: Int32)] = [
        ([], -1),
        (["Sec-WebSocket-Protocol: c"], -1),
        (["Sec-WebSocket-Protocol: a"], 0),
        (["Sec-WebSocket-Protocol: b,a"], 0),
        (["Sec-WebSocket-Protocol: b, c"], 1),
        (["Sec-WebSocket-Protocol: a , b"], 0),
        (["Sec-WebSocket-Protocol: c", "sec-websocket-protocol:,,b,"], 1),
        (["Sec-WebSocket-Protocol: b, b", "Sec-WebSocket-Protocol: a"], 0),
        (["Sec-WebSocket-Protocol: ", "Sec-WebSocket-Protocol: a"], 0),
        (["Sec-WebSocket-Protocol: A, aa, B"], -1),
    ]

    @Test(arguments: protocols)
    func theSubprotocolThatTheServerLikesBestIsChosen(lines: [String], subprotocol: Int32) throws {
        let judgement = try Self.negotiate(lines, ServerPolicy(protocols: ["a", "b"])).judgement
        #expect(judgement == HandshakeJudgement(SeenAgreement(subprotocol: subprotocol)))
    }

    @Test(arguments: ["", ",", "a b", "a;b", "\"a\"", "a, b c", "é", "a/b"])
    func subprotocolsThatAreNoTokensAreRefused(value: String) throws {
        let judgement = try Self.negotiate(["Sec-WebSocket-Protocol: \(value)"], ServerPolicy(protocols: ["a"]))
            .judgement
        #expect(judgement == HandshakeJudgement(CWS_HANDSHAKE_ERR_PROTOCOLS))
    }

    @Test func aListIsReadToItsEndAlsoAfterTheBestChoice() throws {
        let protocols = ["Sec-WebSocket-Protocol: a", "Sec-WebSocket-Protocol: (b)"]
        let policy = ServerPolicy(protocols: ["a"], deflate: .policy())
        #expect(try Self.negotiate(protocols, policy).judgement == HandshakeJudgement(CWS_HANDSHAKE_ERR_PROTOCOLS))
        let extensions = ["Sec-WebSocket-Extensions: permessage-deflate", "Sec-WebSocket-Extensions: a b"]
        #expect(try Self.negotiate(extensions, policy).judgement == HandshakeJudgement(CWS_HANDSHAKE_ERR_EXTENSIONS))
    }

    @Test(arguments: ["", ",", "permessage-deflate;", "permessage-deflate; server_max_window_bits=", "a=b"])
    func aMalformedListOfExtensionsIsRefused(value: String) throws {
        for policy in [ServerPolicy(), ServerPolicy(deflate: .policy())] {
            let judgement = try Self.negotiate(["Sec-WebSocket-Extensions: \(value)"], policy).judgement
            #expect(judgement == HandshakeJudgement(CWS_HANDSHAKE_ERR_EXTENSIONS))
        }
    }

    /// What the response says of compression. Nil for nothing.
    static func answer(_ lines: [String], _ policy: cws_deflate_policy?) throws -> String? {
        let policy = ServerPolicy(deflate: policy)
        let (judgement, answer) = try negotiate(lines, policy)
        #expect(judgement.error == 0)
        let name = "Sec-WebSocket-Extensions: "
        let lines = policy.response(to: answer).text.split(separator: "\r\n").filter { $0.hasPrefix(name) }
        #expect((judgement.agreement?.deflate != nil) == (lines.count == 1) && lines.count <= 1)
        return lines.first.map { String($0.dropFirst(name.count)) }
    }

    static let whole = cws_deflate_policy.policy()
    static let tight = cws_deflate_policy.policy(clientNoTakeover: true, serverNoTakeover: true, client: 9, server: 10)
    static let strict = cws_deflate_policy.policy(client: 9, clientLimitRequired: true)

    static let deflates: [(policy: cws_deflate_policy, offers: String, answer: String?)] = [
        // RFC 7692, sections 5 and 7.1.3.
        (whole, "permessage-deflate", "permessage-deflate"),
        (
            whole, "permessage-deflate; client_max_window_bits; server_max_window_bits=10",
            "permessage-deflate; server_max_window_bits=10"
        ),
        (
            whole,
            "permessage-deflate; client_max_window_bits; server_max_window_bits=10, "
                + "permessage-deflate; client_max_window_bits",
            "permessage-deflate; server_max_window_bits=10"
        ),
        (whole, "permessage-foo; use_y, permessage-foo", nil),
        (whole, "permessage-foo, permessage-bar", nil),
        (whole, "permessage-foo; x=10, permessage-deflate", "permessage-deflate"),
        // What is offered comes back, the server's window even when it is whole.
        (
            whole, "permessage-deflate; client_no_context_takeover; server_no_context_takeover",
            "permessage-deflate; client_no_context_takeover; server_no_context_takeover"
        ),
        (whole, "permessage-deflate; server_max_window_bits=15", "permessage-deflate; server_max_window_bits=15"),
        (whole, "permessage-deflate; server_max_window_bits=\"8\"", "permessage-deflate; server_max_window_bits=8"),
        (whole, "permessage-deflate; client_max_window_bits", "permessage-deflate"),
        (whole, "permessage-deflate; client_max_window_bits=15", "permessage-deflate"),
        (whole, "permessage-deflate; client_max_window_bits=11", "permessage-deflate; client_max_window_bits=11"),
        // What the policy adds.
        (
            tight, "permessage-deflate",
            "permessage-deflate; client_no_context_takeover; server_no_context_takeover; server_max_window_bits=10"
        ),
        (
            tight, "permessage-deflate; client_max_window_bits; server_max_window_bits=15",
            "permessage-deflate; client_no_context_takeover; server_no_context_takeover; client_max_window_bits=9; "
                + "server_max_window_bits=10"
        ),
        (
            tight, "permessage-deflate; client_max_window_bits=8; server_max_window_bits=8",
            "permessage-deflate; client_no_context_takeover; server_no_context_takeover; client_max_window_bits=8; "
                + "server_max_window_bits=8"
        ),
        // A client that won't be limited is declined, its next offer not.
        (strict, "permessage-deflate", nil),
        (
            strict, "permessage-deflate, permessage-deflate; client_max_window_bits",
            "permessage-deflate; client_max_window_bits=9"
        ),
        (
            .policy(clientLimitRequired: true), "permessage-deflate", "permessage-deflate"
        ),
    ]

    @Test(arguments: deflates)
    func theFirstOfferThatThePolicyAllowsIsAnswered(policy: cws_deflate_policy, offers: String, answer: String?) throws
    {
        #expect(try Self.answer(["Sec-WebSocket-Extensions: \(offers)"], policy) == answer)
        #expect(try Self.answer(["Sec-WebSocket-Extensions: \(offers)"], nil) == nil)
        let lines = offers.split(separator: ",").map { "Sec-WebSocket-Extensions:\($0)" }
        #expect(try Self.answer(lines, policy) == answer)
    }

    @Test(arguments: [
        "foo", "server_no_context_takeover=1", "server_no_context_takeover; server_no_context_takeover",
        "client_no_context_takeover=\"x\"", "server_max_window_bits", "server_max_window_bits=7",
        "server_max_window_bits=16", "server_max_window_bits=010",
        "server_max_window_bits=10; server_max_window_bits=9",
        "client_max_window_bits=16", "client_max_window_bits; client_max_window_bits", "CLIENT_MAX_WINDOW_BITS",
    ])
    func anOfferThatTheRfcHasDeclinedIsPassedOver(parameters: String) throws {
        let offer = "Sec-WebSocket-Extensions: permessage-deflate; \(parameters)"
        #expect(try Self.answer([offer], Self.whole) == nil)
        #expect(try Self.answer(["\(offer), permessage-deflate"], Self.whole) == "permessage-deflate")
        #expect(
            try Self.answer([offer, "Sec-WebSocket-Extensions: permessage-deflate"], Self.whole) == "permessage-deflate"
        )
    }

    @Test(arguments: [
        (ServerPolicy(protocols: ["a", "a"]), CWS_HANDSHAKE_ERR_PROTOCOL_NAME),
        (ServerPolicy(protocols: ["a b"]), CWS_HANDSHAKE_ERR_PROTOCOL_NAME),
        (ServerPolicy(deflate: .policy(client: 7)), CWS_HANDSHAKE_ERR_WINDOW_BITS),
        (ServerPolicy(deflate: .policy(server: 16)), CWS_HANDSHAKE_ERR_WINDOW_BITS),
        (ServerPolicy(deflate: .policy(server: 0)), CWS_HANDSHAKE_ERR_WINDOW_BITS),
    ])
    func aPolicyThatCannotBeIsRefused(policy: ServerPolicy, code: cws_handshake_error) throws {
        #expect(try Self.negotiate([], policy).judgement == HandshakeJudgement(code))
    }
}
