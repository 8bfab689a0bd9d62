import ProcCore
import ProcIO
import TestSupport
import Testing

/// Clients that take their time, with limits of a fraction of a second.
@Suite struct HTTPPatienceTests {
    static let get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"

    @Test(arguments: ["", "GET / HTTP/1.1\r\nHost"])
    func aHeadThatDoesNotComeEndsTheConnection(begin: String) throws {
        let bed = try HTTPBed {
            $0.timeouts.head = .milliseconds(80)
        } handler: { _, _ in
            Issue.record("no request")
        }
        let start = bed.loop.now
        let answers = try bed.ask(begin)
        #expect(bed.loop.now.since(start) >= .milliseconds(80))
        // Whoever said nothing is told nothing.
        #expect(answers.map(\.status) == (begin.isEmpty ? [] : [408]))
        if !begin.isEmpty {
            #expect(answers.first?.text == #"{"error":"the request's head did not come within 80 ms"}"#)
        }
        try bed.run { bed.server.connectionCount == 0 }
    }

    @Test func aHeadByDropsHasNoMoreTimeThanOthers() throws {
        let bed = try HTTPBed {
            $0.timeouts.head = .milliseconds(150)
        } handler: { _, responder in
            responder.respond(.text("fine"))
        }
        let client = try bed.client()
        client.say(Self.get)
        try bed.run { client.wholeAnswers() == 1 }
        let start = bed.loop.now
        client.say("GET / HTTP/1.1\r\nX: ")
        while !client.isClosed, bed.loop.now.since(start) < .seconds(10) {
            client.say("x")
            try bed.net.run(for: .milliseconds(5))
        }
        #expect(try client.answers().map(\.status) == [200, 408])
        #expect(bed.loop.now.since(start) < .seconds(5))
    }

    @Test func anIdleConnectionEndsWithoutAWord() throws {
        let bed = try HTTPBed {
            $0.timeouts.idle = .milliseconds(60)
        } handler: { _, responder in
            responder.respond(.text("fine"))
        }
        let client = try bed.client()
        client.say(Self.get)
        try bed.run { client.isClosed }
        #expect(try client.answers().map(\.status) == [200])
        try bed.run { bed.server.connectionCount == 0 }
    }

    @Test func aConnectionInUseIsNotIdle() throws {
        let bed = try HTTPBed {
            $0.timeouts.idle = .milliseconds(300)
        } handler: { _, responder in
            responder.respond(.text("fine"))
        }
        let client = try bed.client()
        for round in 1...8 {
            client.say(Self.get)
            try bed.run { client.wholeAnswers() == round }
            try bed.net.run(for: .milliseconds(60))
        }
        #expect(!client.isClosed)
    }

    @Test func aBodyThatStopsComingIsGivenUp() throws {
        var gone = false
        let bed = try HTTPBed {
            $0.timeouts.body = .milliseconds(80)
        } handler: { _, responder in
            responder.onDisconnect { gone = true }
            responder.collectBody { _ in responder.respond(.text("a whole body")) }
        }
        let answers = try bed.ask("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabc")
        #expect(answers.map(\.status) == [408] && gone)
        #expect(answers.first?.text == #"{"error":"nothing of the request's body came for 80 ms"}"#)
    }

    @Test func aSlowBodyIsWaitedForAsLongAsItComes() throws {
        let bed = try HTTPBed {
            $0.timeouts.body = .milliseconds(250)
            $0.timeouts.head = .milliseconds(250)
        } handler: { _, responder in
            responder.collectBody { responder.respond(.text("\($0.count)")) }
        }
        let client = try bed.client()
        client.say("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n")
        for _ in 0..<10 {
            try bed.net.run(for: .milliseconds(40))
            client.say("x")
        }
        try bed.run { client.wholeAnswers() == 1 }
        #expect(try client.answers().map(\.text) == ["10"])
    }

    @Test func aHandlerMayTakeItsTime() throws {
        var held: HTTPResponder?
        let bed = try HTTPBed {
            $0.timeouts.head = .milliseconds(30)
            $0.timeouts.body = .milliseconds(30)
            $0.timeouts.idle = .milliseconds(3000)
            $0.timeouts.write = .milliseconds(30)
        } handler: { _, responder in
            held = responder
        }
        let client = try bed.client()
        client.say(Self.get)
        try bed.net.run(for: .milliseconds(200))
        held?.respond(.text("late"))
        try bed.run { client.wholeAnswers() == 1 }
        held = nil
    }

    @Test func whoTakesNothingOfAResponseIsCutOff() throws {
        var gone = false
        let bed = try HTTPBed {
            $0.timeouts.write = .milliseconds(150)
        } handler: { _, responder in
            responder.onDisconnect { gone = true }
            responder.respond(HTTPResponse(200, [], .bytes([UInt8](repeating: 1, count: 30_000_000))))
        }
        let client = try bed.client()
        client.isDeaf = true
        client.say(Self.get)
        try bed.run { bed.server.connectionCount == 1 }
        try bed.run { bed.server.connectionCount == 0 }
        // It had been answered in full, as far as the handler is concerned.
        #expect(!gone)
        client.isDeaf = false
        try bed.run { client.isClosed }
        #expect(client.wholeAnswers() == 0)
    }

    @Test func whoTakesALittleNowAndThenIsNot() throws {
        let size = 8_000_000
        let bed = try HTTPBed {
            $0.timeouts.write = .milliseconds(250)
        } handler: { _, responder in
            responder.respond(HTTPResponse(200, [], .bytes([UInt8](repeating: 1, count: size))))
        }
        let client = try bed.client()
        client.isDeaf = true
        client.say(Self.get)
        var sum = 0
        var reads = 0
        client.onBytes = { bytes in
            sum += bytes.count
            reads += 1
            client.isDeaf = true
        }
        while sum < size, reads < 1000, !client.isClosed {
            try bed.net.run(for: .milliseconds(10))
            client.isDeaf = false
        }
        #expect(sum > size && !client.isClosed)
    }

    @Test func whoDoesNotCloseIsNotWaitedForForever() throws {
        let bed = try HTTPBed {
            $0.timeouts.linger = .milliseconds(80)
        } handler: { _, responder in
            responder.respond(.text("bye"))
        }
        let client = try bed.client()
        client.isDeaf = true
        client.say("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        try bed.run { bed.server.connectionCount == 1 }
        try bed.run { bed.server.connectionCount == 0 }
        client.isDeaf = false
        try bed.run { client.isClosed }
        #expect(try client.answers().map(\.text) == ["bye"])
    }
}
