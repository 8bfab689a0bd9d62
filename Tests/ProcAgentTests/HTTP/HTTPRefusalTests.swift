import ProcCore
import ProcIO
import TestSupport
import Testing

/// What can't be read, or could be read in two ways, is refused, and the connection with it.
@Suite struct HTTPRefusalTests {
    static let post = "POST / HTTP/1.1\r\nHost: h\r\n"
    static let get = "GET / HTTP/1.1\r\nHost: h\r\n"

    /// What is said, and the status of the answer.
    struct Case: CustomTestStringConvertible {
        let text: String
        let status: Int

        init(_ text: String, _ status: Int) {
            self.text = text
            self.status = status
        }

        var testDescription: String { "\(String(reflecting: text).prefix(80)), \(status)" }
    }

    static let malformed: [Case] = [
        // First lines.
        Case("GET /\r\n\r\n", 400), Case("GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        Case("\r\nGET / HTTP/1.1\r\n\r\n", 400),
        Case("GET / HTTP/1.1 \r\nHost: h\r\n\r\n", 400), Case("G@T / HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        Case("GET a HTTP/1.1\r\nHost: h\r\n\r\n", 400), Case("GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        Case("GET /\u{e9} HTTP/1.1\r\nHost: h\r\n\r\n", 400), Case("GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        Case("GET /%ff HTTP/1.1\r\nHost: h\r\n\r\n", 400), Case("GET /%00 HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        Case("GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505), Case("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        Case("GET / HTTP/1.2\r\nHost: h\r\n\r\n", 505), Case("GET / HTTP/1.9\r\nHost: h\r\n\r\n", 505),
        Case("GET / http/1.1\r\nHost: h\r\n\r\n", 400), Case("\u{16}\u{3}\u{1}\u{2}", 400),
        Case("GET /\(String(repeating: "a", count: 9000)) HTTP/1.1\r\nHost: h\r\n\r\n", 414),
        // Fields.
        Case("GET / HTTP/1.1\r\n\r\n", 400), Case(get + "Host: i\r\n\r\n", 400),
        Case("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        Case(get + "a : b\r\n\r\n", 400), Case(get + "a\r\n\r\n", 400), Case(get + ": b\r\n\r\n", 400),
        Case(get + "a: b\u{1}\r\n\r\n", 400),
        Case(get + "a: b\0c\r\n\r\n", 400), Case(get + "a: b\rc\r\n\r\n", 400), Case(get + "a: b\n\r\n", 400),
        Case(get + "\n", 400), Case(get + "a: b\r\n c\r\n\r\n", 400), Case(get + "\tc: d\r\n\r\n", 400),
        Case(get + "a: \(String(repeating: "b", count: 9000))\r\n\r\n", 431),
        Case(get + String(repeating: "a: b\r\n", count: 101) + "\r\n", 431),
        Case(get + String(repeating: "a: \(String(repeating: "b", count: 8000))\r\n", count: 3), 431),
        Case(get + "Expect: 200-ok\r\n\r\n", 417),
        Case(post + "Expect: 100-continue, x\r\nContent-Length: 1\r\n\r\n", 417),
    ]

    @Test(arguments: malformed)
    func whatCannotBeReadIsRefused(example: Case) throws {
        let bed = try HTTPBed { _, responder in responder.respond(.text("fine")) }
        let answers = try bed.ask(example.text)
        #expect(answers.map(\.status) == [example.status])
        let answer = try #require(answers.first)
        #expect(answer.fields["connection"] == "close" && answer.fields["content-type"] == "application/json")
        #expect(answer.text.hasPrefix(#"{"error":""#) && answer.text.hasSuffix(#""}"#) && answer.isWhole)
    }

    /// Each has a request in it that somebody else would see, or not.
    static let smuggled: [(String, Int)] = [
        ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", 400),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", 400),
        ("Content-Length: 5\r\nContent-Length: 6\r\n", 400), ("Content-Length: 5\r\nContent-Length: 5\r\n", 400),
        ("Content-Length: 5, 5\r\n", 400), ("Content-Length: +5\r\n", 400), ("Content-Length: -5\r\n", 400),
        ("Content-Length: 0x5\r\n", 400), ("Content-Length: 5 5\r\n", 400), ("Content-Length:\r\n", 400),
        ("Content-Length: 5;\r\n", 400), ("Content-Length: 99999999999999999999\r\n", 413),
        ("Transfer-Encoding: xchunked\r\n", 501), ("Transfer-Encoding: chunked, identity\r\n", 501),
        ("Transfer-Encoding: identity\r\n", 501), ("Transfer-Encoding: gzip, chunked\r\n", 501),
        ("Transfer-Encoding: \"chunked\"\r\n", 501), ("Transfer-Encoding: chunked;a=b\r\n", 501),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 501),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n", 501), ("Transfer-Encoding:\r\n", 501),
        ("Transfer-Encoding : chunked\r\n", 400), ("Transfer-Encoding\u{b}: chunked\r\n", 400),
        ("Transfer-Encoding: \u{b}chunked\r\n", 400), ("Transfer-Encoding:\r\n chunked\r\n", 400),
        ("X: y\nTransfer-Encoding: chunked\r\n", 400), ("X: y\rTransfer-Encoding: chunked\r\n", 400),
        (" Transfer-Encoding: chunked\r\n", 400), ("Content-Length : 5\r\n", 400),
        ("Content-Length: 5\n", 400), ("Content_Length: 5\r\n Content-Length: 5\r\n", 400),
    ]

    @Test(arguments: smuggled)
    func aBodyWhoseEndIsInDoubtIsRefusedWithAllBehindIt(fields: String, status: Int) throws {
        var asked: [String] = []
        let bed = try HTTPBed { request, responder in
            asked += request.target.segments
            responder.collectBody { _ in responder.respond(.text("fine")) }
        }
        let answers = try bed.ask(Self.post + fields + "\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(answers.map(\.status) == [status])
        #expect(asked.isEmpty)
    }

    @Test func transferEncodingInHTTP10IsRefused() throws {
        let bed = try HTTPBed { _, responder in responder.respond(.text("fine")) }
        let answers = try bed.ask("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
        #expect(answers.map(\.status) == [400])
    }

    static let chunks = [
        "5 \r\nabcde\r\n0\r\n\r\n", "0x5\r\nabcde\r\n0\r\n\r\n", "5\nabcde\r\n0\r\n\r\n", "5\r\nabcdef\r\n0\r\n\r\n",
        "5\r\nabcde0\r\n\r\n", "-5\r\nabcde\r\n", "\r\nabcde", "g\r\n", "5;a\nb\r\nabcde\r\n0\r\n\r\n",
        "ffffffffffffffff1\r\n", "5\r\nabcde\r\n0\r\nTrailer : x\r\n\r\n", "5\r\nabcde\r\n0\r\n x\r\n\r\n",
        "5\r\nabcde\n0\r\n\r\n",
    ]

    @Test(arguments: chunks)
    func chunksThatCouldBeReadInTwoWaysAreRefused(body: String) throws {
        var (collected, gone) = (false, false)
        let bed = try HTTPBed { _, responder in
            responder.onDisconnect { gone = true }
            responder.collectBody { _ in
                collected = true
                responder.respond(.text("fine"))
            }
        }
        let answers = try bed.ask(
            Self.post + "Transfer-Encoding: chunked\r\n\r\n" + body + "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(answers.map(\.status) == [body.hasPrefix("ffff") ? 413 : 400])
        #expect(!collected && gone)
    }

    @Test func whatCameBeforeIsAnsweredFirst() throws {
        let bed = try HTTPBed { request, responder in responder.respond(.text(request.target.segments[0])) }
        let answers = try bed.ask(
            "GET /a HTTP/1.1\r\nHost: h\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\nnonsense \r\n\r\n")
        #expect(answers.map(\.status) == [200, 200, 400])
        #expect(answers.prefix(2).map(\.text) == ["a", "b"])
    }

    @Test func theAnswerIsReadAlsoByWhoSendsOn() throws {
        let bed = try HTTPBed { _, responder in responder.respond(.text("fine")) }
        let client = try bed.client()
        client.say("nonsense \r\n\r\n" + String(repeating: "x", count: 3_000_000))
        try bed.run { client.isClosed }
        #expect(try client.answers().map(\.status) == [400])
        #expect(client.end == nil || client.end == .finished)
    }

    @Test func theLimitsOfHeadsAreTheOwners() throws {
        let bed = try HTTPBed {
            $0.head.head = 200
            $0.head.line = 100
            $0.head.fields = 3
        } handler: { _, responder in
            responder.respond(.text("fine"))
        }
        func status(_ text: String) throws -> Int? { try bed.ask(text).first?.status }
        let close = "Connection: close\r\n"
        #expect(try status(Self.get + close + "A: b\r\n\r\n") == 200)
        #expect(try status(Self.get + close + "A: b\r\nC: d\r\n\r\n") == 431)
        #expect(try status("GET /\(String(repeating: "a", count: 100)) HTTP/1.1\r\n\r\n") == 414)
        #expect(try status(Self.get + "A: \(String(repeating: "b", count: 100))\r\n\r\n") == 431)
        let field = "A: \(String(repeating: "b", count: 90))\r\n"
        #expect(try status(Self.get + field + field + "\r\n") == 431)
        // However it comes.
        let client = try bed.client()
        for byte in (Self.get + field + field).utf8 where !client.isClosed {
            client.say([byte])
            try bed.run { client.hasSaidAll }
        }
        try bed.run { client.isClosed }
        #expect(try client.answers().map(\.status) == [431])
    }
}
