import CWebSocket
import TestSupport
import Testing

@Suite struct TLSClientCertificateTests {
    enum Shown: CaseIterable, Sendable { case nothing, good, strange, expired, serverOnly }

    func pair(_ shown: Shown, _ clients: cws_tls_client_certificates, atMost12: Bool) throws -> TLSPair {
        let certificates = try TLSCertificates.shared()
        let own: TestCertificate? =
            switch shown {
            case .nothing: nil
            case .good: certificates.client
            case .strange: try .selfSigned(.init(purpose: .client))
            case .expired: try certificates.root.issue(.init(purpose: .client, validity: .past))
            case .serverOnly: try certificates.root.issue(.init(purpose: .server))
            }
        let client = try TLSContext(
            trusting: certificates.anchor, certificate: own?.certificate, key: own?.key, atMost12: atMost12)
        let anchors = clients == CWS_TLS_CLIENTS_NOT_ASKED ? nil : certificates.anchor
        let server = try TLSContext(server: certificates.server, clients: clients, anchors: anchors)
        return try TLSPair(client, server)
    }

    @Test(arguments: Shown.allCases, [false, true])
    func aServerThatDoesntAskGetsNone(shown: Shown, atMost12: Bool) throws {
        let pair = try pair(shown, CWS_TLS_CLIENTS_NOT_ASKED, atMost12: atMost12).shaken()
        #expect(pair.client.state == CWS_TLS_OPEN && pair.server.state == CWS_TLS_OPEN)
        #expect(!cws_tls_peer_is_verified(pair.server.handle) && pair.server.subject().isEmpty)
    }

    @Test(arguments: [CWS_TLS_CLIENTS_OPTIONAL, CWS_TLS_CLIENTS_REQUIRED], [false, true])
    func aGoodOneIsSeenByTheServer(clients: cws_tls_client_certificates, atMost12: Bool) throws {
        for piece in [1, 100, .max] {
            let pair = try pair(.good, clients, atMost12: atMost12)
            pair.exchange(piece: piece)
            #expect(pair.client.state == CWS_TLS_OPEN && pair.server.state == CWS_TLS_OPEN, "\(pair.server.reason)")
            #expect(cws_tls_peer_is_verified(pair.server.handle))
            #expect(pair.server.subject() == "CN=agent 7,O=Example")
        }
    }

    @Test(arguments: [false, true])
    func noneIsAcceptedWhereItIsOptional(atMost12: Bool) throws {
        let pair = try pair(.nothing, CWS_TLS_CLIENTS_OPTIONAL, atMost12: atMost12).shaken()
        #expect(pair.client.state == CWS_TLS_OPEN && pair.server.state == CWS_TLS_OPEN)
        #expect(!cws_tls_peer_is_verified(pair.server.handle) && pair.server.subject().isEmpty)
    }

    @Test(arguments: [false, true])
    func noneIsRefusedWhereItIsRequired(atMost12: Bool) throws {
        let pair = try pair(.nothing, CWS_TLS_CLIENTS_REQUIRED, atMost12: atMost12).shaken()
        #expect(pair.server.failure == CWS_TLS_ERR_NO_CERTIFICATE)
        #expect(pair.server.reason == "peer sent no client certificate, which is required")
        #expect(pair.client.failure == CWS_TLS_ERR_CERTIFICATE_WANTED)
        #expect(pair.client.reason == "peer requires a client certificate")
    }

    static let bad: [(shown: Shown, error: cws_tls_error, reason: String, told: String)] = [
        (.strange, CWS_TLS_ERR_SELF_SIGNED, "self-signed, not trusted", "alert 48, unknown CA"),
        (
            .expired, CWS_TLS_ERR_EXPIRED, "certificate expired on 2021-02-03 04:05:06 UTC",
            "alert 45, certificate expired"
        ),
        (
            .serverOnly, CWS_TLS_ERR_CERTIFICATE, "certificate is no good: unsuitable certificate purpose",
            "alert 43, unsupported certificate"
        ),
    ]

    @Test(arguments: bad, [CWS_TLS_CLIENTS_OPTIONAL, CWS_TLS_CLIENTS_REQUIRED])
    func aBadOneIsRefusedEvenWhereItIsOptional(
        bad: (shown: Shown, error: cws_tls_error, reason: String, told: String), clients: cws_tls_client_certificates
    ) throws {
        for atMost12 in [false, true] {
            let pair = try pair(bad.shown, clients, atMost12: atMost12).shaken()
            #expect(pair.server.failure == bad.error && pair.server.reason == bad.reason)
            #expect(pair.client.failure == CWS_TLS_ERR_CERTIFICATE_REJECTED)
            #expect(pair.client.reason == "peer rejected our certificate (\(bad.told))")
        }
    }

    @Test func aClientOfTLS13LearnsOfItsRefusalAfterTheHandshake() throws {
        let pair = try pair(.nothing, CWS_TLS_CLIENTS_REQUIRED, atMost12: false)
        pair.server.feed(pair.client.output())
        pair.client.feed(pair.server.output())
        #expect(pair.client.state == CWS_TLS_OPEN && pair.client.send("too early") == 9)
        pair.exchange()
        #expect(pair.server.plain.isEmpty)
        #expect(pair.client.failure == CWS_TLS_ERR_CERTIFICATE_WANTED)
    }
}
