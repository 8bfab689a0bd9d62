import CWebSocket
import TestSupport
import Testing

@Suite struct TLSHandshakeTests {
    func contexts(atMost12: Bool) throws -> (client: TLSContext, server: TLSContext) {
        let certificates = try TLSCertificates.shared()
        return (
            try TLSContext(trusting: certificates.anchor, alpn: true, atMost12: atMost12),
            try TLSContext(server: certificates.server)
        )
    }

    static let cuts = [1, 2, 3, 4, 5, 6, 7, 64, 1000, Int.max]

    @Test(arguments: cuts, [false, true])
    func bothEndsAgreeHoweverTheBytesAreCut(piece: Int, atMost12: Bool) throws {
        let (clientContext, serverContext) = try contexts(atMost12: atMost12)
        let pair = try TLSPair(clientContext, serverContext)
        #expect(pair.client.state == CWS_TLS_HANDSHAKE && pair.server.state == CWS_TLS_HANDSHAKE)
        pair.exchange(piece: piece)
        for end in [pair.client, pair.server] {
            #expect(end.state == CWS_TLS_OPEN, "\(end.reason)")
            #expect(end.version == (atMost12 ? "TLSv1.2" : "TLSv1.3"))
            #expect(end.cipher?.isEmpty == false)
            #expect(cws_tls_alpn_agreed(end.handle))
            #expect(end.reason.isEmpty)
        }
        #expect(cws_tls_peer_is_verified(pair.client.handle) && !cws_tls_peer_is_verified(pair.server.handle))
        #expect(pair.client.subject() == "CN=server" && pair.server.subject().isEmpty)

        let question = (0..<40_000).map { UInt8(truncatingIfNeeded: $0 / 7) }
        #expect(pair.client.send(question) == question.count)
        #expect(pair.server.send("answer") == 6)
        pair.exchange(piece: piece, capacity: piece == 1 ? 1 : 4000)
        #expect(pair.server.plain == question)
        #expect(pair.client.takePlain() == "answer")
    }

    @Test func nothingIsKnownBeforeTheHandshakeIsDone() throws {
        let (clientContext, serverContext) = try contexts(atMost12: false)
        let pair = try TLSPair(clientContext, serverContext)
        for end in [pair.client, pair.server] {
            #expect(end.version == nil && end.cipher == nil && end.subject().isEmpty)
            #expect(!cws_tls_alpn_agreed(end.handle) && !cws_tls_peer_is_verified(end.handle))
            #expect(end.send("early") == 0)
        }
        #expect(pair.server.outputSize == 0)
        let hello = pair.client.output()
        pair.server.feed(hello.dropLast())
        #expect(pair.server.outputSize == 0 && pair.server.state == CWS_TLS_HANDSHAKE)
    }

    @Test func plaintextBeyondTheCapacityWaitsForTheNextCall() throws {
        let (clientContext, serverContext) = try contexts(atMost12: false)
        let pair = try TLSPair(clientContext, serverContext).shaken()
        #expect(pair.client.send("0123456789") == 10)
        let record = pair.client.output()
        var out = [UInt8](repeating: 0, count: 4)
        var taken = 0
        #expect(cws_tls_decrypt(pair.server.handle, record, record.count, &taken, &out, 4) == 4)
        #expect(taken == record.count && out == Array("0123".utf8))
        #expect(cws_tls_decrypt(pair.server.handle, nil, 0, &taken, &out, 4) == 4 && taken == 0)
        #expect(cws_tls_decrypt(pair.server.handle, nil, 0, &taken, &out, 4) == 2)
        #expect(cws_tls_decrypt(pair.server.handle, nil, 0, &taken, &out, 4) == 0)
    }

    @Test func withoutAnOfferThereIsNoApplicationProtocol() throws {
        let certificates = try TLSCertificates.shared()
        let client = try TLSContext(trusting: certificates.anchor)
        let pair = try TLSPair(client, try TLSContext(server: certificates.server)).shaken()
        #expect(pair.client.state == CWS_TLS_OPEN && !cws_tls_alpn_agreed(pair.client.handle))
        #expect(!cws_tls_alpn_agreed(pair.server.handle))
    }

    static let hosts = ["localhost", "LOCALHOST", "localhost.", "a.wild.example", "127.0.0.1", "::1", "0:0::1"]

    @Test(arguments: hosts)
    func aNameOrAddressOfTheCertificateIsAccepted(host: String) throws {
        let (clientContext, serverContext) = try contexts(atMost12: false)
        let pair = try TLSPair(clientContext, serverContext, host: host).shaken()
        #expect(pair.client.state == CWS_TLS_OPEN, "\(pair.client.reason)")
    }

    static let noHosts = [
        "", ".", "a..b", ".a", "a b", "a/b", "[::1]", "::1%lo", "bücher.example", "a:1",
        String(repeating: "a", count: 64), Array(repeating: "abcdefghi", count: 26).joined(separator: "."),
    ]

    @Test(arguments: noHosts)
    func whatCannotBeAHostIsRefused(host: String) throws {
        let (clientContext, _) = try contexts(atMost12: false)
        #expect(throws: TLSProblem(code: CWS_TLS_ERR_HOST_NAME, text: "")) { try TLSEnd(clientContext, host: host) }
    }

    @Test func aHostIsForClientsAndOnlyForThem() throws {
        let (clientContext, serverContext) = try contexts(atMost12: false)
        let refusal = TLSProblem(code: CWS_TLS_ERR_HOST_NAME, text: "")
        #expect(throws: refusal) { try TLSEnd(clientContext) }
        #expect(throws: refusal) { try TLSEnd(serverContext, host: "localhost") }
    }

    @Test func sessionsKeepTheirContextWhenItsMakerFreesIt() throws {
        let certificates = try TLSCertificates.shared()
        let renewed = try certificates.root.issue(.init(subject: "/CN=renewed", names: ["DNS:localhost"]))
        let client = try TLSContext(trusting: certificates.anchor)
        var context: TLSContext? = try TLSContext(server: certificates.server)
        let open = try TLSPair(client, try #require(context)).shaken()
        let begun = try TLSPair(client, try #require(context))
        context = nil
        context = try TLSContext(server: renewed)
        let after = try TLSPair(client, try #require(context)).shaken()
        context = nil

        begun.exchange()
        #expect(open.client.send("still here") == 10)
        open.exchange()
        #expect(open.server.takePlain() == "still here")
        #expect([open, begun, after].map { $0.client.subject() } == ["CN=server", "CN=server", "CN=renewed"])
    }

    @Test func theSubjectIsCutToTheRoomThereIs() throws {
        let (clientContext, serverContext) = try contexts(atMost12: false)
        let pair = try TLSPair(clientContext, serverContext).shaken()
        #expect(
            [0, 1, 2, 5, 9, 10].map { pair.client.subject(capacity: $0) } == [
                "", "", "C", "CN=s", "CN=serve", "CN=server",
            ])
    }

    @Test func freeingNothingIsAllowed() {
        cws_tls_free(nil)
        cws_tls_context_free(nil)
    }
}
