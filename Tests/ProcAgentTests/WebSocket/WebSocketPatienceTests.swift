import ProcCore
import ProcIO
import Testing

/// Timers of a connection: who is given up, who isn't, and what a timer must not do to the loop.
@Suite struct WebSocketPatienceTests {
    @Test func aConnectionThatClosesDoesNotKeepTheLoopBusy() throws {
        let (bed, server, client) = try WebSocketEndTests().scripted {
            $0.pingInterval = .milliseconds(20)
            $0.readTimeout = .seconds(5)
            $0.closeTimeout = .milliseconds(200)
        }
        client.connection.close()
        var turns = 0
        try bed.run {
            turns += 1
            return client.end != nil
        }
        #expect(client.end == .closeTimedOut(.milliseconds(200)))
        #expect(bed.loop.longestTurn < .seconds(2), "the loop was away for \(bed.loop.longestTurn.shortText)")
        #expect(turns < 1000)
        withExtendedLifetime(server) {}
    }

    @Test func aPeerThatReadsNothingIsLeftAlthoughMessagesWaitToBeSent() throws {
        let bed = try WebSocketBed()
        let (client, server) = try bed.pair {
            $0.options.closeTimeout = .milliseconds(100)
            $0.options.readTimeout = nil
        }
        server.connection.readsInput = false
        client.connection.send(.binary, length: nil, from: WebSocketMessageTests.Pattern(100_000_000))
        client.connection.close()
        try bed.run { client.end != nil }
        #expect(client.end == .closeTimedOut(.milliseconds(100)))
    }

    /// Its answers wait behind more than it can take within any of the limits.
    @Test func aSlowPeerGetsAllThatWasSentBeforeTheClose() throws {
        let bed = try WebSocketBed()
        var service = WebSocketService()
        service.options.wholeMessages = false
        service.options.maxMessage = nil
        let (client, server) = try bed.pair(service) {
            $0.offersDeflate = false
            $0.options.closeTimeout = .seconds(2)
            $0.options.readTimeout = .seconds(2)
            $0.options.pingInterval = nil
            $0.options.maxQueue = 64 << 20
        }
        let message = [UInt8](repeating: 1, count: 1_000_000)
        server.keeps = false
        var bytes = 0
        let connection = server.connection
        let start = bed.loop.now
        connection.handlers.received = { [unowned connection, unowned bed] message in
            bytes += message.bytes.count
            guard connection.readsInput else { return }
            // One read of 128 KiB at most in each 10 ms: more than three seconds for all.
            connection.readsInput = false
            bed.loop.at(bed.loop.now + .milliseconds(10)) { [weak connection] in connection?.readsInput = true }
        }
        for _ in 0..<40 { #expect(client.connection.send(.binary, message) == .taken) }
        client.connection.close()
        try bed.run { client.end != nil && server.end != nil }
        #expect(bed.loop.now.since(start) > .seconds(2))
        #expect(bytes == 40 * message.count)
        #expect(client.end == .closed(.init(code: 1000), byPeer: false))
    }

    @Test func aRefusedClientThatStaysIsStillReportedAsRefused() throws {
        let bed = try WebSocketBed()
        var service = WebSocketService()
        service.handshakeTimeout = .milliseconds(100)
        service.judge = { _ in .refuse(Refusal(status: 401, reason: "Unauthorized", text: "no token\n")) }
        let endpoint = try bed.serve(service)
        let socket = try RawSocket.connected(to: SocketAddress(.loopbackV4, port: endpoint.port))
        RawSocket.say(Array(WebSocketAcceptTests.valid.utf8), on: socket)
        try bed.run { bed.failures.count == 1 }
        #expect("\(bed.failures[0])" == "refused with 401 Unauthorized")
        withExtendedLifetime(socket) {}
    }

    @Test func aClientThatSendsARequestByDropsIsLeftInTime() throws {
        let bed = try WebSocketBed()
        var service = WebSocketService()
        service.handshakeTimeout = .milliseconds(150)
        let endpoint = try bed.serve(service)
        let socket = try RawSocket.connected(to: SocketAddress(.loopbackV4, port: endpoint.port))
        var sent = 0
        func drip() {
            guard bed.failures.isEmpty else { return }
            RawSocket.say([WebSocketAcceptTests.valid.utf8.first ?? 0], on: socket)
            sent += 1
            bed.loop.at(bed.loop.now + .milliseconds(10), drip)
        }
        drip()
        try bed.run { bed.failures.count == 1 }
        #expect("\(bed.failures[0])" == "no request for a WebSocket within 150 ms")
        #expect(sent > 2)
    }

    @Test func aPeerThatStopsWithinAFrameIsGivenUp() throws {
        let (bed, server, client) = try WebSocketEndTests().scripted {
            $0.pingInterval = nil
            $0.readTimeout = .milliseconds(100)
        }
        server.say([0x82, 0x7e, 0x10, 0x00, 1, 2, 3])
        try bed.run { client.end != nil && server.sawEnd }
        #expect(client.end == .silent(.milliseconds(100)))
        #expect(client.messages.isEmpty)
    }

    /// Of the same bytes, so that reading is off when the close comes, and would stay so.
    @Test func whoeverStopsReadingRightBeforeAPeersCloseStillSeesItsEnd() throws {
        let bed = try WebSocketBed()
        var service = WebSocketService()
        service.options.closeTimeout = .seconds(100)
        let (client, server) = try bed.pair(service)
        let connection = server.connection
        connection.handlers.received = { [unowned connection] _ in connection.readsInput = false }
        client.connection.send(.text, [97])
        client.connection.close()
        try bed.run { client.end != nil && server.end != nil }
        #expect(server.end == .closed(.init(code: 1000), byPeer: true))
    }
}
