import CLinux
import Glibc
import ProcCore
import ProcIO
import TestSupport
import Testing

@Suite struct WebSocketEndTests {
    typealias Reason = WebSocketConnection.CloseReason

    @Test(arguments: [true, false])
    func eitherEndMayCloseAndBothLearnWhy(clientCloses: Bool) throws {
        let bed = try WebSocketBed()
        let (client, server) = try bed.pair()
        let (first, second) = clientCloses ? (client, server) : (server, client)
        first.connection.close(Reason(code: 3000, text: "löse"))
        try bed.run { client.end != nil && server.end != nil }
        #expect(first.end == .closed(Reason(code: 3000, text: "löse"), byPeer: false))
        #expect(second.end == .closed(Reason(code: 3000, text: "löse"), byPeer: true))
        #expect(second.connection.send(.text, []) == .closed)
    }

    @Test func bothMayCloseAtTheSameTime() throws {
        let bed = try WebSocketBed()
        let (client, server) = try bed.pair()
        client.connection.close(Reason(code: 3001))
        server.connection.close(Reason(code: 3002))
        try bed.run { client.end != nil && server.end != nil }
        #expect(client.end == .closed(Reason(code: 3001), byPeer: false))
        #expect(server.end == .closed(Reason(code: 3002), byPeer: false))
    }

    @Test func messagesStillComeAfterWeClosed() throws {
        let bed = try WebSocketBed()
        let (client, server) = try bed.pair()
        client.connection.close()
        for _ in 0..<3 { server.connection.send(.text, Array("more".utf8)) }
        try bed.run { client.end != nil }
        #expect(client.texts == ["more", "more", "more"])
    }

    /// A client of ours at a server that does as the test says, past the handshake.
    func scripted(
        _ change: (inout WebSocketConnection.Options) -> Void = { _ in }
    ) throws -> (WebSocketBed, ScriptedServer, End) {
        let bed = try WebSocketBed()
        let server = try ScriptedServer(bed, answer: nil)
        var target = WebSocketTarget(server.endpoint)
        change(&target.options)
        var outcome: End?
        _ = bed.dialer.dial(target) { result in
            if case .success(let connection) = result { outcome = End(connection) }
        }
        try bed.run { server.heardText.contains("\r\n\r\n") }
        server.say(Array(try acceptance(of: server.heardText).utf8))
        try bed.run { outcome != nil }
        return (bed, server, try #require(outcome))
    }

    @Test func aPeerThatDoesNotAnswerTheCloseIsLeftAfterAWhile() throws {
        let (bed, server, client) = try scripted { $0.closeTimeout = .milliseconds(50) }
        client.connection.close()
        try bed.run { client.end != nil && server.sawEnd }
        #expect(client.end == .closeTimedOut(.milliseconds(50)))
    }

    @Test func aPeerThatClosesAndDoesNotHangUpHasClosed() throws {
        let (bed, server, client) = try scripted { $0.closeTimeout = .milliseconds(50) }
        server.say([0x88, 0x02, 0x03, 0xe9])
        try bed.run { client.end != nil }
        #expect(client.end == .closed(Reason(code: 1001), byPeer: true))
    }

    @Test func silenceIsBrokenByPingsAndThenEndsTheConnection() throws {
        let (bed, server, client) = try scripted {
            $0.pingInterval = .milliseconds(20)
            $0.readTimeout = .milliseconds(300)
        }
        let start = bed.loop.now
        let before = server.heard.count
        try bed.run { client.end != nil && server.sawEnd }
        #expect(client.end == .silent(.milliseconds(300)))
        #expect(bed.loop.now.since(start) >= .milliseconds(250))
        // Masked pings of six bytes, at least two of them and at most one each 20 ms.
        let pings = server.heard[before...]
        #expect(pings.count % 6 == 0 && pings.count >= 12 && pings.count <= 15 * 6)
        #expect(pings.first == 0x89)
    }

    @Test func whoeverAnswersPingsIsNotSilent() throws {
        let bed = try WebSocketBed()
        let (client, server) = try bed.pair {
            $0.options.pingInterval = .milliseconds(10)
            $0.options.readTimeout = .milliseconds(2000)
        }
        try bed.run { client.pongs.count >= 5 }
        #expect(client.end == nil && server.end == nil)
    }

    @Test func silenceDoesNotCountWhileNothingIsRead() throws {
        let (bed, server, client) = try scripted {
            $0.pingInterval = nil
            $0.readTimeout = .milliseconds(100)
        }
        client.connection.readsInput = false
        server.say([0x81, 0x01, 0x61])
        try bed.net.run(for: .milliseconds(300))
        #expect(client.end == nil && client.messages.isEmpty)
        client.connection.readsInput = true
        try bed.run { client.texts == ["a"] }
        try bed.run { client.end == .silent(.milliseconds(100)) }
    }

    @Test func aPeerThatHangsUpWithoutClosingIsLost() throws {
        let (bed, server, client) = try scripted()
        server.hangUp()
        try bed.run { client.end != nil }
        let end = try #require(client.end)
        guard case .lost = end else {
            Issue.record("\(end)")
            return
        }
    }

    @Test func aPeerThatBreaksTheProtocolIsToldAndLeft() throws {
        let (bed, server, client) = try scripted { $0.closeTimeout = .milliseconds(200) }
        let before = server.heard.count
        server.say([0x83, 0x00])
        try bed.run { client.end != nil }
        #expect(client.end == .protocolError(reason: "unknown opcode", code: 1002))
        try bed.run { server.sawEnd }
        #expect(server.heard[before...].first == 0x88 && server.heard[before...].count == 8)
    }

    @Test func aConnectionThatNobodyHoldsIsClosed() throws {
        let (bed, server, client) = try scripted()
        var held: End? = client
        _ = client.connection.isOpen
        held = nil
        withExtendedLifetime(held) {}
        _ = consume client
        try bed.run { server.sawEnd }
    }

    @Test func abortEndsAtOnceAndWithoutAWord() throws {
        let (bed, server, client) = try scripted()
        let before = server.heard.count
        client.connection.abort()
        client.connection.close()
        try bed.run { server.sawEnd }
        #expect(client.end == nil)
        #expect(server.heard.count == before)
        #expect(client.connection.send(.text, [97]) == .closed)
    }
}
