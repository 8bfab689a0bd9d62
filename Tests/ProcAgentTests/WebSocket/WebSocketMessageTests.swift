import ProcCore
import ProcIO
import TestSupport
import Testing

@Suite struct WebSocketMessageTests {
    static let sizes = [0, 1, 125, 126, 65_535, 65_536, 3_000_000]

    static func content(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
        var random = SeededGenerator(seed: seed)
        return (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
    }

    @Test(arguments: [true, false], [true, false])
    func messagesOfAllSizesArriveAsTheyWereSent(wholeMessages: Bool, deflate: Bool) throws {
        let bed = try WebSocketBed()
        var service = WebSocketService()
        service.options.wholeMessages = wholeMessages
        let (client, server) = try bed.pair(service) { $0.offersDeflate = deflate }
        #expect(client.connection.compresses == deflate && server.connection.compresses == deflate)
        let sent = Self.sizes.map { Self.content($0) } + [[UInt8](repeating: 97, count: 2_000_000)]
        for message in sent { #expect(client.connection.send(.binary, message) == .taken) }
        try bed.run { server.messages.count == sent.count }
        #expect(server.messages == sent)
        for message in sent { #expect(server.connection.send(.binary, message) == .taken) }
        try bed.run { client.messages.count == sent.count }
        #expect(client.messages == sent)
    }

    @Test func messagesGoOverTLSWhenTheServersOwnCertificateIsTheAnchor() throws {
        let certificate = try TestCertificate.selfSigned(.init(names: ["IP:127.0.0.1"]))
        let bed = try WebSocketBed()
        var service = WebSocketService()
        service.tls = try TLSContext(server: certificate.identity)
        let (client, server) = try bed.pair(service) { target in
            target.tls = try TLSContext(systemRoots: false, anchors: certificate.pem)
        }
        #expect(client.connection.tlsVersion == "TLSv1.3")
        let sent = Self.sizes.map { Self.content($0) }
        for message in sent {
            client.connection.send(.binary, message)
            server.connection.send(.binary, message)
        }
        try bed.run { server.messages.count == sent.count && client.messages.count == sent.count }
        #expect(server.messages == sent)
        #expect(client.messages == sent)
        client.connection.close()
        try bed.run { client.end != nil && server.end != nil }
        #expect(client.end == .closed(.init(code: 1000), byPeer: false))
        #expect(server.end == .closed(.init(code: 1000), byPeer: true))
    }

    /// Gives bytes of a pattern, and fails at the end if it is to.
    final class Pattern: MessageSource {
        private let count: Int
        private let fails: Bool
        private(set) var given = 0

        struct Broken: Error, CustomStringConvertible { let description = "read the capture: Input/output error" }

        init(_ count: Int, fails: Bool = false) {
            self.count = count
            self.fails = fails
        }

        static func byte(_ index: Int) -> UInt8 { UInt8(truncatingIfNeeded: index &* 31 ^ index >> 8) }

        func nextPiece() throws -> MessagePiece {
            let size = min(64 << 10, count - given)
            if size == 0, fails { throw Broken() }
            defer { given += size }
            return size == 0 ? .end : .bytes((given..<(given + size)).map(Self.byte))
        }
    }

    @Test(arguments: [true, false], [true, false])
    func aMessageIsMadeWhileItIsSentAndPingsAreAnsweredMeanwhile(isLengthKnown: Bool, deflate: Bool) throws {
        let bed = try WebSocketBed()
        var service = WebSocketService()
        service.options.wholeMessages = false
        service.options.maxMessage = nil
        let (client, server) = try bed.pair(service)
        let size = 20_000_000
        let source = Pattern(size)
        var isRight = true
        var at = 0
        server.connection.handlers.received = { message in
            for byte in message.bytes {
                isRight = isRight && byte == Pattern.byte(at)
                at += 1
            }
        }
        let result = client.connection.send(
            .binary, length: isLengthKnown ? UInt64(size) : nil, from: source, compression: deflate ? .on : .off)
        #expect(result == .taken)
        client.connection.send(.text, Array("behind it".utf8))
        try bed.run { at > 0 }
        // From here on it can only be answered between the fragments.
        let given = source.given
        server.connection.ping([1, 2, 3])
        try bed.run { server.pongs == [[1, 2, 3]] }
        if !deflate { #expect(source.given < size, "it was \(given) when the ping was sent") }
        try bed.run { at == size + 9 || client.end != nil }
        #expect(source.given == size)
        #expect(client.end == nil)
    }

    /// Has its pieces when they are put in, as from a slow disk.
    final class Tardy: MessageSource {
        var pieces: [MessagePiece] = []
        private(set) var askedInVain = 0

        func nextPiece() -> MessagePiece {
            guard !pieces.isEmpty else {
                askedInVain += 1
                return .later
            }
            return pieces.removeFirst()
        }
    }

    @Test func aSourceThatHasNothingYetIsAskedAgainWhenItSaysSo() throws {
        let bed = try WebSocketBed()
        let (client, server) = try bed.pair()
        let source = Tardy()
        client.connection.send(.binary, length: 6, from: source, compression: .off)
        client.connection.send(.text, Array("behind it".utf8))
        try bed.run { source.askedInVain == 1 }
        for piece in [[1, 2, 3], [4, 5, 6]] as [[UInt8]] {
            // Meanwhile control frames pass.
            server.connection.ping(piece)
            try bed.run { server.pongs.last == piece }
            #expect(server.messages.isEmpty)
            source.pieces = [.bytes(piece)]
            client.connection.resume()
            try bed.run { source.pieces.isEmpty && source.askedInVain > 1 }
        }
        source.pieces = [.end]
        client.connection.resume()
        try bed.run { server.messages.count == 2 }
        #expect(server.messages.first == [1, 2, 3, 4, 5, 6])
        #expect(client.end == nil)
    }

    @Test func theSystemMeasuresTheLink() throws {
        let bed = try WebSocketBed()
        let (client, server) = try bed.pair()
        client.connection.send(.binary, Self.content(1_000_000), compression: .off)
        try bed.run { server.bytes == 1_000_000 }
        let link = try #require(client.connection.link)
        // On loopback, whatever else the machine is doing.
        #expect(link.roundTrip < .seconds(10))
        #expect(link.rate > 0)
        client.connection.abort()
        #expect(client.connection.link == nil)
    }

    @Test func aSourceThatFailsClosesWith1011AndWhy() throws {
        let bed = try WebSocketBed()
        var service = WebSocketService()
        service.options.wholeMessages = false
        let (client, server) = try bed.pair(service)
        client.connection.send(.binary, length: 200_000, from: Pattern(100_000, fails: true), compression: .off)
        try bed.run { server.end != nil && client.end != nil }
        let reason = WebSocketConnection.CloseReason(code: 1011, text: "read the capture: Input/output error")
        #expect(server.end == .closed(reason, byPeer: true))
        #expect(client.end == .closed(reason, byPeer: false))
        #expect(server.bytes == 100_000)
        #expect(server.messages.isEmpty)
    }

    @Test func aSourceThatGivesTooLittleOrTooMuchClosesWith1011() throws {
        for given in [99, 101] {
            let bed = try WebSocketBed()
            let (client, server) = try bed.pair()
            client.connection.send(.binary, length: 100, from: Pattern(given), compression: .off)
            try bed.run { server.end != nil }
            guard case .closed(let reason, byPeer: true) = server.end else {
                Issue.record("\(String(describing: server.end))")
                return
            }
            #expect(reason.code == 1011)
        }
    }

    @Test func aPeerThatDoesNotReadFillsTheQueueWhichThenSaysWhenThereIsRoom() throws {
        let bed = try WebSocketBed()
        let (client, server) = try bed.pair { $0.options.maxQueue = 1 << 20 }
        server.keeps = false
        server.connection.readsInput = false
        let message = Self.content(100_000)
        var taken = 0
        // The sockets' own buffers take some first.
        while client.connection.send(.binary, message, compression: .off) == .taken {
            taken += 1
            try bed.net.run(for: .milliseconds(1))
            try #require(taken < 1000)
        }
        #expect(client.connection.send(.binary, message) == .full)
        #expect(client.hadRoom == 0)
        server.connection.readsInput = true
        try bed.run { client.hadRoom == 1 }
        #expect(client.connection.send(.binary, message, compression: .off) == .taken)
        try bed.run { server.bytes == (taken + 1) * message.count }
    }

    @Test func closingSendsWhatWaitsFirst() throws {
        let bed = try WebSocketBed()
        let (client, server) = try bed.pair()
        let message = Self.content(5_000_000)
        client.connection.send(.binary, message)
        client.connection.send(.binary, message)
        client.connection.close(.init(code: 4001, text: "enough"))
        #expect(client.connection.send(.binary, [1]) == .closed)
        try bed.run { server.end != nil }
        #expect(server.messages == [message, message])
        #expect(server.end == .closed(.init(code: 4001, text: "enough"), byPeer: true))
    }

    @Test func aMessageAboveTheLimitEndsTheConnectionWith1009() throws {
        let bed = try WebSocketBed()
        var service = WebSocketService()
        service.options.maxMessage = 1000
        let (client, server) = try bed.pair(service)
        client.connection.send(.binary, [UInt8](repeating: 0, count: 1001), compression: .on)
        try bed.run { server.end != nil && client.end != nil }
        #expect(server.end == .protocolError(reason: "frame or message above the limit", code: 1009))
        guard case .closed(let reason, byPeer: true) = client.end else {
            Issue.record("\(String(describing: client.end))")
            return
        }
        #expect(reason.code == 1009)
    }
}

extension TestCertificate {
    var pem: TLSContext.PEM { .init(Array(certificate.utf8), from: "test.pem") }
    var identity: TLSContext.Identity {
        .init(certificate: pem, key: .init(Array(key.utf8), from: "test.key"))
    }
}
