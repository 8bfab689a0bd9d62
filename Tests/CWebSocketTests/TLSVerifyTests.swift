import CWebSocket
import TestSupport
import Testing

/// Certificates that one end doesn't accept: which error, in whose words, and what the other end learns.
@Suite struct TLSVerifyTests {
    /// Runs a handshake that fails at the client; what both ends have to say.
    func refusal(
        of server: TestCertificate, trusting anchors: String, host: String = "localhost", atMost12: Bool = false
    ) throws -> (client: TLSEnd, server: TLSEnd) {
        let pair = try TLSPair(
            try TLSContext(trusting: anchors, atMost12: atMost12), try TLSContext(server: server), host: host
        ).shaken()
        #expect(pair.client.state == CWS_TLS_FAILED && pair.server.state == CWS_TLS_FAILED)
        #expect(!cws_tls_peer_is_verified(pair.client.handle))
        return (pair.client, pair.server)
    }

    static let wrongHosts: [(names: [String], host: String, shown: String)] = [
        (["DNS:other.example"], "localhost", "\"other.example\""),
        (["DNS:a.example", "DNS:b.example", "IP:10.0.0.1"], "c.example", "\"a.example\", \"b.example\", \"10.0.0.1\""),
        (
            ["IP:fe80::1", "DNS:b", "DNS:c", "DNS:d", "DNS:e"], "127.0.0.1",
            "\"fe80::1\", \"b\", \"c\" and 2 more"
        ),
        (["DNS:127.0.0.1"], "127.0.0.1", "\"127.0.0.1\""),
        (["DNS:*.example"], "a.b.example", "\"*.example\""),
        (["DNS:*.example"], "example", "\"*.example\""),
        (["DNS:lo*.example.com"], "localhost.example.com", "\"lo*.example.com\""),
        (["email:a@localhost", "DNS:x"], "localhost", "\"x\""),
        (["DNS:\\\";\u{1b}"], "localhost", "\"?;?\""),
        ([], "localhost", "no host (it needs a subject alternative name; the common name doesn't count)"),
        // An address of three bytes.
        (
            ["DER:30:05:87:03:01:02:03"], "localhost",
            "no host (it needs a subject alternative name; the common name doesn't count)"
        ),
    ]

    @Test(arguments: wrongHosts)
    func aCertificateForAnotherHostIsRefused(names: [String], host: String, shown: String) throws {
        let root = try TLSCertificates.shared().root
        let server = try root.issue(.init(subject: "/CN=localhost", names: names))
        let ends = try refusal(of: server, trusting: root.own.certificate, host: host)
        #expect(ends.client.failure == CWS_TLS_ERR_HOST)
        #expect(ends.client.reason == "certificate is for \(shown), not \"\(host)\"")
        #expect(ends.server.failure == CWS_TLS_ERR_CERTIFICATE_REJECTED)
        #expect(ends.server.reason == "peer rejected our certificate (alert 42, bad certificate)")
    }

    @Test(arguments: [false, true])
    func anUnknownIssuerIsRefusedByName(atMost12: Bool) throws {
        let server = try TLSCertificates.shared().server
        let stranger = try TestAuthority("Stranger")
        let ends = try refusal(of: server, trusting: stranger.own.certificate, atMost12: atMost12)
        #expect(ends.client.failure == CWS_TLS_ERR_UNTRUSTED)
        #expect(ends.client.reason == "issuer \"CN=Test Root\" not trusted")
        #expect(ends.server.reason == "peer rejected our certificate (alert 48, unknown CA)")
    }

    @Test func aChainWithItsOwnRootIsNoMoreTrusted() throws {
        let certificates = try TLSCertificates.shared()
        let stranger = try TestAuthority("Stranger")
        let server = TestCertificate(
            certificate: certificates.server.certificate + certificates.anchor, key: certificates.server.key)
        let ends = try refusal(of: server, trusting: stranger.own.certificate)
        #expect(ends.client.failure == CWS_TLS_ERR_UNTRUSTED)
        #expect(ends.client.reason == "issuer \"CN=Test Root\" not trusted")
    }

    @Test func namesThatAreNotASCIIAreEscaped() throws {
        let root = try TestAuthority("Zürich \u{1b}[31m")
        let server = try root.issue(.init(names: ["DNS:localhost"]))
        let ends = try refusal(of: server, trusting: try TLSCertificates.shared().anchor)
        #expect(ends.client.reason == #"issuer "CN=Z\C3\BCrich \1B[31m" not trusted"#)
    }

    @Test func aSelfSignedCertificateIsRefused() throws {
        let own = try TestCertificate.selfSigned(.init(subject: "/CN=alone", names: ["DNS:localhost"]))
        let ends = try refusal(of: own, trusting: try TLSCertificates.shared().anchor)
        #expect(ends.client.failure == CWS_TLS_ERR_SELF_SIGNED)
        #expect(ends.client.reason == "self-signed, not trusted")
    }

    @Test func aSelfSignedCertificateIsAcceptedAsItselfButForItsHostAndTimeOnly() throws {
        let own = try TestCertificate.selfSigned(.init(subject: "/CN=alone", names: ["DNS:localhost"]))
        let client = try TLSContext(trusting: own.certificate)
        let pair = try TLSPair(client, try TLSContext(server: own)).shaken()
        #expect(pair.client.state == CWS_TLS_OPEN, "\(pair.client.reason)")
        #expect(try refusal(of: own, trusting: own.certificate, host: "other").client.failure == CWS_TLS_ERR_HOST)

        let old = try TestCertificate.selfSigned(.init(names: ["DNS:localhost"], validity: .past))
        #expect(try refusal(of: old, trusting: old.certificate).client.failure == CWS_TLS_ERR_EXPIRED)
    }

    @Test func aServersCertificateIsAnAnchorEvenIfACASignedIt() throws {
        let certificates = try TLSCertificates.shared()
        let client = try TLSContext(trusting: certificates.server.certificate)
        let pair = try TLSPair(client, try TLSContext(server: certificates.server)).shaken()
        #expect(pair.client.state == CWS_TLS_OPEN, "\(pair.client.reason)")
        let sibling = try certificates.root.issue(.init(names: ["DNS:localhost"]))
        let ends = try refusal(of: sibling, trusting: certificates.server.certificate)
        #expect(ends.client.failure == CWS_TLS_ERR_UNTRUSTED)
    }

    @Test func severalAnchorsAreAllTrusted() throws {
        let certificates = try TLSCertificates.shared()
        let own = try TestCertificate.selfSigned(.init(names: ["DNS:localhost"]))
        let client = try TLSContext(trusting: "# first\n" + own.certificate + "\n# second\n" + certificates.anchor)
        for server in [own, certificates.server] {
            let pair = try TLSPair(client, try TLSContext(server: server)).shaken()
            #expect(pair.client.state == CWS_TLS_OPEN, "\(pair.client.reason)")
        }
    }

    @Test(arguments: [false, true])
    func anExpiredCertificateIsRefusedWithItsDate(atMost12: Bool) throws {
        let root = try TLSCertificates.shared().root
        let server = try root.issue(.init(names: ["DNS:localhost"], validity: .past))
        let ends = try refusal(of: server, trusting: root.own.certificate, atMost12: atMost12)
        #expect(ends.client.failure == CWS_TLS_ERR_EXPIRED)
        #expect(ends.client.reason == "certificate expired on 2021-02-03 04:05:06 UTC")
        #expect(ends.server.reason == "peer rejected our certificate (alert 45, certificate expired)")
    }

    @Test func aCertificateOfTheFutureIsRefusedWithItsDate() throws {
        let root = try TLSCertificates.shared().root
        let server = try root.issue(.init(names: ["DNS:localhost"], validity: .future))
        let ends = try refusal(of: server, trusting: root.own.certificate)
        #expect(ends.client.failure == CWS_TLS_ERR_NOT_YET_VALID)
        #expect(ends.client.reason == "certificate not yet valid until 2090-01-02 03:04:05 UTC")
    }

    @Test func anExpiredIssuerIsNamed() throws {
        let root = try TestAuthority("Old Root", validity: .past)
        let server = try root.issue(.init(names: ["DNS:localhost"]))
        let ends = try refusal(of: server, trusting: root.own.certificate)
        #expect(ends.client.failure == CWS_TLS_ERR_EXPIRED)
        #expect(ends.client.reason == "certificate of \"CN=Old Root\" expired on 2021-02-03 04:05:06 UTC")
    }

    @Test func aClientsCertificateIsNoServers() throws {
        let root = try TLSCertificates.shared().root
        let server = try root.issue(.init(names: ["DNS:localhost"], purpose: .client))
        let ends = try refusal(of: server, trusting: root.own.certificate)
        #expect(ends.client.failure == CWS_TLS_ERR_CERTIFICATE)
        #expect(ends.client.reason == "certificate is no good: unsuitable certificate purpose")
    }

    @Test func whatACertificateSignsThatIsNoCAIsRefused() throws {
        let certificates = try TLSCertificates.shared()
        let forged = try OpenSSL.certify(.init(names: ["DNS:localhost"]), by: certificates.server)
        let server = TestCertificate(
            certificate: forged.certificate + certificates.server.certificate, key: forged.key)
        let ends = try refusal(of: server, trusting: certificates.anchor)
        #expect(ends.client.failure == CWS_TLS_ERR_CERTIFICATE)
        #expect(ends.client.reason == "certificate of \"CN=server\" is no good: invalid CA certificate")
    }

    @Test func aChainThroughAnIntermediateIsFollowed() throws {
        let root = try TLSCertificates.shared().root
        let middle = try root.intermediate("Middle")
        let server = try middle.issue(.init(names: ["DNS:localhost"]))
        let client = try TLSContext(trusting: root.own.certificate)
        let pair = try TLSPair(client, try TLSContext(server: server)).shaken()
        #expect(pair.client.state == CWS_TLS_OPEN, "\(pair.client.reason)")

        let middleAlone = try TLSPair(
            try TLSContext(trusting: middle.own.certificate), try TLSContext(server: server)
        ).shaken()
        #expect(middleAlone.client.state == CWS_TLS_OPEN, "an intermediate is an anchor as well")
    }

    @Test func aMissingIntermediateIsNamed() throws {
        let root = try TLSCertificates.shared().root
        let server = try root.intermediate("Middle").issue(.init(names: ["DNS:localhost"]))
        let end = try #require(server.certificate.firstRange(of: "-----END CERTIFICATE-----\n"))
        let alone = TestCertificate(certificate: String(server.certificate[..<end.upperBound]), key: server.key)
        let ends = try refusal(of: alone, trusting: root.own.certificate)
        #expect(ends.client.failure == CWS_TLS_ERR_UNTRUSTED)
        #expect(ends.client.reason == "issuer \"CN=Middle\" not trusted")
    }

    @Test func anAnchorThatIsTakenAwayTrustsNoNewSession() throws {
        let certificates = try TLSCertificates.shared()
        let server = try TLSContext(server: certificates.server)
        let other = try TestAuthority("Other")
        let before = try TLSContext(trusting: certificates.anchor + other.own.certificate)
        #expect(try TLSPair(before, server).shaken().client.state == CWS_TLS_OPEN)
        let after = try TLSPair(try TLSContext(trusting: other.own.certificate), server).shaken()
        #expect(after.client.failure == CWS_TLS_ERR_UNTRUSTED)
    }
}
