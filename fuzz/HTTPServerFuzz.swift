internal import CWebSocket

/// A client's bytes, read by the server's side of a connection in random pieces, with answers that come at any time:
/// the requests and the answers are the same as when all comes at once, and every answer is HTTP.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>, _ size: Int) -> CInt {
    guard size > 1 else { return 0 }
    // A line's end makes it look at what it has of a head.
    let input = Array(UnsafeBufferPointer(start: data + 1, count: size - 1)) + [UInt8(ascii: "\n")]
    input.withUnsafeBufferPointer { check($0, seed: UInt64(data[0])) }
    return 0
}

private func check(_ bytes: UnsafeBufferPointer<UInt8>, seed: UInt64) {
    let whole = Server(pace: .atOnce).run(bytes)
    for round in 0..<2 {
        let cut = Server(pace: .random(seed: seed << 1 | UInt64(round))).run(bytes)
        precondition(cut.events == whole.events, "other requests when the bytes come in pieces")
        precondition(cut.output == whole.output, "other answers when the bytes come in pieces")
        precondition(cut.isClosing == whole.isClosing, "another end when the bytes come in pieces")
    }
    checkResponses(whole)
}

private struct Outcome {
    /// Requests with what came of their bodies, and failures.
    var events: [[UInt8]] = []
    /// Without interim responses, which depend on when the bytes come.
    var output: [UInt8] = []
    var isClosing = false
    /// The methods that the answers are to.
    var asked: [Bool] = []
    /// Whether the connection was to break, or the bytes ended within an answer.
    var isCut = false
}

/// A handler of requests that does with each what its bytes say, whenever it gets round to it.
private final class Server {
    enum Pace {
        case atOnce
        case random(seed: UInt64)
    }

    private static let interim = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)
    private static let pieces = [Array("piece".utf8), [UInt8](repeating: 120, count: 20_000), Array("last".utf8)]

    private var conversation: HTTPConversation
    private var outcome = Outcome()
    private var random: UInt64?
    private var body: [UInt8] = []
    /// What is left to do for the request under way.
    private var deeds: [() -> Void] = []

    init(pace: Pace) {
        let date = HTTPDate()
        date.text = Array("now".utf8)
        var settings = HTTPConversation.Settings(
            errorBody: { _, reason in Array(reason.utf8) }, errorType: "text/plain", date: date)
        settings.limits.head = 300
        settings.limits.line = 200
        settings.limits.fields = 8
        settings.skippedBody = 40
        settings.readAhead = 100
        conversation = HTTPConversation(settings)
        if case .random(let seed) = pace { random = seed &* 0x9e37_79b9_7f4a_7c15 | 1 }
    }

    /// At once, always 0.
    private func draw(_ count: UInt64) -> UInt64 {
        guard var state = random else { return 0 }
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        random = state
        return state % count
    }

    func run(_ bytes: UnsafeBufferPointer<UInt8>) -> Outcome {
        var rest = bytes
        while !rest.isEmpty || !deeds.isEmpty || conversation.outgoingCount > 0 {
            let mayRead = conversation.wantsInput && !rest.isEmpty
            if mayRead, deeds.isEmpty || draw(2) == 1 || random == nil {
                let size = random == nil ? rest.count : Int(draw(UInt64(min(rest.count, 40)))) + 1
                conversation.receive(UnsafeBufferPointer(rebasing: rest[..<size]))
                rest = UnsafeBufferPointer(rebasing: rest[size...])
                advance()
            } else if !deeds.isEmpty, draw(3) < 2 {
                deeds.removeFirst()()
                advance()
            } else if conversation.outgoingCount > 0 {
                send()
                advance()
            } else if deeds.isEmpty, !mayRead {
                // It neither reads nor waits for anything of ours.
                precondition(rest.isEmpty, "it is stuck")
            }
        }
        outcome.isClosing = conversation.isClosing
        return outcome
    }

    private func send() {
        let ready = conversation.outgoing
        precondition(!ready.isEmpty, "something is to be sent, and nothing is there")
        let size = Int(draw(UInt64(ready.count)))
        let count = random == nil ? ready.count : size + 1
        outcome.output += ready[..<count]
        conversation.sent(count)
        if outcome.output.count >= Self.interim.count, outcome.output.suffix(Self.interim.count) == Self.interim[...] {
            outcome.output.removeLast(Self.interim.count)
        }
    }

    private func advance() {
        while let event = conversation.next() {
            precondition(!conversation.isClosing || isFailure(event), "an event after the end")
            switch event {
            case .request(let head, let framing): begin(head, framing)
            case .body(let bytes):
                precondition(!bytes.isEmpty, "an empty piece")
                body += bytes
            case .bodyEnded:
                outcome.events.append(body)
                body = []
                if deeds.isEmpty { answer(3, [99]) }
            case .failed(let failure, let consequence):
                // How much of a body came before depends on the pieces.
                outcome.events.append([UInt8(truncatingIfNeeded: failure.code)])
                deeds = []
                if consequence == .breaks { outcome.isCut = true }
            }
        }
    }

    private func isFailure(_ event: HTTPConversation.Event) -> Bool {
        if case .failed = event { true } else { false }
    }

    private func begin(_ head: HTTPHead, _ framing: RequestBody) {
        precondition(deeds.isEmpty, "a request before the last one is answered")
        let text = "\(head.method) \(head.path) \(head.authority) \(head.list(of: "a") ?? "") \(framing)"
        outcome.events.append(Array(text.utf8))
        outcome.asked.append(head.method == "HEAD")
        body = []
        // By what it asks, so that it is the same however it came.
        let deed = Int(head.path.utf8.last ?? 0) % 8
        if deed >= 5 {
            deeds.append { [unowned self] in want(deed) }
        } else {
            answer(deed, Array(head.path.utf8))
        }
    }

    private func want(_ deed: Int) {
        switch conversation.wantBody(upTo: deed == 5 ? 10 : 1000) {
        case .comes:
            guard deed == 7 else { return }
            conversation.pauseBody(true)
            deeds.append { [unowned self] in conversation.pauseBody(false) }
        case .isNone: answer(3, [98])
        case .refused: deeds = []
        }
    }

    private func answer(_ deed: Int, _ body: [UInt8]) {
        deeds.append { [unowned self] in
            guard conversation.isUnanswered else { return }
            switch deed {
            case 0: stream(length: nil)
            case 1: stream(length: UInt64(Self.pieces.joined().count))
            case 2: finish(conversation.respond(204, [], length: 0))
            case 4: conversation.refuse(500, "for the sake of it")
            default:
                let fields = [HTTPField("A", body.first == 42 ? "b\r\nc" : "b")]
                let closes = body.count == 5
                if conversation.respond(200, fields, length: UInt64(body.count), closes: closes) {
                    conversation.write(body)
                    finish(true)
                }
            }
        }
    }

    private func stream(length: UInt64?) {
        guard conversation.respond(200, [], length: length) else { return }
        for piece in Self.pieces {
            deeds.append { [unowned self] in if conversation.wantsResponseBody { conversation.write(piece) } }
        }
        deeds.append { [unowned self] in if conversation.wantsResponseBody { finish(true) } }
    }

    private func finish(_ hasBody: Bool) {
        if hasBody { precondition(conversation.end(), "a response that is too short") }
    }
}

/// Every answer is one by our own reader of responses, and as long as it says.
private func checkResponses(_ outcome: Outcome) {
    outcome.output.withUnsafeBufferPointer { output in
        var rest = output
        var count = 0
        while !rest.isEmpty {
            guard let (head, size) = try? HTTPHead.decode(.response, rest) else { preconditionFailure("no response") }
            rest = UnsafeBufferPointer(rebasing: rest[size...])
            let isHead = count < outcome.asked.count && outcome.asked[count]
            // A HEAD that was refused by its fields is not among those that were asked.
            let mayBeHead = count == outcome.asked.count
            count += 1
            var body = cws_http_body()
            let asked = isHead ? CWS_HTTP_ASKED_HEAD : CWS_HTTP_ASKED_OTHER
            precondition(head.withC { cws_http_response_body($0, $1, asked, &body) } == 0, "a body without an end")
            switch body.kind {
            case CWS_HTTP_BODY_LENGTH:
                precondition(body.length <= rest.count || outcome.isCut || mayBeHead, "an answer is cut")
                rest = UnsafeBufferPointer(rebasing: rest[min(Int(body.length), rest.count)...])
            case CWS_HTTP_BODY_CHUNKED: skipChunks(&rest, outcome.isCut)
            case CWS_HTTP_BODY_TO_CLOSE:
                precondition(outcome.isClosing, "a body to the end, which doesn't come")
                rest = UnsafeBufferPointer(rebasing: rest[rest.count...])
            default: break
            }
            precondition(head.withC { cws_http_keeps_alive($0, $1, &body) } || rest.isEmpty, "an answer after the last")
        }
        precondition(count <= outcome.asked.count + 1, "more answers than requests")
    }
}

private func skipChunks(_ rest: inout UnsafeBufferPointer<UInt8>, _ mayBeCut: Bool) {
    var limits = HTTPHead.Limits().forC
    var chunks = cws_http_chunks()
    cws_http_chunks_init(&chunks, .max, &limits)
    while !cws_http_chunks_complete(&chunks) {
        guard let start = rest.baseAddress, !rest.isEmpty else {
            precondition(mayBeCut, "chunks without an end")
            return
        }
        var data = cws_http_span()
        let taken = cws_http_chunks_decode(&chunks, start, rest.count, &data)
        precondition(taken > 0, "no chunk")
        rest = UnsafeBufferPointer(rebasing: rest[Int(taken)...])
    }
}
