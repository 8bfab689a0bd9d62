import ProcCore
import ProcIO
import TestSupport
import Testing

/// What handlers and sources may do in the midst of a call.
@Suite struct WebSocketHandlerTests {
    /// Has a connection, as an agent has, and is called by it.
    final class Owner {
        private let connection: WebSocketConnection
        private(set) var calls = 0

        init(_ connection: WebSocketConnection, called: @escaping (Owner) -> Void) {
            self.connection = connection
            connection.handlers.received = { [unowned self] _ in
                calls += 1
                called(self)
            }
        }

        func abort() { connection.abort() }
        func close() { connection.close() }
    }

    /// Three messages come at once, and the owner does something at the first.
    func calls(_ called: @escaping (Owner, () -> Void) -> Void) throws -> Int {
        let bed = try WebSocketBed()
        let server = try ScriptedServer(bed, answer: nil)
        var owner: Owner?
        var calls = 0
        _ = bed.dialer.dial(WebSocketTarget(server.endpoint)) { result in
            guard case .success(let connection) = result else { return }
            owner = Owner(connection) { me in
                calls += 1
                called(me) { owner = nil }
            }
        }
        try bed.run { server.heardText.contains("\r\n\r\n") }
        server.say(Array(try acceptance(of: server.heardText).utf8))
        try bed.run { owner != nil }
        server.say([0x81, 0x01, 0x61, 0x81, 0x01, 0x62, 0x81, 0x01, 0x63])
        try bed.run { server.sawEnd }
        withExtendedLifetime(owner) {}
        return calls
    }

    @Test func whoeverLetsGoOfAConnectionWithinAHandlerIsNotCalledAgain() throws {
        #expect(try calls { _, letGo in letGo() } == 1)
    }

    @Test func whoeverAbortsWithinAHandlerIsNotCalledAgain() throws {
        #expect(try calls { me, _ in me.abort() } == 1)
    }

    /// Does what it is told at its first piece.
    final class Meddler: MessageSource {
        private let act: () throws -> Void
        private var isDone = false

        init(_ act: @escaping () throws -> Void) { self.act = act }

        func nextPiece() throws -> MessagePiece {
            guard !isDone else { return .end }
            isDone = true
            try act()
            return .bytes([97])
        }
    }

    @Test func aSourceMaySendAndPing() throws {
        let bed = try WebSocketBed()
        let (client, server) = try bed.pair()
        let connection = client.connection
        let source = Meddler { [unowned connection] in
            connection.send(.text, Array("behind".utf8))
            connection.ping([1])
        }
        connection.send(.text, length: nil, from: source)
        try bed.run { server.messages.count == 2 && client.pongs == [[1]] }
        #expect(server.texts == ["a", "behind"])
    }

    @Test(arguments: [true, false])
    func aSourceMayAbortTheConnectionAndNothingIsCalledThen(fails: Bool) throws {
        let bed = try WebSocketBed()
        let (client, server) = try bed.pair { $0.options.closeTimeout = .milliseconds(50) }
        let connection = client.connection
        let source = Meddler { [unowned connection] in
            connection.abort()
            if fails { throw WebSocketMessageTests.Pattern.Broken() }
        }
        connection.send(.text, length: nil, from: source)
        connection.send(.text, [98])
        try bed.run { server.end != nil }
        try bed.net.run(for: .milliseconds(150))
        #expect(client.end == nil)
    }

    @Test(arguments: [true, false])
    func theConnectionMayBeLetGoOfWhenThereIsRoom(tls: Bool) throws {
        let certificate = try TestCertificate.selfSigned(.init(names: ["IP:127.0.0.1"]))
        let bed = try WebSocketBed()
        var service = WebSocketService()
        if tls { service.tls = try TLSContext(server: certificate.identity) }
        service.options.wholeMessages = false
        service.options.maxMessage = nil
        let endpoint = try bed.serve(service) { $0.keeps = false }
        var target = WebSocketTarget(endpoint)
        if tls { target.tls = try TLSContext(systemRoots: false, anchors: certificate.pem) }
        target.options.maxQueue = 100_000
        var held: WebSocketConnection?
        _ = bed.dialer.dial(target) { result in held = try? result.get() }
        try bed.run { held != nil && bed.accepted.count == 1 }
        let message = [UInt8](repeating: 7, count: 90_000)
        while held?.send(.binary, message, compression: .off) == .taken {}
        held?.handlers.hasRoom = { held = nil }
        try bed.run { bed.accepted[0].end != nil }
        #expect(held == nil)
    }
}
