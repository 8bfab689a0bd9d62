import ProcCore
import ProcIO
import TestSupport
import Testing

/// What a peer that takes nothing makes us hold.
@Suite struct WebSocketPressureTests {
    final class Tracked: MessageSource {
        let gone: () -> Void
        private var left: Int

        init(_ size: Int, gone: @escaping () -> Void) {
            left = size
            self.gone = gone
        }

        deinit { gone() }

        func nextPiece() -> MessagePiece {
            let size = min(left, 64 << 10)
            left -= size
            return size == 0 ? .end : .bytes([UInt8](repeating: 1, count: size))
        }
    }

    /// Also over TLS, whose output is another place where bytes can wait.
    @Test(arguments: [true, false])
    func aStoppedPeerFillsTheQueueAndLaterGetsEverything(tls: Bool) throws {
        let certificate = try TestCertificate.selfSigned(.init(names: ["IP:127.0.0.1"]))
        let bed = try WebSocketBed()
        var service = WebSocketService()
        if tls { service.tls = try TLSContext(server: certificate.identity) }
        let (client, server) = try bed.pair(service) {
            if tls { $0.tls = try TLSContext(systemRoots: false, anchors: certificate.pem) }
            $0.options.maxQueue = 1 << 20
        }
        server.connection.readsInput = false
        var sent: [[UInt8]] = []
        while true {
            let message = [UInt8](repeating: UInt8(truncatingIfNeeded: sent.count), count: 100_000)
            guard client.connection.send(.binary, message, compression: .off) == .taken else { break }
            sent.append(message)
            try bed.net.run(for: .milliseconds(1))
            try #require(sent.count < 1000)
        }
        // Its own messages still come.
        server.connection.send(.text, [97])
        try bed.run { client.texts == ["a"] }
        server.connection.readsInput = true
        try bed.run { server.messages.count == sent.count && client.hadRoom == 1 }
        #expect(server.messages == sent)
    }

    @Test func messagesOfNoBytesFillTheQueueToo() throws {
        let bed = try WebSocketBed()
        let (client, server) = try bed.pair { $0.options.maxQueue = 100_000 }
        server.connection.readsInput = false
        client.connection.send(.binary, length: nil, from: WebSocketMessageTests.Pattern(100_000_000))
        var taken = 0
        while client.connection.send(.binary, []) == .taken, taken < 100_000 { taken += 1 }
        #expect(taken < 10_000)
    }

    @Test func whatIsSentIsLetGoOfAlthoughMoreWaits() throws {
        let bed = try WebSocketBed()
        let (client, server) = try bed.pair()
        server.keeps = false
        var gone = 0
        for _ in 0..<3 { client.connection.send(.binary, length: nil, from: Tracked(10) { gone += 1 }) }
        // Doesn't end as long as the test.
        server.connection.readsInput = false
        client.connection.send(.binary, length: nil, from: WebSocketMessageTests.Pattern(.max))
        try bed.run { gone == 3 }
        client.connection.abort()
        withExtendedLifetime(server) {}
    }
}
