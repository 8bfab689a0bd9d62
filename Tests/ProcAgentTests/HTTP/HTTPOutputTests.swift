import CLinux
import Glibc
import ProcCore
import ProcIO
import TestSupport
import Testing

@Suite struct HTTPOutputTests {
    static let get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"

    @Test func whatIsMadeMeanwhileComesAsItIsMade() throws {
        var output: HTTPOutput?
        let bed = try HTTPBed { _, responder in
            output = responder.stream(200, [HTTPField("Content-Type", "text/event-stream")])
        }
        let client = try bed.client()
        client.say(Self.get + Self.get)
        try bed.run { client.heardText.hasSuffix("\r\n\r\n") }
        let first = try #require(output)
        first.write(Array("data: 1\n\n".utf8))
        try bed.run { client.heardText.hasSuffix("\r\n9\r\ndata: 1\n\n\r\n") }
        first.write([])
        first.write(Array("data: 2\n\n".utf8))
        first.end()
        try bed.run { client.wholeAnswers() == 1 && output !== first }
        let answer = try #require(try client.answers().first)
        #expect(answer.text == "data: 1\n\ndata: 2\n\n" && answer.fields["transfer-encoding"] == "chunked")
        #expect(answer.fields["content-length"] == nil && answer.fields["content-type"] == "text/event-stream")
        // It has had its end; the next one isn't touched.
        #expect(!first.isOpen && !first.write([1]))
        first.cut()
        output?.end()
        try bed.run { client.wholeAnswers() == 2 }
        #expect(!client.isClosed)
    }

    @Test func aClientOfHTTP10IsToldTheEndByTheEndOfTheConnection() throws {
        let bed = try HTTPBed { _, responder in
            let output = responder.stream(200, [])
            output.write(Array("a".utf8))
            output.write(Array("bc".utf8))
            output.end()
        }
        let answers = try bed.ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        #expect(answers.map(\.text) == ["abc"])
        #expect(answers.first?.fields["transfer-encoding"] == nil && answers.first?.fields["connection"] == "close")
    }

    @Test func aKnownLengthIsSaidAndAShorterBodyIsCut() throws {
        let bed = try HTTPBed { request, responder in
            let output = responder.stream(200, [], length: 4)
            output.write(Array("abc".utf8))
            if request.target.segments.first == "whole" { output.write(Array("d".utf8)) }
            output.end()
        }
        let client = try bed.client()
        client.say("GET /whole HTTP/1.1\r\nHost: h\r\n\r\n")
        try bed.run { client.wholeAnswers() == 1 }
        #expect(try client.answers().first?.fields["content-length"] == "4")
        client.say(Self.get)
        try bed.run { client.isClosed }
        #expect(client.wholeAnswers() == 1)
    }

    @Test(arguments: [true, false])
    func whoLetsGoBeforeTheEndBreaksTheConnection(byCutting: Bool) throws {
        var output: HTTPOutput?
        let bed = try HTTPBed { _, responder in output = responder.stream(200, []) }
        let client = try bed.client()
        client.say(Self.get)
        try bed.run { output != nil }
        output?.write([UInt8](repeating: 65, count: 100))
        try bed.run { client.heardText.hasSuffix("A\r\n") }
        if byCutting { output?.cut() }
        output = nil
        try bed.run { client.isClosed }
        #expect(try client.answers().map(\.isWhole) == [false])
    }

    @Test func aSlowReaderIsWaitedForWithBoundedMemory() throws {
        let piece = [UInt8](repeating: 7, count: 10_000)
        var written = 0
        let total = 5000
        var pauses = 0
        let bed = try HTTPBed { _, responder in
            let output = responder.stream(200, [])
            func fill() {
                while written < total {
                    written += 1
                    guard output.write(piece) else {
                        pauses += 1
                        return
                    }
                }
                output.end()
            }
            output.onRoom { fill() }
            fill()
        }
        let client = try bed.client()
        client.isDeaf = true
        client.say(Self.get)
        try bed.runUntilStill { written }
        #expect(written < 2000 && pauses > 0)
        var sum = 0
        client.onBytes = { bytes in sum += bytes.count { $0 == 7 } }
        client.isDeaf = false
        try bed.run { sum == total * piece.count }
        #expect(written == total)
        try bed.run { bed.server.connectionCount == 1 && pauses > 5 }
    }

    @Test func whoDoesNotWaitForASlowReaderIsCutOff() throws {
        var gone = false
        var output: HTTPOutput?
        let bed = try HTTPBed {
            $0.outputLimit = 1000
        } handler: { _, responder in
            output = responder.stream(200, [])
            output?.onDisconnect { gone = true }
        }
        let client = try bed.client()
        client.isDeaf = true
        client.say(Self.get)
        try bed.run { output != nil }
        var pieces = 0
        while output?.isOpen == true, pieces < 100 {
            output?.write([UInt8](repeating: 1, count: 500))
            pieces += 1
        }
        #expect(gone && pieces < 40)
    }

    @Test(arguments: ["leave", "reset", "finish"])
    func theHandlerIsToldThatTheClientHasGone(how: String) throws {
        var (gone, tokens): (Int, [HTTPOutput]) = (0, [])
        var waiting: [HTTPResponder] = []
        let bed = try HTTPBed { request, responder in
            if request.target.segments.first == "stream" {
                let output = responder.stream(200, [])
                output.onDisconnect { gone += 1 }
                tokens.append(output)
            } else {
                responder.onDisconnect { gone += 1 }
                waiting.append(responder)
            }
        }
        for path in ["/", "/stream"] {
            let client = try bed.client()
            // With the next request behind it.
            client.say("GET \(path) HTTP/1.1\r\nHost: h\r\n\r\nGET /next HTTP/1.1\r\nHost: h\r\n\r\n")
            try bed.run { waiting.count + tokens.count == (path == "/" ? 1 : 2) && client.hasSaidAll }
            switch how {
            case "leave": client.leave()
            case "reset":
                // With something unread, the kernel resets.
                client.isDeaf = true
                tokens.last?.write([1])
                waiting.last?.respond(.text("", 500))
                try bed.net.run(for: .milliseconds(5))
                client.leave()
                continue
            default: client.finish()
            }
            try bed.run { gone == (path == "/" ? 1 : 2) }
        }
        waiting = []
        tokens = []
        try bed.run { bed.server.connectionCount == 0 }
    }

    @Test func whoOnlySaysNoMoreIsAnsweredAllTheSame() throws {
        var held: HTTPResponder?
        var gone = false
        let bed = try HTTPBed { request, responder in
            responder.onDisconnect { gone = true }
            if request.target.segments == ["2"] { held = responder } else { responder.respond(.text("1")) }
        }
        let client = try bed.client()
        client.say("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n")
        client.finish()
        try bed.run { gone }
        held?.respond(.text("2"))
        held = nil
        try bed.run { client.isClosed }
        #expect(try client.answers().map(\.text) == ["1", "2"])
    }
}
