import CLinux
import Glibc
import ProcCore
import ProcIO
import TestSupport
import Testing

@Suite struct WebSocketDialTests {
    func failure(_ bed: WebSocketBed, _ target: WebSocketTarget) throws -> String {
        switch try bed.dial(target) {
        case .success: "connected"
        case .failure(let error): "\(error)"
        }
    }

    @Test func aRefusalIsReportedWithStatusReasonAndWhatTheServerSays() throws {
        let bed = try WebSocketBed()
        let server = try ScriptedServer(
            bed,
            answer: "HTTP/1.1 401 Unauthorized\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n\r\nwrong token\n")
        let text = try failure(bed, WebSocketTarget(server.endpoint))
        #expect(text == "WebSocket with \(server.endpoint): refused with 401 Unauthorized: wrong token")
    }

    @Test func aRefusalWithoutReasonOrWithAPageIsReportedByItsStatus() throws {
        let bed = try WebSocketBed()
        for answer in ["HTTP/1.1 404 \r\n\r\n", "HTTP/1.1 404 \r\n\r\n<html>no"] {
            let server = try ScriptedServer(bed, answer: answer)
            let text = try failure(bed, WebSocketTarget(server.endpoint))
            #expect(text == "WebSocket with \(server.endpoint): refused with 404")
        }
    }

    @Test func aPeerThatSpeaksNoHTTPIsNoWebSocketServer() throws {
        let bed = try WebSocketBed()
        let server = try ScriptedServer(bed, answer: "SSH-2.0-OpenSSH_9.2p1\r\n")
        let text = try failure(bed, WebSocketTarget(server.endpoint))
        #expect(text.hasPrefix("WebSocket with \(server.endpoint): the answer is not of a WebSocket server: "))
    }

    @Test func anAnswerToAnotherKeyIsNotAccepted() throws {
        let bed = try WebSocketBed()
        let other = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
        let server = try ScriptedServer(bed, answer: try acceptance(of: other))
        let text = try failure(bed, WebSocketTarget(server.endpoint))
        #expect(text.hasPrefix("WebSocket with \(server.endpoint): the answer is not of a WebSocket server: "))
    }

    @Test func aServerThatDoesNotAnswerIsLeftAtEachStep() throws {
        let bed = try WebSocketBed()
        let server = try ScriptedServer(bed, answer: nil)
        var target = WebSocketTarget(server.endpoint)
        target.upgradeTimeout = .milliseconds(50)
        #expect(try failure(bed, target) == "WebSocket with \(server.endpoint): no answer within 50 ms")
        target.tls = try TLSContext()
        target.tlsTimeout = .milliseconds(40)
        #expect(try failure(bed, target) == "TLS with \(server.endpoint): no answer within 40 ms")
        try bed.run { server.sawEnd }
    }

    @Test func aServerThatHangsUpIsReportedWithTheStep() throws {
        let bed = try WebSocketBed()
        let server = try ScriptedServer(bed, answer: nil)
        let failure = try bed.beginInVain(at: server)
        server.hangUp()
        try bed.run { failure.text != nil }
        #expect(failure.text == "WebSocket with \(server.endpoint): connection closed")
    }

    @Test func aClosedPortIsReportedAsTheSystemSaysIt() throws {
        let bed = try WebSocketBed()
        let (socket, address) = try RawSocket.bound()
        let text = try failure(bed, WebSocketTarget(Endpoint(host: "127.0.0.1", port: address.port)))
        #expect(text == "connect \(address): Connection refused")
        withExtendedLifetime(socket) {}
    }

    @Test func aCertificateThatNobodyTrustsIsReportedWithWhatToDo() throws {
        let bed = try WebSocketBed()
        var service = WebSocketService()
        service.tls = try TLSContext(server: TestCertificate.selfSigned(.init(names: ["IP:127.0.0.1"])).identity)
        var target = WebSocketTarget(try bed.serve(service))
        target.tls = try TLSContext()
        target.trustAdvice = "set PROCSTAR_AGENT_CERT"
        let text = try failure(bed, target)
        #expect(text == "certificate of \(target.endpoint): self-signed, not trusted; set PROCSTAR_AGENT_CERT")
        try bed.run { bed.failures.count == 1 }
        guard case .tls = bed.failures[0] else {
            Issue.record("\(bed.failures[0])")
            return
        }
    }

    @Test func aCertificateForAnotherHostIsReportedWithoutThatAdvice() throws {
        let certificate = try TestCertificate.selfSigned(.init(names: ["DNS:other.example"]))
        let bed = try WebSocketBed()
        var service = WebSocketService()
        service.tls = try TLSContext(server: certificate.identity)
        var target = WebSocketTarget(try bed.serve(service))
        target.tls = try TLSContext(systemRoots: false, anchors: certificate.pem)
        target.trustAdvice = "set PROCSTAR_AGENT_CERT"
        let text = try failure(bed, target)
        #expect(text == "certificate of \(target.endpoint): certificate is for \"other.example\", not \"127.0.0.1\"")
    }

    @Test func aServerWithoutTLSIsReportedAsSuch() throws {
        let bed = try WebSocketBed()
        var target = WebSocketTarget(try bed.serve())
        target.tls = try TLSContext()
        let text = try failure(bed, target)
        #expect(text.hasPrefix("TLS with \(target.endpoint): "), "\(text)")
        // The server takes what it gets for a malformed request.
        try bed.run { bed.failures.count == 1 }
    }

    @Test func aHeaderThatCannotBeSentIsTheRequestsFault() throws {
        let bed = try WebSocketBed()
        var target = WebSocketTarget(Endpoint(host: "127.0.0.1", port: 1))
        target.headers = [HTTPField("Authorization", "Bearer a\r\nX: y")]
        let text = try failure(bed, target)
        #expect(text.hasPrefix("request for a WebSocket: "), "\(text)")
    }

    @Test func aDialCanBeCancelledAtEachStepAndIsNeverHeardOfAgain() throws {
        let bed = try WebSocketBed()
        let server = try ScriptedServer(bed, answer: nil)
        var wasCalled = false
        let early = bed.dialer.dial(WebSocketTarget(server.endpoint)) { _ in wasCalled = true }
        early.cancel()
        let late = bed.dialer.dial(WebSocketTarget(server.endpoint)) { _ in wasCalled = true }
        try bed.run { server.heardText.contains("\r\n\r\n") }
        late.cancel()
        try bed.run { server.sawEnd }
        #expect(!wasCalled)
    }

    @Test func headersSubprotocolAndPathReachTheServerAndItsChoiceComesBack() throws {
        let bed = try WebSocketBed()
        var seen: [String?] = []
        var service = WebSocketService()
        service.handshake.subprotocols = ["v2", "v1"]
        service.judge = { head in
            seen = [head.path, head.value(of: "authorization"), head.authority, head.method, head.value(of: "none")]
            return .accept(headers: [HTTPField("X-Answer", "yes")])
        }
        var port: UInt16 = 0
        let (client, server) = try bed.pair(service) { target in
            target.path = "/agent?x=1"
            target.headers = [HTTPField("Authorization", "Bearer token")]
            target.subprotocols = ["v1", "v2"]
            port = target.endpoint.port
        }
        #expect(seen == ["/agent?x=1", "Bearer token", "127.0.0.1:\(port)", "GET", nil])
        #expect(client.connection.subprotocol == "v2" && server.connection.subprotocol == "v2")
    }

    @Test func whatComesWithTheAnswerIsHeardAndNothingEarlierThanTheHandlers() throws {
        let bed = try WebSocketBed()
        let server = try ScriptedServer(bed, answer: nil)
        var client: End?
        _ = bed.dialer.dial(WebSocketTarget(server.endpoint)) { result in
            if case .success(let connection) = result { client = End(connection) }
        }
        try bed.run { server.heardText.contains("\r\n\r\n") }
        server.say(Array(try acceptance(of: server.heardText).utf8) + [0x81, 0x02, 0x68, 0x69, 0x88, 0x00])
        try bed.run { client?.end != nil || client?.messages.isEmpty == false }
        #expect(client?.texts == ["hi"])
    }
}

@Suite struct WebSocketAcceptTests {
    /// What a server of ours answers to a request that comes as bytes.
    func answer(
        to request: String, _ service: WebSocketService = WebSocketService()
    ) throws -> (text: String, bed: WebSocketBed) {
        let bed = try WebSocketBed()
        let endpoint = try bed.serve(service)
        let address = SocketAddress(.loopbackV4, port: endpoint.port)
        let socket = try RawSocket.connected(to: address)
        let bytes = Array(request.utf8)
        #expect(send(socket.rawValue, bytes, bytes.count, 0) == bytes.count)
        _ = clinux_set_nonblocking(socket.rawValue)
        var heard: [UInt8] = []
        try bed.run {
            var block = [UInt8](repeating: 0, count: 4096)
            let count = recv(socket.rawValue, &block, block.count, 0)
            if count > 0 { heard += block[..<count] }
            if count == 0 { shutdown(socket.rawValue, CInt(SHUT_WR)) }
            return count == 0
        }
        try bed.run { !bed.failures.isEmpty }
        return (String(decoding: heard, as: UTF8.self), bed)
    }

    static let valid = """
        GET /x HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n
        """

    @Test(arguments: [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 426 Upgrade Required"),
        (valid.replacing("GET", with: "POST"), "HTTP/1.1 405 Method Not Allowed"),
        (valid.replacing("13", with: "8"), "HTTP/1.1 426 Upgrade Required"),
        (valid.replacing("dGhl", with: "!!!!"), "HTTP/1.1 400 Bad Request"),
        ("hello\r\n\r\n", "HTTP/1.1 400 Bad Request"),
        ("GET / HTTP/3.0\r\n\r\n", "HTTP/1.1 505 HTTP Version Not Supported"),
        ("GET /" + String(repeating: "a", count: 9000) + " HTTP/1.1\r\n\r\n", "HTTP/1.1 414 URI Too Long"),
    ])
    func aBadRequestIsAnsweredWithItsStatusAndAReason(request: String, status: String) throws {
        let (text, bed) = try answer(to: request)
        #expect(text.hasPrefix(status), "\(text)")
        #expect(text.contains("Connection: close"))
        #expect(!text.hasSuffix("\r\n\r\n"), "a reason is missing: \(text)")
        guard case .invalid = bed.failures[0] else {
            Issue.record("\(bed.failures[0])")
            return
        }
    }

    @Test func aServiceMayRefuseWithItsOwnWords() throws {
        var service = WebSocketService()
        service.judge = { _ in
            .refuse(Refusal(status: 401, reason: "Unauthorized", text: "no token\n", headers: [HTTPField("X-A", "b")]))
        }
        let (text, bed) = try answer(to: Self.valid, service)
        #expect(text.hasPrefix("HTTP/1.1 401 Unauthorized\r\n"))
        #expect(text.contains("X-A: b\r\n") && text.hasSuffix("\r\n\r\nno token\n"))
        #expect("\(bed.failures[0])" == "refused with 401 Unauthorized")
    }

    @Test func aClientThatSaysNothingIsLeft() throws {
        var service = WebSocketService()
        service.handshakeTimeout = .milliseconds(50)
        let bed = try WebSocketBed()
        let endpoint = try bed.serve(service)
        let socket = try RawSocket.connected(to: SocketAddress(.loopbackV4, port: endpoint.port))
        try bed.run { bed.failures.count == 1 }
        #expect("\(bed.failures[0])" == "no request for a WebSocket within 50 ms")
        withExtendedLifetime(socket) {}
    }

    @Test func messagesBehindTheRequestAreHeard() throws {
        let bed = try WebSocketBed()
        let endpoint = try bed.serve()
        let socket = try RawSocket.connected(to: SocketAddress(.loopbackV4, port: endpoint.port))
        let bytes = Array(Self.valid.utf8) + [0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69]
        #expect(send(socket.rawValue, bytes, bytes.count, 0) == bytes.count)
        try bed.run { bed.accepted.first?.texts == ["hi"] }
    }

    @Test func aServersNewCertificateIsForNewConnectionsAndOldOnesGoOn() throws {
        let authority = try TestAuthority()
        let certificates = try (1...2).map { number in
            try authority.issue(.init(subject: "/CN=server \(number)", names: ["IP:127.0.0.1"]))
        }
        let bed = try WebSocketBed()
        var service = WebSocketService()
        let trust = try TLSContext(systemRoots: false, anchors: authority.own.pem)
        service.tls = try TLSContext(server: certificates[0].identity)
        let old = try bed.pair(service) { $0.tls = trust }
        service.tls = try TLSContext(server: certificates[1].identity)
        let new = try bed.pair(service) { $0.tls = trust }
        for (client, server) in [old, new] {
            client.connection.send(.text, Array("still here".utf8))
            try bed.run { server.texts == ["still here"] }
        }
    }
}
