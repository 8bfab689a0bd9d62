import CLinux
import Glibc
import ProcCore
import ProcIO
import TestSupport
import Testing

/// Ways to a server: by address and name, with certificates, and in pieces of any size.
@Suite struct WebSocketReachTests {
    @Test func aServerIsReachedByItsIPv6Address() throws {
        let bed = try WebSocketBed()
        var service = WebSocketService()
        var authority: String?
        service.judge = { head in
            authority = head.authority
            return .accept()
        }
        let certificate = try TestCertificate.selfSigned(.init(names: ["IP:::1"]))
        service.tls = try TLSContext(server: certificate.identity)
        var target = WebSocketTarget(try bed.serve(service, on: .loopbackV6))
        target.tls = try TLSContext(systemRoots: false, anchors: certificate.pem)
        let client = try bed.dial(target).get()
        #expect(authority == "[::1]:\(target.endpoint.port)")
        client.connection.send(.text, [97])
        try bed.run { bed.accepted.first?.texts == ["a"] }
    }

    @Test func aServerIsReachedByItsName() throws {
        let certificate = try TestCertificate.selfSigned(.init(names: ["DNS:localhost"]))
        let bed = try WebSocketBed()
        var service = WebSocketService()
        service.tls = try TLSContext(server: certificate.identity)
        var target = WebSocketTarget(try bed.serve(service))
        target.endpoint.host = "localhost"
        target.tls = try TLSContext(systemRoots: false, anchors: certificate.pem)
        let client = try bed.dial(target).get()
        client.connection.send(.text, [97])
        try bed.run { bed.accepted.first?.texts == ["a"] }
    }

    /// A server that asks for certificates of an authority, and how a client gets on with its own.
    func dial(with identity: TestCertificate?, of authority: TestAuthority) throws -> (String, WebSocketBed) {
        let bed = try WebSocketBed()
        var service = WebSocketService()
        let own = try authority.issue(.init(names: ["IP:127.0.0.1"]))
        service.tls = try TLSContext(server: own.identity, clients: .required(anchors: authority.own.pem))
        var target = WebSocketTarget(try bed.serve(service))
        target.tls = try TLSContext(systemRoots: false, anchors: authority.own.pem, identity: identity?.identity)
        switch try bed.dial(target) {
        case .success(let client):
            client.connection.send(.text, [97])
            try bed.run { bed.accepted.first?.texts == ["a"] }
            return ("connected", bed)
        case .failure(let failure):
            try bed.run { bed.failures.count == 1 }
            return ("\(failure)".replacing("\(target.endpoint)", with: "SERVER"), bed)
        }
    }

    @Test func aClientWithACertificateThatTheServerTrustsGetsIn() throws {
        let authority = try TestAuthority()
        let identity = try authority.issue(.init(subject: "/CN=agent", purpose: .client))
        #expect(try dial(with: identity, of: authority).0 == "connected")
    }

    @Test func aClientWithoutACertificateIsToldThatOneIsRequired() throws {
        let (text, bed) = try dial(with: nil, of: try TestAuthority())
        #expect(text.hasPrefix("TLS with SERVER: ") && text.contains("certificate"), "\(text)")
        #expect("\(bed.failures[0])".hasPrefix("TLS: ") && "\(bed.failures[0])".contains("certificate"))
    }

    @Test func aClientWithACertificateOfAnotherAuthorityIsToldThatItIsNotAccepted() throws {
        let stranger = try TestAuthority("Other Root").issue(.init(subject: "/CN=agent", purpose: .client))
        let (text, bed) = try dial(with: stranger, of: try TestAuthority())
        #expect(text.hasPrefix("TLS with SERVER: ") && text.contains("certificate"), "\(text)")
        #expect("\(bed.failures[0])".hasPrefix("TLS: "))
    }

    @Test func anAnswerByteByByteOpensTheConnection() throws {
        let bed = try WebSocketBed()
        let server = try ScriptedServer(bed, answer: nil)
        var client: End?
        _ = bed.dialer.dial(WebSocketTarget(server.endpoint)) { result in
            if case .success(let connection) = result { client = End(connection) }
        }
        try bed.run { server.heardText.contains("\r\n\r\n") }
        for byte in Array(try acceptance(of: server.heardText).utf8) + [0x81, 0x02, 0x68, 0x69] {
            server.say([byte])
            try bed.net.run(for: .zero)
        }
        try bed.run { client?.texts == ["hi"] }
    }

    @Test func aRefusalByteByByteIsReportedWithItsText() throws {
        let bed = try WebSocketBed()
        let server = try ScriptedServer(bed, answer: nil)
        let failure = try bed.beginInVain(at: server)
        for byte in "HTTP/1.1 403 Forbidden\r\nContent-Length: 8\r\n\r\nnot you\n".utf8 {
            server.say([byte])
            try bed.net.run(for: .zero)
        }
        try bed.run { failure.text != nil }
        #expect(failure.text == "WebSocket with \(server.endpoint): refused with 403 Forbidden: not you")
    }

    @Test(arguments: [
        ("Content-Length: 100\r\n\r\nnot y", "refused with 403 Forbidden: not y"),
        ("Transfer-Encoding: chunked\r\n\r\n3\r\nno!\r\n0\r\n\r\n", "refused with 403 Forbidden"),
        ("Content-Type: text/html\r\nContent-Length: 3\r\n\r\nno!", "refused with 403 Forbidden"),
    ])
    func aRefusalIsReportedWithAsMuchTextAsThereIs(rest: String, expected: String) throws {
        let bed = try WebSocketBed()
        let server = try ScriptedServer(bed, answer: "HTTP/1.1 403 Forbidden\r\n" + rest)
        var text: String?
        var target = WebSocketTarget(server.endpoint)
        target.upgradeTimeout = .milliseconds(300)
        _ = bed.dialer.dial(target) { result in
            if case .failure(let failure) = result { text = "\(failure)" }
        }
        try bed.run { text != nil }
        #expect(text == "WebSocket with \(server.endpoint): \(expected)")
    }

    @Test func aRequestByteByByteIsAnswered() throws {
        let bed = try WebSocketBed()
        let endpoint = try bed.serve()
        let socket = try RawSocket.connected(to: SocketAddress(.loopbackV4, port: endpoint.port))
        for byte in Array(WebSocketAcceptTests.valid.utf8) + [0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69] {
            RawSocket.say([byte], on: socket)
            try bed.net.run(for: .zero)
        }
        try bed.run { bed.accepted.first?.texts == ["hi"] }
    }

    /// Cut at every place, also within the header and the mask, and the kernel's end of the connection is all there is.
    @Test func aConnectionThatIsCutWithinAFrameIsLost() throws {
        let frame: [UInt8] = [0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69]
        for length in 1..<frame.count {
            let bed = try WebSocketBed()
            let endpoint = try bed.serve()
            var socket: SharedFD? = try RawSocket.connected(to: SocketAddress(.loopbackV4, port: endpoint.port))
            if let socket { RawSocket.say(Array(WebSocketAcceptTests.valid.utf8) + frame[..<length], on: socket) }
            try bed.run { bed.accepted.count == 1 }
            // Its answer lies unread, so that this would be a reset without the shutdown.
            if let socket { shutdown(socket.rawValue, CInt(SHUT_WR)) }
            try bed.run { bed.accepted[0].end != nil }
            #expect(bed.accepted[0].end == .lost(.finished))
            #expect(bed.accepted[0].messages.isEmpty)
            socket = nil
        }
    }

    @Test func aConnectionOverTLSThatIsCutIsLostWithThatReason() throws {
        let certificate = try TestCertificate.selfSigned(.init(names: ["IP:127.0.0.1"]))
        let bed = try WebSocketBed()
        var service = WebSocketService()
        service.tls = try TLSContext(server: certificate.identity)
        let (client, server) = try bed.pair(service) {
            $0.tls = try TLSContext(systemRoots: false, anchors: certificate.pem)
        }
        client.connection.abort()
        try bed.run { server.end != nil }
        guard case .lost(.tls(let failure)) = server.end else {
            Issue.record("\(String(describing: server.end))")
            return
        }
        #expect(failure.subject == .connection)
    }

    @Test func aRefusalReachesAClientThatGoesOnSending() throws {
        let bed = try WebSocketBed()
        var service = WebSocketService()
        service.judge = { _ in .refuse(Refusal(status: 401, reason: "Unauthorized", text: "no token\n")) }
        let endpoint = try bed.serve(service)
        let socket = try RawSocket.connected(to: SocketAddress(.loopbackV4, port: endpoint.port))
        _ = clinux_set_nonblocking(socket.rawValue)
        RawSocket.say(Array(WebSocketAcceptTests.valid.utf8), on: socket)
        let block = [UInt8](repeating: 1, count: 100_000)
        var pushed = 0
        try bed.run {
            let count = send(socket.rawValue, block, block.count, CInt(MSG_NOSIGNAL))
            if count > 0 { pushed += count }
            return pushed > 20_000_000
        }
        shutdown(socket.rawValue, CInt(SHUT_WR))
        try bed.run { bed.failures.count == 1 }
        var heard = [UInt8](repeating: 0, count: 4096)
        let count = recv(socket.rawValue, &heard, heard.count, 0)
        #expect(count > 0 && String(decoding: heard[..<max(count, 0)], as: UTF8.self).hasSuffix("no token\n"))
    }
}
