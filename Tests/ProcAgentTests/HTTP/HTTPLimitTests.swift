import CLinux
import Glibc
import ProcCore
import ProcIO
import TestSupport
import Testing

@Suite struct HTTPLimitTests {
    static let get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
    static func fine(_: HTTPRequest, responder: HTTPResponder) { responder.respond(.text("fine")) }

    @Test func whoIsOneTooManyIsToldToComeAgain() throws {
        let bed = try HTTPBed {
            $0.connectionLimit = 2
            $0.retryAfter = .milliseconds(1500)
        } handler: {
            Self.fine($0, responder: $1)
        }
        let guests = [try bed.client(), try bed.client()]
        try bed.run { bed.server.connectionCount == 2 }
        let answers = try bed.ask(Self.get)
        #expect(answers.map(\.status) == [503])
        #expect(answers.first?.fields["retry-after"] == "2" && answers.first?.fields["connection"] == "close")
        _ = try bed.ask(Self.get)
        // Once, not for each.
        #expect(bed.notices == ["2 HTTP connections are open: others are answered with 503"])
        guests[0].leave()
        try bed.run { bed.server.connectionCount == 1 }
        let next = try bed.client()
        next.say(Self.get)
        try bed.run { next.wholeAnswers() == 1 }
        guests[1].say(Self.get)
        try bed.run { guests[1].wholeAnswers() == 1 }
    }

    @Test func beyondThatTheyWaitUntilThereIsRoom() throws {
        let bed = try HTTPBed {
            $0.connectionLimit = 1
            $0.refusalLimit = 2
        } handler: {
            Self.fine($0, responder: $1)
        }
        let guest = try bed.client()
        try bed.run { bed.server.connectionCount == 1 }
        // They don't close, and so hold the places of those who are told.
        let crowd = try (0..<5).map { _ in try bed.client() }
        for client in crowd { client.isDeaf = true }
        try bed.run { bed.server.connectionCount == 3 }
        try bed.net.run(for: .milliseconds(50))
        #expect(bed.server.connectionCount == 3)
        guest.leave()
        for client in crowd { client.isDeaf = false }
        try bed.run { crowd.allSatisfy { $0.isClosed || $0.isOpen } && bed.server.connectionCount <= 1 }
        let next = try bed.client()
        for client in crowd { client.leave() }
        next.say(Self.get)
        try bed.run { next.wholeAnswers() == 1 }
        #expect(try next.answers().first?.status == 200)
    }

    @Test func aThousandConnectionsAreServedSideBySide() throws {
        let bed = try HTTPBed { request, responder in responder.respond(.text(request.target.segments[0])) }
        let clients = try (0..<1000).map { _ in try bed.client() }
        try bed.run { bed.server.connectionCount == 1000 }
        for round in 0..<2 {
            for (number, client) in clients.enumerated() {
                client.say("GET /\(number)-\(round) HTTP/1.1\r\nHost: h\r\n\r\n")
            }
            try bed.run { clients.allSatisfy { $0.heardText.hasSuffix("-\(round)") } }
        }
        for (number, client) in clients.enumerated() {
            #expect(try client.answers().map(\.text) == ["\(number)-0", "\(number)-1"])
        }
        for client in clients { client.leave() }
        try bed.run { bed.server.connectionCount == 0 }
    }

    // MARK: The end

    @Test func theEndWaitsForWhatIsUnderWayAndForNothingElse() throws {
        var held: HTTPResponder?
        let bed = try HTTPBed { request, responder in
            if request.target.segments == ["long"] {
                held = responder
            } else {
                Self.fine(request, responder: responder)
            }
        }
        let (idle, silent, busy) = (try bed.client(), try bed.client(), try bed.client())
        idle.say(Self.get)
        busy.say("GET /long HTTP/1.1\r\nHost: h\r\n\r\n" + Self.get)
        try bed.run { idle.wholeAnswers() == 1 && held != nil && bed.server.connectionCount == 3 }
        var isOver = false
        bed.server.finish(within: .seconds(20)) { isOver = true }
        #expect(!isOver)
        try bed.run { idle.isClosed && silent.isClosed }
        #expect(throws: SystemError.self) { try RawSocket.connected(to: bed.address) }
        #expect(!isOver && !busy.isClosed)
        held?.respond(.text("done"))
        try bed.run { busy.isClosed && isOver }
        #expect(try busy.answers().map(\.text) == ["done"])
        #expect(try busy.answers().first?.fields["connection"] == "close")
        held = nil
    }

    @Test func whatIsNotOverWhenTheGraceIsIsCut() throws {
        var gone = 0
        var outputs: [HTTPOutput] = []
        let bed = try HTTPBed { _, responder in
            let output = responder.stream(200, [])
            output.onDisconnect { gone += 1 }
            outputs.append(output)
        }
        let client = try bed.client()
        client.say(Self.get)
        try bed.run { outputs.count == 1 }
        var isOver = false
        bed.server.finish(within: .milliseconds(50)) { isOver = true }
        try bed.run { isOver }
        #expect(gone == 1 && outputs[0].isOpen == false && bed.server.connectionCount == 0)
        try bed.run { client.isClosed }
        #expect(client.wholeAnswers() == 0)
    }

    @Test func aServerWithoutConnectionsIsOverAtOnceButNotWithinTheCall() throws {
        let bed = try HTTPBed(handler: Self.fine)
        var isOver = false
        bed.server.finish(within: .seconds(20)) { isOver = true }
        #expect(!isOver)
        try bed.run { isOver }
    }

    @Test func whenTheServerGoesAllGoes() throws {
        let net = try NetBed()
        var held: [HTTPResponder] = []
        var gone = 0
        var server: HTTPServer? = HTTPServer(
            loop: net.loop, files: try Worker(loop: net.loop, name: "files")
        ) { _, responder in
            responder.onDisconnect { gone += 1 }
            held.append(responder)
        }
        let address = try #require(try server?.listen(on: SocketAddress(.loopbackV4, port: 0)))
        let client = try RawSocket.connected(to: address)
        RawSocket.say(Array(Self.get.utf8), on: client)
        try net.run { held.count == 1 }
        server = nil
        #expect(gone == 1)
        #expect(!held[0].isOpen)
        held[0].respond(.text("too late"))
        held = []
        var byte: UInt8 = 0
        #expect(read(client.rawValue, &byte, 1) == 0)
        try net.run(for: .milliseconds(5))
    }
}
