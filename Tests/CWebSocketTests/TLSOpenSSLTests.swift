import CWebSocket
import TestSupport
import Testing

/// Our client and a server that isn't ours.
@Suite struct TLSOpenSSLServerTests {
    func connect(
        to server: OpenSSLServer, trusting anchor: String, own: TestCertificate? = nil, host: String = "localhost"
    ) throws -> TLSSocket {
        let context = try TLSContext(trusting: anchor, certificate: own?.certificate, key: own?.key)
        return TLSSocket(try TLSEnd(context, host: host), connectingTo: server.port)
    }

    @Test(arguments: ["1_2", "1_3"])
    func theyTalkAndCloseCleanly(version: String) throws {
        let certificates = try TLSCertificates.shared()
        let server = try OpenSSLServer(certificates.server, ["-rev", "-tls\(version)"])
        let socket = try connect(to: server, trusting: certificates.anchor)
        #expect(socket.run { socket.end.state == CWS_TLS_OPEN }, "\(socket.end.reason)")
        #expect(socket.end.version == (version == "1_2" ? "TLSv1.2" : "TLSv1.3"))
        #expect(socket.end.subject() == "CN=server")
        for word in ["hello", "again"] {
            _ = socket.end.send("\(word)\n")
            let reversed = Array(String(word.reversed()).utf8) + [10]
            #expect(socket.run { socket.end.plain == reversed })
            _ = socket.end.takeBytes()
        }
        socket.end.close()
        socket.run { socket.hasEnded }
        #expect(server.program.finish().exitCode == 0)
    }

    @Test(arguments: ["1_2", "1_3"])
    func aKilledServerIsATruncation(version: String) throws {
        let certificates = try TLSCertificates.shared()
        let server = try OpenSSLServer(certificates.server, ["-rev", "-tls\(version)"])
        let socket = try connect(to: server, trusting: certificates.anchor)
        #expect(socket.run { socket.end.state == CWS_TLS_OPEN })
        server.program.signal(9)
        socket.runToEnd()
        #expect(socket.endError == CWS_TLS_ERR_TRUNCATED)
    }

    enum Wrong: CaseIterable, Sendable { case host, time, anchorTakenAway }

    @Test(arguments: Wrong.allCases, ["1_2", "1_3"])
    func whatIsWrongWithItsCertificateIsSaidToItToo(wrong: Wrong, version: String) throws {
        let certificates = try TLSCertificates.shared()
        var own = certificates.server
        var anchor = certificates.anchor
        var expected: (error: cws_tls_error, reason: String, alert: String)
        switch wrong {
        case .host:
            own = try certificates.root.issue(.init(names: ["DNS:other.example"]))
            expected = (
                CWS_TLS_ERR_HOST, "certificate is for \"other.example\", not \"localhost\"", "alert bad certificate"
            )
        case .time:
            own = try certificates.root.issue(.init(names: ["DNS:localhost"], validity: .past))
            expected = (
                CWS_TLS_ERR_EXPIRED, "certificate expired on 2021-02-03 04:05:06 UTC", "alert certificate expired"
            )
        case .anchorTakenAway:
            anchor = try TestAuthority("Another").own.certificate
            expected = (CWS_TLS_ERR_UNTRUSTED, "issuer \"CN=Test Root\" not trusted", "alert unknown ca")
        }
        let server = try OpenSSLServer(own, ["-rev", "-tls\(version)"])
        let socket = try connect(to: server, trusting: anchor)
        socket.runToEnd()
        #expect(socket.end.failure == expected.error && socket.end.reason == expected.reason)
        let said = server.program.finish().errorText
        #expect(said.contains(expected.alert), "\(said)")
    }

    @Test func aServerOfTLS11IsRefused() throws {
        let certificates = try TLSCertificates.shared()
        let server = try OpenSSLServer(certificates.server, ["-rev", "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"])
        let socket = try connect(to: server, trusting: certificates.anchor)
        socket.runToEnd()
        #expect(socket.end.failure == CWS_TLS_ERR_VERSION)
        #expect(socket.end.reason == "peer accepts none of our TLS versions (alert 70, protocol version)")
    }

    @Test func aServerWithoutACipherInCommonIsRefused() throws {
        let certificates = try TLSCertificates.shared()
        let server = try OpenSSLServer(
            certificates.server, ["-rev", "-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"])
        let socket = try connect(to: server, trusting: certificates.anchor)
        socket.runToEnd()
        #expect(socket.end.failure == CWS_TLS_ERR_NO_SHARED)
    }

    @Test(arguments: ["1_2", "1_3"])
    func aServerThatRequiresACertificateGetsItOrIsUnderstood(version: String) throws {
        let certificates = try TLSCertificates.shared()
        func start() throws -> OpenSSLServer {
            try OpenSSLServer(
                certificates.server, anchor: certificates.anchor,
                ["-rev", "-tls\(version)", "-Verify", "1", "-verify_return_error"])
        }
        let first = try start()
        let without = try connect(to: first, trusting: certificates.anchor)
        without.runToEnd()
        #expect(without.end.failure == CWS_TLS_ERR_CERTIFICATE_WANTED)
        #expect(without.end.reason == "peer requires a client certificate")

        let second = try start()
        let strange = try connect(
            to: second, trusting: certificates.anchor, own: try .selfSigned(.init(purpose: .client)))
        strange.runToEnd()
        #expect(strange.end.failure == CWS_TLS_ERR_CERTIFICATE_REJECTED)

        let third = try start()
        let with = try connect(to: third, trusting: certificates.anchor, own: certificates.client)
        #expect(with.run { with.end.state == CWS_TLS_OPEN })
        _ = with.end.send("me\n")
        #expect(with.run { with.end.plain == Array("em\n".utf8) }, "\(with.end.reason)")
    }

    /// `K` and `k` on its standard input make it update its keys, the former with the wish that we update ours.
    @Test func keyUpdatesAreFollowed() throws {
        let certificates = try TLSCertificates.shared()
        let server = try OpenSSLServer(certificates.server, ["-tls1_3"])
        let socket = try connect(to: server, trusting: certificates.anchor)
        #expect(socket.run { socket.end.state == CWS_TLS_OPEN })
        for (index, letter) in ["K", "k", "K"].enumerated() {
            _ = socket.end.send("before \(index)\n")
            socket.run { true }
            try #require(server.program.waitForOutput("before \(index)\n"))
            // The update is all that comes then.
            let seen = socket.bytesSeen
            server.program.type("\(letter)\n")
            try #require(socket.run { socket.bytesSeen > seen })
            _ = socket.end.send("after \(index)\n")
            socket.run { true }
            try #require(server.program.waitForOutput("after \(index)\n"), "\(letter)")
            server.program.type("answer\n")
            #expect(socket.run { socket.end.plain == Array("answer\n".utf8) }, "\(socket.end.reason)")
            _ = socket.end.takeBytes()
        }
    }

    /// `r` makes it ask for a renegotiation.
    @Test func renegotiationIsRefused() throws {
        let certificates = try TLSCertificates.shared()
        let server = try OpenSSLServer(certificates.server, ["-tls1_2"])
        let socket = try connect(to: server, trusting: certificates.anchor)
        _ = socket.end.send("early")
        #expect(socket.run { socket.end.state == CWS_TLS_OPEN })
        _ = socket.end.send("hello\n")
        socket.run { true }
        try #require(server.program.waitForOutput("hello\n"))
        server.program.type("r\n")
        socket.runToEnd()
        let said = server.program.finish().errorText
        #expect(said.contains("no renegotiation"), "\(said)")
    }
}

/// Our server and a client that isn't ours.
@Suite struct TLSOpenSSLClientTests {
    let listener = TLSListener()
    let folder = TemporaryDirectory()

    @Test(arguments: ["1_2", "1_3"])
    func theyTalkAndCloseCleanly(version: String) throws {
        let certificates = try TLSCertificates.shared()
        let client = try listener.startClient(
            ["-tls\(version)", "-verify_hostname", "localhost", "-alpn", "h2,http/1.1"], anchor: certificates.anchor,
            in: folder)
        let socket = listener.accept(try TLSEnd(try TLSContext(server: certificates.server)))
        #expect(socket.run { socket.end.state == CWS_TLS_OPEN }, "\(socket.end.reason)")
        #expect(cws_tls_alpn_agreed(socket.end.handle))
        client.type("hello\n")
        #expect(socket.run { socket.end.plain == Array("hello\n".utf8) })
        _ = socket.end.send("answer\n")
        socket.run { true }
        #expect(client.waitForOutput("answer\n"))
        client.endInput()
        socket.run { socket.end.state == CWS_TLS_PEER_CLOSED }
        #expect(socket.end.end() == nil)
        socket.end.close()
        socket.runToEnd()
        let ended = client.finish()
        #expect(ended.exitCode == 0 && ended.outputText.contains("Verify return code: 0 (ok)"), "\(ended.outputText)")
        #expect(ended.outputText.contains("New, TLSv\(version == "1_2" ? "1.2" : "1.3")"))
    }

    @Test(arguments: ["K", "k"])
    func keyUpdatesAreFollowed(letter: String) throws {
        let certificates = try TLSCertificates.shared()
        let client = try listener.startClient(["-tls1_3"], in: folder)
        let socket = listener.accept(try TLSEnd(try TLSContext(server: certificates.server)))
        #expect(socket.run { socket.end.state == CWS_TLS_OPEN })
        client.type("\(letter)\n")
        try #require(client.waitForError("KEYUPDATE"))
        client.type("hello\n")
        #expect(socket.run { socket.end.plain == Array("hello\n".utf8) }, "\(socket.end.reason)")
        _ = socket.end.send("answer\n")
        socket.run { true }
        #expect(client.waitForOutput("answer\n"))
    }

    @Test func renegotiationIsRefused() throws {
        let certificates = try TLSCertificates.shared()
        let client = try listener.startClient(["-tls1_2"], in: folder)
        let socket = listener.accept(try TLSEnd(try TLSContext(server: certificates.server)))
        #expect(socket.run { socket.end.state == CWS_TLS_OPEN })
        client.type("R\n")
        #expect(client.waitForError("RENEGOTIATING"))
        socket.runToEnd()
        let said = client.finish().errorText
        #expect(said.contains("no renegotiation"), "\(said)")
    }

    static let refused: [(options: [String], error: cws_tls_error, reason: String)] = [
        (
            ["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"], CWS_TLS_ERR_VERSION,
            "peer speaks TLS 1.1 or older only"
        ),
        (
            ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"], CWS_TLS_ERR_NO_SHARED,
            "nothing in common with the peer: no shared cipher"
        ),
        (
            ["-tls1_3", "-sigalgs", "RSA-PSS+SHA256"], CWS_TLS_ERR_NO_SHARED,
            "nothing in common with the peer: no suitable signature algorithm"
        ),
        (["-alpn", "h2"], CWS_TLS_ERR_NO_SHARED, "nothing in common with the peer: no application protocol"),
    ]

    @Test(arguments: refused)
    func aClientWithNothingInCommonIsRefusedAndTold(options: [String], error failure: cws_tls_error, reason: String)
        throws
    {
        let client = try listener.startClient(options, in: folder)
        let socket = listener.accept(try TLSEnd(try TLSContext(server: try TLSCertificates.shared().server)))
        socket.run { socket.end.failure != nil }
        #expect(socket.end.failure == failure && socket.end.reason == reason)
        socket.endSending()
        let ended = client.finish()
        #expect(ended.exitCode == 1 && ended.errorText.contains("alert"), "\(ended.errorText)")
    }

    @Test(arguments: ["1_2", "1_3"])
    func clientCertificatesAreRequired(version: String) throws {
        let certificates = try TLSCertificates.shared()
        let context = try TLSContext(
            server: certificates.server, clients: CWS_TLS_CLIENTS_REQUIRED, anchors: certificates.anchor)
        let client = try listener.startClient(["-tls\(version)"], own: certificates.client, in: folder)
        let socket = listener.accept(try TLSEnd(context))
        client.type("me\n")
        #expect(socket.run { socket.end.plain == Array("me\n".utf8) }, "\(socket.end.reason)")
        #expect(socket.end.subject() == "CN=agent 7,O=Example")

        let missing = try listener.startClient(["-tls\(version)"], in: folder)
        let refusing = listener.accept(try TLSEnd(context))
        refusing.run { refusing.end.failure != nil }
        #expect(refusing.end.failure == CWS_TLS_ERR_NO_CERTIFICATE)
        refusing.endSending()
        #expect(missing.finish().errorText.contains(version == "1_2" ? "handshake failure" : "certificate required"))
    }
}
