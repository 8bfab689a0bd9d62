internal import CWebSocket

/// The server's side of one HTTP/1.1 connection, without the connection: bytes and answers in, events and bytes out.
///
/// It has no clock, no socket and no callback. What comes is put in with ``receive(_:)``; then ``next()`` is called until
/// it has no more to tell, and again whenever something was answered, asked for or sent.
///
/// One request is under way at a time. Those behind it, up to a bound, wait as bytes; so the answers are in order
/// without being sorted, and what one request does has been done before the next is looked at.
struct HTTPConversation: ~Copyable {
    struct Settings {
        var limits = HTTPHead.Limits()
        /// Bytes that are taken in while nobody wants them.
        var readAhead = 16 << 10
        /// While so much is to be sent, no other request is looked at.
        var outputLimit = 64 << 10
        /// The most that is read of a body nobody wanted, to be able to go on with the connection.
        var skippedBody: UInt64 = 64 << 10
        /// What an answer of the server's own says.
        var errorBody: (_ status: UInt16, _ reason: String) -> [UInt8]
        var errorType: String
        var date: HTTPDate
    }

    enum Event {
        /// To be answered, or refused. Its body, if any, comes when it is wanted.
        case request(HTTPHead, RequestBody)
        /// More of a body that is wanted, lent until the next call.
        case body(UnsafeBufferPointer<UInt8>)
        case bodyEnded
        /// What came is no HTTP, or too much of it.
        case failed(HTTPHead.Failure, Consequence)
    }

    /// What becomes of the connection after a failure.
    enum Consequence: Equatable {
        /// The client is told, or has had its answer before; then it ends in order.
        case ends
        /// A response is under way that can't be told from a whole one unless the connection breaks.
        case breaks
    }

    /// Whether a body comes.
    enum Arrival {
        case comes
        case isNone
        /// It is too large. The client has been told.
        case refused
    }

    /// What becomes of a request's body.
    private enum Intake: Equatable {
        /// All of it has come, or there is none.
        case done
        /// Nobody has asked for it.
        case unread(RequestBody)
        case wanted
        case paused
        /// Read for nothing, as far as allowed.
        case skipped(left: UInt64)

        /// Whether it is read now.
        var isFlowing: Bool {
            switch self {
            case .wanted, .skipped: true
            case .done, .unread, .paused: false
            }
        }
    }

    private enum Response: Equatable {
        case awaited
        /// So many bytes are missing.
        case length(UInt64)
        case chunked
        case toClose
        case ended
    }

    private struct Exchange {
        let isHead: Bool
        let isOld: Bool
        /// The client's wish.
        let keepsAlive: Bool
        /// `100 Continue` is waited for.
        var awaitsContinue: Bool
        var intake: Intake
        var response = Response.awaited
    }

    private let settings: Settings
    private var reader: RequestReader
    private var input = ByteQueue()
    /// How much at its front is of the last event, and done with at the next call.
    private var lent = 0
    private var output = OutputQueue()
    private var exchange: Exchange?
    /// No other request is taken; when all is sent, the connection ends.
    private(set) var isClosing = false
    /// The next response is the last.
    var isDraining = false

    init(_ settings: Settings) {
        self.settings = settings
        reader = RequestReader(settings.limits)
    }

    // MARK: What there is to do

    /// What can be sent now, lent until the next call.
    var outgoing: UnsafeBufferPointer<UInt8> { output.bytes }
    /// All that is to be sent, as far as it is here.
    var outgoingCount: Int { output.count }

    mutating func sent(_ count: Int) { output.sent(count) }

    /// Whether bytes should be read. Those that nobody waits for are, too, within a bound: so one learns when the client
    /// goes, and at the end it can read the response before it learns that its other bytes weren't wanted.
    var wantsInput: Bool {
        if isClosing { return true }
        guard let exchange else { return output.count < settings.outputLimit }
        return exchange.intake.isFlowing || input.count < settings.readAhead
    }

    /// Whether no request is under way.
    var isIdle: Bool { exchange == nil }
    /// Whether something has come that no event was made of.
    var hasInput: Bool { input.count > lent }
    /// Whether the client's next bytes are waited for, to go on with a body.
    var awaitsBody: Bool { exchange?.intake.isFlowing == true }
    /// Whether the request under way can still be refused.
    var isUnanswered: Bool { exchange?.response == .awaited }
    /// Whether the client takes a body as answer to the request under way.
    var wantsResponseBody: Bool { exchange.map { !$0.isHead && $0.response != .ended } ?? false }

    // MARK: Requests

    mutating func receive(_ bytes: UnsafeBufferPointer<UInt8>) {
        if !isClosing { input.append(bytes) }
    }

    /// What has happened; nil when nothing more will without bytes, an answer, or room.
    mutating func next() -> Event? {
        input.removeFirst(lent)
        lent = 0
        while !isClosing {
            if let exchange {
                guard exchange.intake.isFlowing else { return nil }
            } else if output.count >= settings.outputLimit {
                return nil
            }
            switch reader.next(input.bytes) {
            case .more: return nil
            case .request(let head, let body, let taken):
                input.removeFirst(taken)
                return begin(head, body)
            case .data(let range, let taken):
                if let event = take(range, of: taken) { return event }
            case .end(let taken):
                input.removeFirst(taken)
                let wasWanted = exchange?.intake == .wanted
                exchange?.intake = .done
                if wasWanted { return .bodyEnded }
                endExchangeIfDone()
            case .failed(let failure): return fail(failure)
            }
        }
        return nil
    }

    private mutating func begin(_ head: HTTPHead, _ body: RequestBody) -> Event {
        let (keepsAlive, expects) = head.withC { bytes, head in
            var framing = cws_http_body()
            return (cws_http_keeps_alive(bytes, head, &framing), cws_http_expects_continue(bytes, head))
        }
        let hasBody = body != .none && body != .length(0)
        exchange = Exchange(
            isHead: head.isMethod("HEAD"), isOld: head.minorVersion == 0, keepsAlive: keepsAlive,
            awaitsContinue: expects > 0 && hasBody, intake: body == .none ? .done : .unread(body))
        guard expects >= 0 else { return fail(HTTPHead.Failure(code: expects)) }
        return .request(head, body)
    }

    private mutating func take(_ range: Range<Int>, of taken: Int) -> Event? {
        guard case .skipped(let left) = exchange?.intake else {
            exchange?.awaitsContinue = false
            guard !range.isEmpty else {
                input.removeFirst(taken)
                return nil
            }
            lent = taken
            return .body(UnsafeBufferPointer(rebasing: input.bytes[range]))
        }
        input.removeFirst(taken)
        if taken > left {
            close()
        } else {
            exchange?.intake = .skipped(left: left - UInt64(taken))
        }
        return nil
    }

    private mutating func fail(_ failure: HTTPHead.Failure) -> Event {
        if exchange == nil || isUnanswered {
            refuse(failure.status, failure.reason)
            return .failed(failure, .ends)
        }
        return .failed(failure, breakOff())
    }

    /// Ends for want of the rest of a request.
    mutating func breakOff() -> Consequence {
        let response = exchange?.response
        close()
        switch response {
        case .length, .chunked, .toClose: return .breaks
        // What was answered stands.
        case .awaited, .ended, nil: return .ends
        }
    }

    // MARK: The body of a request

    /// Lets the body come, and tells a client that waits for it to begin.
    ///
    /// - Parameter limit: The most that it may have. Where the length is said and above, the client is refused at once,
    ///   without a byte of it.
    mutating func wantBody(upTo limit: UInt64) -> Arrival {
        guard case .unread(let body)? = exchange?.intake else {
            precondition(exchange?.intake == .done, "a body is asked for twice")
            return .isNone
        }
        if case .length(let length) = body, length > limit {
            let failure = HTTPHead.Failure(code: CWS_HTTP_ERR_BODY_TOO_LARGE.rawValue)
            refuse(failure.status, failure.reason)
            return .refused
        }
        reader.limitChunks(to: limit)
        exchange?.intake = .wanted
        if exchange?.awaitsContinue == true, !hasInput, exchange?.response == .awaited {
            output.write { $0.append("HTTP/1.1 100 Continue\r\n\r\n" as StaticString) }
        }
        exchange?.awaitsContinue = false
        return .comes
    }

    /// Whether more of the body comes for now.
    mutating func pauseBody(_ isPaused: Bool) {
        switch (exchange?.intake, isPaused) {
        case (.wanted, true): exchange?.intake = .paused
        case (.paused, false): exchange?.intake = .wanted
        default: break
        }
    }

    // MARK: The response

    /// Begins the response to the request under way, the only one.
    ///
    /// - Parameter length: Of its body; nil when it isn't known before its end.
    /// - Returns: Whether a body is to follow, with ``write(_:)`` or by other means (``passed(_:)``), and ``end()``. Not
    ///   where there can be none: then all is done.
    mutating func respond(_ status: UInt16, _ fields: [HTTPField], length: UInt64?, closes: Bool = false) -> Bool {
        guard let exchange, exchange.response == .awaited else { preconditionFailure("a second response") }
        let isBodiless = status == 204 || status == 304
        let framing: ResponseFraming =
            if isBodiless { .none } else if let length { .length(length) } else { exchange.isOld ? .toClose : .chunked }
        let staysOpen = exchange.keepsAlive && !closes && !isDraining && framing != .toClose && canPassOver(exchange)
        let head = ResponseHead(
            status: status, fields: fields, date: settings.date.text, framing: framing,
            connection: !staysOpen ? .close : exchange.isOld ? .keepAlive : .unsaid)
        var isWritten = false
        output.write { isWritten = head.write(to: &$0) }
        guard isWritten else {
            refuse(500, "a field of the response has a character in it that can't be")
            return false
        }
        self.exchange?.response =
            switch framing {
            case .none: .length(0)
            case .length(let length): .length(length)
            case .chunked: .chunked
            case .toClose: .toClose
            }
        isLast = !staysOpen
        guard exchange.isHead || isBodiless else { return true }
        finishResponse()
        return false
    }

    /// The response under way is the last on this connection.
    private var isLast = false

    /// Whether the connection can go on behind a body that nobody has asked for.
    private func canPassOver(_ exchange: Exchange) -> Bool {
        guard case .unread(let body) = exchange.intake else { return true }
        guard case .length(let length) = body else { return false }
        // Whoever waits for a `100 Continue` that doesn't come may send the body or leave it out.
        return !exchange.awaitsContinue && length <= settings.skippedBody
    }

    /// The next part of the body.
    mutating func write(_ bytes: [UInt8]) {
        guard !bytes.isEmpty else { return }
        switch exchange?.response {
        case .length: passed(UInt64(bytes.count))
        case .chunked:
            output.write {
                $0.append(UInt64(bytes.count), radix: 16)
                $0.append("\r\n" as StaticString)
            }
            output.append(bytes)
            return output.write { $0.append("\r\n" as StaticString) }
        case .toClose: break
        case .awaited, .ended, nil: preconditionFailure("a body without a head")
        }
        output.append(bytes)
    }

    /// So many bytes of a body of known length went out past this.
    mutating func passed(_ count: UInt64) {
        guard case .length(let left)? = exchange?.response, count <= left else {
            preconditionFailure("more of a response than its length")
        }
        exchange?.response = .length(left - count)
    }

    /// The body is complete. Whether that is so: one of a known length may fall short, and the client can only be told
    /// by ending the connection.
    mutating func end() -> Bool {
        switch exchange?.response {
        case .length(let left)? where left > 0: return false
        case .chunked: output.write { $0.append("0\r\n\r\n" as StaticString) }
        case .length, .toClose: break
        case .awaited, .ended, nil: preconditionFailure("the end of a response that wasn't begun")
        }
        finishResponse()
        return true
    }

    private mutating func finishResponse() {
        exchange?.response = .ended
        if isLast { return close() }
        switch exchange?.intake {
        case .unread, .wanted, .paused: exchange?.intake = .skipped(left: settings.skippedBody)
        case .done, .skipped, nil: break
        }
        endExchangeIfDone()
    }

    private mutating func endExchangeIfDone() {
        if let exchange, exchange.intake == .done, exchange.response == .ended { self.exchange = nil }
    }

    /// Answers with an error, in place of a request that can't be read or a response that won't come, and ends.
    mutating func refuse(_ status: UInt16, _ reason: String, fields: [HTTPField] = []) {
        guard !isClosing else { return }
        let body = settings.errorBody(status, reason)
        let head = ResponseHead(
            status: status, fields: [HTTPField("Content-Type", settings.errorType)] + fields,
            date: settings.date.text, framing: .length(UInt64(body.count)), connection: .close)
        let isHead = exchange?.isHead == true
        output.write { _ = head.write(to: &$0) }
        if !isHead { output.append(body) }
        close()
    }

    /// Ends when all is sent; what comes is read and dropped.
    mutating func close() {
        isClosing = true
        exchange = nil
        input.removeAll()
        lent = 0
    }
}
