import ProcCore
import ProcIO
import TestSupport
import Testing

@Suite struct HTTPBodyTests {
    static let post = "POST / HTTP/1.1\r\nHost: h\r\n"

    /// Answers with the number of bytes.
    static func count(_: HTTPRequest, responder: HTTPResponder) {
        responder.collectBody(upTo: 1000) { responder.respond(.text("\($0.count)")) }
    }

    @Test func aBodyMayHaveTheLimitAndNoMore() throws {
        let bed = try HTTPBed(handler: Self.count)
        func statuses(_ text: String) throws -> [Int] { try bed.ask(text).map(\.status) }
        let body = String(repeating: "x", count: 1000)
        let close = "Connection: close\r\n"
        #expect(try statuses(Self.post + close + "Content-Length: 1000\r\n\r\n" + body) == [200])
        #expect(
            try statuses(Self.post + close + "Transfer-Encoding: chunked\r\n\r\n3e8\r\n\(body)\r\n0\r\n\r\n") == [200])
        #expect(try statuses(Self.post + "Transfer-Encoding: chunked\r\n\r\n3e8\r\n\(body)\r\n1\r\n") == [413])
        #expect(try statuses(Self.post + "Transfer-Encoding: chunked\r\n\r\n3e9\r\n") == [413])
        // By what is said, before anything of it is there.
        #expect(try statuses(Self.post + "Content-Length: 1001\r\n\r\n") == [413])
        #expect(try statuses(Self.post + "Expect: 100-continue\r\nContent-Length: 1001\r\n\r\n") == [413])
    }

    @Test func theServersLimitHoldsWhereTheHandlerHasNone() throws {
        let bed = try HTTPBed {
            $0.bodyLimit = 10
        } handler: { _, responder in
            responder.collectBody { responder.respond(.text("\($0.count)")) }
        }
        let answers = try bed.ask(
            Self.post + "Content-Length: 10\r\n\r\n0123456789" + Self.post + "Content-Length: 11\r\n\r\n")
        #expect(answers.map(\.status) == [200, 413])
        #expect(answers.last?.text == #"{"error":"the body is too large"}"#)
    }

    @Test func aRequestWithoutABodyHasAnEmptyOne() throws {
        let bed = try HTTPBed(handler: Self.count)
        let answers = try bed.ask(
            "GET / HTTP/1.1\r\nHost: h\r\n\r\n\(Self.post)Content-Length: 0\r\n\r\n\(Self.post)Connection: close\r\n\r\n"
        )
        #expect(answers.map(\.text) == ["0", "0", "0"])
    }

    @Test func continueIsSaidWhenTheBodyIsWantedAndNotBefore() throws {
        var proceed: (() -> Void)?
        let bed = try HTTPBed { request, responder in proceed = { Self.count(request, responder: responder) } }
        let client = try bed.client()
        client.say(Self.post + "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        try bed.run { proceed != nil }
        try bed.net.run(for: .milliseconds(20))
        #expect(client.heard.isEmpty)
        proceed?()
        try bed.run { client.heardText == "HTTP/1.1 100 Continue\r\n\r\n" }
        client.say("abc")
        try bed.run { client.wholeAnswers() == 2 }
        #expect(try client.answers().map(\.status) == [100, 200])
        #expect(try client.answers().last?.text == "3")
    }

    @Test func continueIsNotSaidToThoseWhoDontWait() throws {
        let bed = try HTTPBed(handler: Self.count)
        let answers = try bed.ask(
            Self.post + "Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc"
                + "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\na")
        #expect(answers.map(\.status) == [200, 200])
    }

    @Test func whoWaitsForContinueAndIsRefusedLosesTheConnection() throws {
        let bed = try HTTPBed { _, responder in responder.respond(.text("no", 403)) }
        let answers = try bed.ask(Self.post + "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        #expect(answers.map(\.status) == [403])
        #expect(answers.first?.fields["connection"] == "close")
    }

    @Test func aSmallBodyNobodyWantedIsPassedOver() throws {
        let bed = try HTTPBed {
            $0.skippedBody = 1000
        } handler: { request, responder in
            responder.respond(.text("\(request.body)"))
        }
        let client = try bed.client()
        client.say(Self.post + "Content-Length: 1000\r\n\r\n" + String(repeating: "GET / ", count: 100))
        try bed.run { client.wholeAnswers() == 1 }
        client.say(String(repeating: "HTTP", count: 100) + "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        try bed.run { client.wholeAnswers() == 2 }
        #expect(try client.answers().map(\.text) == ["length(1000)", "none"])
    }

    @Test(arguments: ["Content-Length: 1001\r\n", "Transfer-Encoding: chunked\r\n"])
    func aLargeBodyNobodyWantedEndsTheConnection(field: String) throws {
        let bed = try HTTPBed {
            $0.skippedBody = 1000
        } handler: { _, responder in
            responder.respond(.text("no", 404))
        }
        let answers = try bed.ask(Self.post + field + "\r\n" + String(repeating: "x", count: 500_000))
        #expect(answers.map(\.status) == [404])
        #expect(answers.first?.fields["connection"] == "close")
    }

    @Test func aBodyIsHandedOnAsItComesAndCanBeHeldUp() throws {
        var received: UInt64 = 0
        var (isComplete, mayGoOn): (Bool?, Bool) = (nil, false)
        var held: HTTPResponder?
        let bed = try HTTPBed { _, responder in
            held = responder
            responder.receiveBody { bytes in
                received += UInt64(bytes.count)
                if !mayGoOn { responder.pauseBody() }
            } ended: { whole in
                isComplete = whole
                held = nil
                responder.respond(.text("\(received)"))
            }
        }
        let client = try bed.client()
        let size = 50_000_000
        client.say(Self.post + "Content-Length: \(size)\r\n\r\n")
        client.say([UInt8](repeating: 1, count: size))
        try bed.run { received > 0 }
        try bed.net.run(for: .milliseconds(50))
        // What was in hand when it was held up, and no more; the rest is the client's.
        #expect(received <= 32 << 10 && !client.hasSaidAll)
        mayGoOn = true
        held?.resumeBody()
        try bed.run { client.wholeAnswers() == 1 }
        #expect(isComplete == true)
        #expect(try client.answers().first?.text == "\(size)")
    }

    @Test func whoLeavesWithinABodyIsReported() throws {
        var ended: [Bool] = []
        var gone = 0
        let bed = try HTTPBed { request, responder in
            responder.onDisconnect { gone += 1 }
            if request.target.segments.first == "collected" {
                responder.collectBody { _ in ended.append(true) }
            } else {
                responder.receiveBody { _ in
                } ended: {
                    ended.append($0)
                }
            }
        }
        for (path, leaves) in [("/collected", true), ("/collected", false), ("/", true), ("/", false)] {
            let client = try bed.client()
            client.say("POST \(path) HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc")
            try bed.run { client.hasSaidAll && bed.server.connectionCount == 1 }
            if leaves { client.leave() } else { client.finish() }
            try bed.run { bed.server.connectionCount == 0 }
        }
        #expect(ended == [false, false] && gone == 4)
    }

    @Test func anAnswerBeforeTheEndOfTheBodyStands() throws {
        var ended: Bool?
        let bed = try HTTPBed { _, responder in
            responder.receiveBody { _ in
                responder.respond(.text("enough"))
            } ended: {
                ended = $0
            }
        }
        let answers = try bed.ask(
            Self.post + "Content-Length: 9000000\r\n\r\n" + String(repeating: "x", count: 2_000_000))
        #expect(answers.map(\.text) == ["enough"])
        #expect(ended == false)
    }
}
