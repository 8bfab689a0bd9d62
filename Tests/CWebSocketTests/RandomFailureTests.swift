import CWebSocket
import Testing

/// A machine whose OpenSSL gives no random numbers.
@Suite(.enabled(if: FailingRandom.isPossible)) struct RandomFailureTests {
    @Test func noRequestIsWritten() {
        let (written, key) = FailingRandom.during { ClientOffer().request() }
        #expect(written.returned == CWS_HANDSHAKE_ERR_CRYPTO.rawValue)
        #expect(written.isUntouched && key == String(repeating: "?", count: 24))
        #expect(ClientOffer().request().written.returned > 0)
    }

    @Test func noContextIsMade() throws {
        let certificates = try TLSCertificates.shared()
        let problem = TLSProblem(code: CWS_TLS_ERR_MEMORY, text: "out of memory")
        FailingRandom.during {
            #expect(throws: problem) { try TLSContext(trusting: certificates.anchor) }
            #expect(throws: problem) { try TLSContext(server: certificates.server) }
        }
    }

    @Test func noClientBegins() throws {
        let context = try TLSContext(trusting: try TLSCertificates.shared().anchor)
        FailingRandom.during {
            _ = #expect(throws: TLSProblem(code: CWS_TLS_ERR_CONFIG, text: "")) {
                try TLSEnd(context, host: "localhost")
            }
        }
        #expect(try TLSEnd(context, host: "localhost").outputSize > 0, "it was not the context's fault")
    }

    @Test func aServerFailsWithAnAlertAndAReason() throws {
        let certificates = try TLSCertificates.shared()
        let pair = try TLSPair(
            try TLSContext(trusting: certificates.anchor), try TLSContext(server: certificates.server))
        let hello = pair.client.output()
        FailingRandom.during { pair.server.feed(hello) }
        #expect(pair.server.state == CWS_TLS_FAILED)
        #expect(!pair.server.reason.isEmpty)
        pair.exchange()
        #expect(pair.client.failure == CWS_TLS_ERR_ALERT, "\(pair.client.reason)")
    }
}
