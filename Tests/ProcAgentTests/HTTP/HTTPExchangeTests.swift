import Glibc
import ProcCore
import ProcIO
import TestSupport
import Testing

@Suite struct HTTPExchangeTests {
    /// Says what it was asked.
    static func echo(_ request: HTTPRequest, responder: HTTPResponder) {
        let query = request.target.query.map { "\($0.name)=\($0.value ?? "-")" }.joined(separator: ",")
        responder.respond(.text("\(request.method) \(request.target.segments) \(query)"))
    }

    @Test func aRequestIsAnsweredWithDateAndLengthAndTheConnectionStays() throws {
        let bed = try HTTPBed(handler: Self.echo)
        let client = try bed.client()
        for round in 1...3 {
            client.say("GET /a%20b/\(round)?x=1&y HTTP/1.1\r\nHost: h\r\n\r\n")
            try bed.run { client.wholeAnswers() == round }
        }
        let answers = try client.answers()
        #expect(answers.map(\.text) == (1...3).map { "GET [\"a b\", \"\($0)\"] x=1,y=-" })
        #expect(answers[0].status == 200 && answers[0].fields["content-type"] == "text/plain")
        #expect(answers[0].fields["connection"] == nil)
        let date = try #require(answers[0].fields["date"])
        let now = WallTime.now
        let recent = (0..<30).map { WallTime(nanoseconds: now.nanoseconds - $0 * 1_000_000_000).httpDate }
        #expect(recent.contains(date))
        #expect(!client.isClosed && bed.server.connectionCount == 1)
    }

    @Test func theHandlerIsToldWhoAsks() throws {
        var peer: HTTPPeer?
        let bed = try HTTPBed { request, responder in
            peer = request.peer
            #expect(request.certificateSubject == nil && request.value(of: "x-A") == "b c" && request.body == .none)
            #expect(request.head.list(of: "Accept") == "a, b" && request.head.authority == "h:80")
            responder.respond(.text(""))
        }
        _ = try bed.ask(
            "GET / HTTP/1.1\r\nHost: h:80\r\nX-a:  b c \r\nAccept: a\r\naccept: b\r\nConnection: close\r\n\r\n")
        guard case .address(let address) = peer else {
            Issue.record("\(String(describing: peer))")
            return
        }
        #expect(address.ip == .loopbackV4 && address.port != 0)
    }

    static let endings: [(String, Bool)] = [
        ("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", false),
        ("GET / HTTP/1.1\r\nHost: h\r\nConnection: x, Close\r\n\r\n", false), ("GET / HTTP/1.0\r\n\r\n", false),
        ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true),
        ("GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive\r\n\r\n", true),
    ]

    @Test(arguments: endings)
    func theConnectionEndsAsTheClientWishes(request: String, stays: Bool) throws {
        let bed = try HTTPBed(handler: Self.echo)
        let client = try bed.client()
        client.say(request)
        try bed.run { client.isClosed || (stays && !client.heard.isEmpty) }
        let answers = try client.answers()
        #expect(answers.count == 1 && answers[0].isWhole)
        let isOld = request.contains("HTTP/1.0")
        #expect(answers.first?.fields["connection"] == (stays ? (isOld ? "keep-alive" : nil) : "close"))
    }

    @Test func aHandlerMayEndTheConnection() throws {
        let bed = try HTTPBed { _, responder in
            var response = HTTPResponse.text("bye", 503)
            response.closes = true
            responder.respond(response)
        }
        let answers = try bed.ask("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(answers.map(\.text) == ["bye"])
        #expect(answers.first?.fields["connection"] == "close")
    }

    @Test func headHasTheFieldsOfGetAndNoBody() throws {
        let bed = try HTTPBed { request, responder in
            switch request.target.segments.first {
            case "stream":
                let output = responder.stream(200, [])
                #expect(output.isOpen == (request.method == "GET"))
                output.write(Array("part".utf8))
                output.end()
            case "file":
                let file = SharedFD(OwnedFD(adopting: open("/etc/passwd", O_RDONLY | O_CLOEXEC)))
                responder.respond(HTTPResponse(200, [], .file(file, offset: 0, count: 7)))
            default: responder.respond(.text("twelve bytes"))
            }
        }
        for path in ["/", "/stream", "/file"] {
            let client = try bed.client()
            client.say("HEAD \(path) HTTP/1.1\r\nHost: h\r\n\r\nGET \(path) HTTP/1.1\r\nHost: h\r\n\r\n")
            try bed.run { client.wholeAnswers(to: ["HEAD"]) == 2 }
            let answers = try client.answers(to: ["HEAD"])
            var fields = answers.map(\.fields)
            for index in fields.indices { fields[index]["date"] = nil }
            #expect(fields[0] == fields[1] && !answers[1].body.isEmpty, "\(path)")
        }
    }

    @Test(arguments: [UInt16(204), 304])
    func someAnswersHaveNoBody(status: UInt16) throws {
        let bed = try HTTPBed { _, responder in responder.respond(HTTPResponse(status, [HTTPField("ETag", "\"a\"")])) }
        let answers = try bed.ask(
            "GET / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        #expect(answers.map(\.status) == [Int(status), Int(status)])
        #expect(answers.allSatisfy { $0.fields["content-length"] == nil && $0.fields["etag"] == "\"a\"" })
    }

    /// Requests in a row, and what the server of the test below answers to each.
    static func row(_ count: Int, _ random: inout SeededGenerator) -> (text: String, answers: [String]) {
        var (text, answers) = ("", [String]())
        for number in 0..<count {
            switch random.next() % 4 {
            case 0:
                text += "POST /\(number) HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabcde"
                answers.append("\(number):abcde")
            case 1:
                text += "PUT /\(number) HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                text += "3;x=y\r\nabc\r\n00A\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n"
                answers.append("\(number):abc0123456789")
            default:
                text += "GET /\(number) HTTP/1.1\r\nHost: h\r\n\r\n"
                answers.append("\(number):")
            }
        }
        return (text, answers)
    }

    @Test func requestsInAnyPiecesAreAnsweredInOrderAtOnceOrLater() throws {
        var random = SeededGenerator(seed: 6)
        var later: [() -> Void] = []
        let bed = try HTTPBed { request, responder in
            let name = request.target.segments[0]
            responder.collectBody { body in
                let answer = { responder.respond(.text("\(name):\(String(decoding: body, as: UTF8.self))")) }
                if name.hasSuffix("3") { later.append(answer) } else { answer() }
            }
        }
        for round in 0..<30 {
            let (text, expected) = Self.row(12, &random)
            let client = try bed.client()
            var rest = Array(text.utf8)[...]
            while !rest.isEmpty {
                let size = round == 0 ? 1 : Int(random.next() % (round < 15 ? 20 : 400)) + 1
                client.say(Array(rest.prefix(size)))
                rest = rest.dropFirst(size)
                try bed.run { client.hasSaidAll }
            }
            try bed.run {
                later.popLast()?()
                return client.wholeAnswers() == expected.count
            }
            #expect(try client.answers().map(\.text) == expected)
        }
    }

    @Test func aThousandRequestsAtOnceAreAnsweredAndOthersHaveTheirTurn() throws {
        var order: [String] = []
        let bed = try HTTPBed { request, responder in
            order.append(request.target.segments[0])
            responder.respond(.text(request.target.segments[0]))
        }
        let hasty = try bed.client()
        let other = try bed.client()
        hasty.say((0..<1000).map { "GET /\($0) HTTP/1.1\r\nHost: h\r\n\r\n" }.joined())
        other.say("GET /other HTTP/1.1\r\nHost: h\r\n\r\n")
        try bed.run { order.count == 1001 }
        try bed.run { hasty.heardText.hasSuffix("999") }
        #expect(try hasty.answers().map(\.text) == (0..<1000).map { "\($0)" })
        #expect(order.firstIndex(of: "other") ?? 1000 < 900)
    }

    @Test func whatIsNotReadHoldsUpTheRequestsBehindIt() throws {
        var asked = 0
        let bed = try HTTPBed { _, responder in
            asked += 1
            responder.respond(HTTPResponse(200, [], .bytes([UInt8](repeating: 7, count: 100_000))))
        }
        let client = try bed.client()
        client.isDeaf = true
        client.say(String(repeating: "GET / HTTP/1.1\r\nHost: h\r\n\r\n", count: 400))
        // The buffers of both systems take some megabytes.
        try bed.runUntilStill { asked }
        let before = asked
        #expect(before < 390)
        client.isDeaf = false
        try bed.run { asked == 400 && client.heardCount >= 400 * 100_000 }
    }

    @Test func whoLetsGoOfARequestHasItAnsweredWithAnError() throws {
        let bed = try HTTPBed { _, _ in }
        let answers = try bed.ask("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(answers.map(\.status) == [500])
        #expect(answers.first?.text == #"{"error":"the request was not answered"}"#)
        #expect(answers.first?.fields["content-type"] == "application/json")
    }

    @Test(arguments: ["a\r\nX: y", "a\nb", "a\0b", "a\u{7f}"])
    func aFieldThatWouldBreakTheHeadIsNotSent(value: String) throws {
        let bed = try HTTPBed { _, responder in
            responder.respond(HTTPResponse(200, [HTTPField("A", "b"), HTTPField("Location", value)]))
        }
        let answers = try bed.ask("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(answers.map(\.status) == [500])
        #expect(answers.first?.fields["a"] == nil)
    }

    @Test func theErrorsOfTheServerAreOfTheShapeThatItsOwnerWants() throws {
        let bed = try HTTPBed {
            $0.errorBody = { status, reason in Array("\(status): \(reason)".utf8) }
            $0.errorType = "text/plain"
        } handler: { _, responder in
            responder.respond(.text(""))
        }
        let answers = try bed.ask("GET\r\n\r\n")
        #expect(answers.first?.text == "400: the first line has not the three parts it needs")
        #expect(answers.first?.fields["content-type"] == "text/plain")
    }

    @Test func aSecondAnswerHasNoEffect() throws {
        let bed = try HTTPBed { request, responder in
            #expect(responder.isOpen)
            responder.respond(.text("first"))
            #expect(!responder.isOpen)
            responder.respond(.text("second"))
            let output = responder.stream(200, [])
            #expect(!output.isOpen && !output.write([1]))
            output.end()
            output.cut()
            responder.collectBody { _ in Issue.record("a body for nobody") }
        }
        let answers = try bed.ask("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        #expect(answers.map(\.text) == ["first"])
    }
}
