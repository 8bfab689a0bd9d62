import CWebSocket
import TestSupport
import Testing

/// Peers that speak something else, or TLS wrongly.
@Suite struct TLSFailureTests {
    func client() throws -> TLSEnd {
        try TLSEnd(try TLSContext(trusting: try TLSCertificates.shared().anchor), host: "localhost")
    }

    func server() throws -> TLSEnd { try TLSEnd(try TLSContext(server: try TLSCertificates.shared().server)) }

    static let strangers: [(bytes: [UInt8], shown: String)] = [
        (Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8), "\"HTTP/1.1 400 Bad\""),
        (Array("SSH-2.0-x\r\n".utf8), "\"SSH-2.0-x\""),
        (Array("GET / HTTP/1.1".utf8), "\"GET / HTTP/1.1\""),
        (Array("a\"b".utf8), "\"a?b\""),
        (Array("ab\r\n".utf8), "61 62 0d 0a"),
        ([0, 1, 2, 0xff], "00 01 02 ff"),
        ([0x80, 0x2e, 1, 3, 3], "80 2e 01 03 03"),
        ([22, 2, 0], "16 02 00"),
        ([22, 3, 5], "16 03 05"),
        ([21, 0x41], "15 41"),
        ([23, 3, 3], "17 03 03"),
        ([UInt8](repeating: 0x80, count: 17), [String](repeating: "80", count: 16).joined(separator: " ")),
    ]

    @Test(arguments: strangers)
    func whatIsNoTLSIsShown(bytes: [UInt8], shown: String) throws {
        for end in [try client(), try server()] {
            _ = end.output()
            end.feed(bytes)
            #expect(end.failure == CWS_TLS_ERR_NOT_TLS)
            #expect(end.reason == "peer doesn't speak TLS (its first bytes are \(shown))")
            #expect(end.outputSize == 0, "an alert would mean nothing to it")
        }
    }

    @Test func oneByteIsEnoughToTellWhatIsNoTLS() throws {
        let end = try client()
        end.feed([UInt8(ascii: "H")])
        #expect(end.reason == "peer doesn't speak TLS (its first bytes are \"H\")")
        let later = try client()
        for byte in [22, 3] as [UInt8] { later.feed([byte]) }
        #expect(later.state == CWS_TLS_HANDSHAKE)
        later.feed([9])
        #expect(later.reason == "peer doesn't speak TLS (its first bytes are 16 03 09)")
    }

    @Test func anEndWithinTheHandshakeIsATruncation() throws {
        let silent = try client()
        #expect(silent.end() == CWS_TLS_ERR_TRUNCATED)
        #expect(silent.reason == "connection ended within the handshake, before the peer had sent a byte")
        let begun = try server()
        begun.feed(try client().output().dropLast())
        #expect(begun.end() == CWS_TLS_ERR_TRUNCATED)
        #expect(begun.reason == "connection ended within the handshake")
        #expect(begun.send("x") == Int(CWS_TLS_ERR_TRUNCATED.rawValue))
    }

    static let alerts: [(number: UInt8, error: cws_tls_error, reason: String)] = [
        (0, CWS_TLS_ERR_TRUNCATED, "connection ended within the handshake"),
        (10, CWS_TLS_ERR_ALERT, "peer sent alert 10 (unexpected_message)"),
        (40, CWS_TLS_ERR_NO_SHARED, "peer found no parameters in common with us (alert 40, handshake failure)"),
        (42, CWS_TLS_ERR_CERTIFICATE_REJECTED, "peer rejected our certificate (alert 42, bad certificate)"),
        (43, CWS_TLS_ERR_CERTIFICATE_REJECTED, "peer rejected our certificate (alert 43, unsupported certificate)"),
        (44, CWS_TLS_ERR_CERTIFICATE_REJECTED, "peer rejected our certificate (alert 44, certificate revoked)"),
        (45, CWS_TLS_ERR_CERTIFICATE_REJECTED, "peer rejected our certificate (alert 45, certificate expired)"),
        (46, CWS_TLS_ERR_CERTIFICATE_REJECTED, "peer rejected our certificate (alert 46, certificate unknown)"),
        (48, CWS_TLS_ERR_CERTIFICATE_REJECTED, "peer rejected our certificate (alert 48, unknown CA)"),
        (70, CWS_TLS_ERR_VERSION, "peer accepts none of our TLS versions (alert 70, protocol version)"),
        (
            71, CWS_TLS_ERR_NO_SHARED,
            "peer found no parameters in common with us (alert 71, insufficient security)"
        ),
        (80, CWS_TLS_ERR_ALERT, "peer sent alert 80 (internal error)"),
        (
            116, CWS_TLS_ERR_CERTIFICATE_REJECTED,
            "peer rejected our certificate (alert 116, certificate required)"
        ),
        (
            120, CWS_TLS_ERR_NO_SHARED,
            "peer found no parameters in common with us (alert 120, no application protocol)"
        ),
    ]

    @Test(arguments: alerts)
    func anAlertIsReportedByNumberAndName(number: UInt8, error failure: cws_tls_error, reason: String) throws {
        for bytes in [[21, 3, 3, 0, 2, 2, number], [21, 3, 1, 0, 2, number == 0 ? 1 : 2, number]] as [[UInt8]] {
            let end = try client()
            for byte in bytes { end.feed([byte]) }
            #expect(end.failure == failure)
            #expect(end.reason == reason)
        }
    }

    @Test(arguments: [false, true])
    func aRecordThatWasTamperedWithIsRefusedAndThePeerIsTold(atMost12: Bool) throws {
        let certificates = try TLSCertificates.shared()
        let pair = try TLSPair(
            try TLSContext(trusting: certificates.anchor, atMost12: atMost12),
            try TLSContext(server: certificates.server)
        ).shaken()
        _ = pair.client.send("first")
        var bytes = pair.client.output()
        _ = pair.client.send("second")
        bytes += pair.client.output()
        bytes[bytes.count - 1] ^= 1
        pair.server.feed(bytes)
        #expect(pair.server.takePlain() == "first" && pair.server.failure == CWS_TLS_ERR_PROTOCOL)
        #expect(pair.server.reason == "peer broke the protocol: decryption failed or bad record mac")
        #expect(pair.server.outputSize > 0)
        pair.exchange()
        #expect(pair.client.reason == "peer sent alert 20 (bad record mac)")
    }

    @Test func anErrorComesWithTheCallAfterThePlaintextBeforeIt() throws {
        let certificates = try TLSCertificates.shared()
        let pair = try TLSPair(
            try TLSContext(trusting: certificates.anchor), try TLSContext(server: certificates.server)
        ).shaken()
        _ = pair.client.send("good")
        let bytes = pair.client.output() + [99, 3, 3, 0, 1, 0]
        var out = [UInt8](repeating: 0, count: 100)
        var taken = 0
        #expect(cws_tls_decrypt(pair.server.handle, bytes, bytes.count, &taken, &out, out.count) == 4)
        #expect(pair.server.state == CWS_TLS_FAILED)
        let next = cws_tls_decrypt(pair.server.handle, bytes, bytes.count, &taken, &out, out.count)
        #expect(next == Int(CWS_TLS_ERR_PROTOCOL.rawValue) && taken == 0)
    }

    @Test func everyByteOfAFlightMayBeWrongWithoutHarm() throws {
        let certificates = try TLSCertificates.shared()
        let context = try TLSContext(trusting: certificates.anchor)
        let serverContext = try TLSContext(server: certificates.server)
        let hello = try TLSEnd(context, host: "localhost").output()
        for at in hello.indices {
            var wrong = hello
            wrong[at] ^= 0xff
            let end = try TLSEnd(serverContext)
            end.feed(wrong)
            #expect(end.state != CWS_TLS_OPEN)
            #expect((end.failure == nil) == end.reason.isEmpty)
        }
        for at in stride(from: 0, to: 1200, by: 3) {
            let pair = try TLSPair(context, serverContext)
            pair.server.feed(pair.client.output())
            var flight = pair.server.output()
            guard flight.indices.contains(at) else { break }
            flight[at] ^= 0x55
            pair.client.feed(flight)
            #expect(pair.client.state != CWS_TLS_OPEN || pair.client.failure != nil)
        }
    }

    @Test func aClientWithOnlyOtherApplicationProtocolsIsRefused() throws {
        let certificates = try TLSCertificates.shared()
        let pair = try TLSPair(
            try TLSContext(trusting: certificates.anchor, alpn: true), try TLSContext(server: certificates.server))
        var hello = pair.client.output()
        let name = Array("http/1.1".utf8)
        let at = try #require(hello.indices.first { hello[$0...].starts(with: name) })
        hello[at] = UInt8(ascii: "x")
        pair.server.feed(hello)
        #expect(pair.server.failure == CWS_TLS_ERR_NO_SHARED)
        #expect(pair.server.reason == "nothing in common with the peer: no application protocol")
        pair.client.feed(pair.server.output())
        #expect(pair.client.failure == CWS_TLS_ERR_NO_SHARED)
    }

    @Test func everyErrorHasWordsOfItsOwn() {
        let codes = CWS_TLS_ERR_FLOOD.rawValue...CWS_TLS_ERR_MEMORY.rawValue
        let reasons = codes.map { String(cString: cws_tls_error_reason($0)) }
        #expect(Set(reasons).count == 24)
        for reason in reasons { #expect(!reason.isEmpty && !reason.hasSuffix(".") && !reason.contains("unknown")) }
        #expect(String(cString: cws_tls_error_reason(0)) == "unknown TLS error")
        #expect(String(cString: cws_tls_error_reason(-300)) == "unknown TLS error")
    }
}
