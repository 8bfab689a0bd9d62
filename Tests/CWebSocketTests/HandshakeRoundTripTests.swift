import CWebSocket
import Testing

/// Whatever a client offers and a server's policy is, both end with the same agreement, and it keeps to both.
@Suite struct HandshakeRoundTripTests {
    static let flags = [false, true]

    static let offers: [cws_deflate_terms?] =
        [nil]
        + flags.flatMap { clientNoTakeover in
            flags.flatMap { serverNoTakeover in
                [cws_deflate_terms.absent, cws_deflate_terms.noValue, 8, 9, 15].flatMap { client in
                    [cws_deflate_terms.absent, 8, 9, 15].map { server in
                        .terms(
                            clientNoTakeover: clientNoTakeover, serverNoTakeover: serverNoTakeover, client: client,
                            server: server)
                    }
                }
            }
        }

    static let policies: [cws_deflate_policy?] =
        [nil]
        + flags.flatMap { clientNoTakeover in
            flags.flatMap { serverNoTakeover in
                flags.flatMap { clientLimitRequired in
                    [8, 9, 15].flatMap { client in
                        [8, 9, 15].map { server in
                            .policy(
                                clientNoTakeover: clientNoTakeover, serverNoTakeover: serverNoTakeover, client: client,
                                server: server, clientLimitRequired: clientLimitRequired)
                        }
                    }
                }
            }
        }

    /// The agreement that RFC 7692 leaves to the two.
    static func expected(_ offer: cws_deflate_terms?, _ policy: cws_deflate_policy?) -> SeenAgreement.Deflate? {
        guard let offer, let policy else { return nil }
        let limits = policy.limits
        let clientCanBeLimited = offer.client_max_window_bits != cws_deflate_terms.absent
        if !clientCanBeLimited && policy.client_limit_required && limits.client_max_window_bits < 15 { return nil }
        func bits(_ offered: UInt8) -> UInt8 { offered >= 8 ? offered : 15 }
        return SeenAgreement.Deflate(
            clientNoContextTakeover: offer.client_no_context_takeover || limits.client_no_context_takeover,
            serverNoContextTakeover: offer.server_no_context_takeover || limits.server_no_context_takeover,
            clientMaxWindowBits: clientCanBeLimited
                ? min(bits(offer.client_max_window_bits), limits.client_max_window_bits) : 15,
            serverMaxWindowBits: min(bits(offer.server_max_window_bits), limits.server_max_window_bits))
    }

    @Test func bothEndsSeeTheSameAgreement() throws {
        for offered in Self.offers {
            let offer = ClientOffer(protocols: ["x", "a", "b"], deflate: offered)
            let (request, key) = offer.request()
            for policy in Self.policies {
                let server = ServerPolicy(protocols: ["b", "a"], deflate: policy)
                let (judgement, answer) = try #require(server.negotiate(request.text.utf8))
                let expected = Self.expected(offered, policy)
                #expect(judgement == HandshakeJudgement(SeenAgreement(subprotocol: 0, deflate: expected)))

                let response = server.response(to: answer)
                let taken = try #require(offer.judge(response.text.utf8, key: key))
                #expect(
                    taken == HandshakeJudgement(SeenAgreement(subprotocol: 2, deflate: expected)), "\(response.text)")
            }
        }
    }
}
