internal import CWebSocket
package import ProcCore

/// How a server opens WebSockets.
package struct WebSocketService {
    package enum Verdict {
        /// - Parameter headers: For the response, beyond the handshake's own.
        case accept(headers: [HTTPField] = [])
        case refuse(Refusal)
    }

    /// Nil for connections in the clear.
    package var tls: TLSContext?
    package var handshake = ServerHandshake()
    package var options = WebSocketConnection.Options()
    /// For TLS and the upgrade together.
    package var handshakeTimeout = Interval.seconds(10)
    /// Judges a valid request, by its path or its token.
    package var judge: (HTTPHead) -> Verdict = { _ in .accept() }

    package init() {}
}

/// Why an accepted connection became no WebSocket. The client was told, where that was possible.
package enum WebSocketAcceptError: Error, CustomStringConvertible {
    case tls(TLSFailure)
    case lost(ByteStream.End)
    case timedOut(Interval)
    case invalid(reason: String)
    /// By the service's own verdict.
    case refused(Refusal)

    package var description: String {
        switch self {
        case .tls(let failure): "TLS: \(failure)"
        case .lost(let end): end.description
        case .timedOut(let limit): "no request for a WebSocket within \(limit.shortText)"
        case .invalid(let reason): reason
        case .refused(let refusal): "refused with \(refusal.status) \(refusal.reason)"
        }
    }
}

/// The server's side of one connection, until it is a WebSocket.
package final class WebSocketAcceptor {
    package typealias Completion = (Result<WebSocketConnection, WebSocketAcceptError>, HTTPHead?) -> Void

    private let service: WebSocketService
    private let loop: EventLoop
    /// Nil when it is over.
    private var then: Completion?
    /// Keeps this alive as long as it isn't over.
    private var itself: WebSocketAcceptor?
    private var stream: ByteStream?
    private var timer: EventLoop.TimerID?
    private var request = HTTPHeadReader(.request)
    private var response: HeldBytes?
    /// What happens when the response is written.
    private var outcome: Outcome?

    private enum Outcome {
        case open(cws_agreement, subprotocol: String?)
        case fail(WebSocketAcceptError)
    }

    /// Takes an accepted connection. Calls `then` once, on the loop and never before this returns, unless it is
    /// cancelled; messages come no earlier than it has returned.
    ///
    /// It keeps itself alive; its time limit sees to it that it ends.
    @discardableResult
    package init(
        _ connection: consuming Connection, loop: EventLoop, scratch: ByteStream.Scratch, service: WebSocketService,
        then: @escaping Completion
    ) throws {
        self.service = service
        self.loop = loop
        self.then = then
        let session = try service.tls.map { try TLSSession($0) }
        let limit = service.handshakeTimeout
        stream = try ByteStream(connection.descriptor, loop: loop, scratch: scratch, tls: session, owner: self)
        itself = self
        timer = loop.at(loop.now + limit) { [self] in fail(.timedOut(limit)) }
    }

    /// Gives it up, at any time: nothing will be called. One that is over is no error.
    package func cancel() {
        then = nil
        stream?.close()
        stream = nil
        if let timer { loop.cancel(timer) }
        timer = nil
        itself = nil
    }

    private func finish(_ result: Result<WebSocketConnection, WebSocketAcceptError>) {
        guard let then else { return }
        cancel()
        then(result, request.head)
    }

    /// With the reason that the client was told, where it was told one.
    private func fail(_ error: WebSocketAcceptError) {
        if case .fail(let told) = outcome { finish(.failure(told)) } else { finish(.failure(error)) }
    }

    private func readRequest(_ bytes: UnsafeMutableBufferPointer<UInt8>) {
        do throws(HTTPHead.Failure) {
            try request.take(bytes)
        } catch {
            return refuse(.invalid(reason: error.reason), Self.refusal(error.status, error.reason))
        }
        guard outcome == nil, let head = request.head else { return }
        do throws(HandshakeFailure) {
            try answer(head)
        } catch {
            refuse(.invalid(reason: error.reason), Self.refusal(error.status, error.reason))
        }
    }

    private func answer(_ head: HTTPHead) throws(HandshakeFailure) {
        let answer = try service.handshake.negotiate(head)
        switch service.judge(head) {
        case .accept(let headers):
            let index = Int(answer.agreement.protocol)
            let offered = service.handshake.subprotocols
            outcome = .open(answer.agreement, subprotocol: offered.indices.contains(index) ? offered[index] : nil)
            response = try service.handshake.response(answer, headers: headers)
            // What comes behind the request waits in the socket until the response is written.
            stream?.readsInput = false
            stream?.flushSoon()
        case .refuse(let refusal):
            refuse(.refused(refusal), refusal)
        }
    }

    private static func refusal(_ status: UInt16, _ reason: String) -> Refusal {
        Refusal(status: status, reason: "\(HTTPStatus.phrase(status))", text: reason + "\n")
    }

    private func refuse(_ error: WebSocketAcceptError, _ refusal: Refusal) {
        outcome = .fail(error)
        do throws(HandshakeFailure) {
            response = try refusal.response()
        } catch {
            // One of the service's own that can't be written, for a control character in it, say.
            response = nil
        }
        // In order, so that the client can read it whatever it has sent.
        stream?.finish()
    }

    private func open(_ agreement: cws_agreement, _ subprotocol: String?) {
        guard let stream, let then else { return }
        let connection = WebSocketConnection(
            stream, loop: loop, role: CWS_ROLE_SERVER, agreement: agreement, subprotocol: subprotocol,
            options: service.options)
        self.stream = nil
        cancel()
        then(.success(connection), request.head)
        connection.take(request.rest)
    }
}

extension WebSocketAcceptor: ByteStreamOwner {
    package func streamOpened() {}

    package func streamReceived(_ bytes: UnsafeMutableBufferPointer<UInt8>) {
        switch outcome {
        case nil, .open: readRequest(bytes)
        // It is read nevertheless: a socket that is closed with bytes in it takes back what was sent.
        case .fail: break
        }
    }

    package func streamPeerFinished() {
        if case .fail = outcome {
            stream?.finish()
        } else {
            finish(.failure(.lost(.finished)))
        }
    }

    package func streamOutput() -> UnsafeBufferPointer<UInt8> {
        response?.rest ?? UnsafeBufferPointer(start: nil, count: 0)
    }

    package func streamWrote(_ count: Int) {
        response?.used(count)
        guard case .open(let agreement, let subprotocol) = outcome, response?.isUsedUp == true else { return }
        stream?.readsInput = true
        open(agreement, subprotocol)
    }

    package func streamEnded(_ end: ByteStream.End) {
        if case .tls(let failure) = end { fail(.tls(failure)) } else { fail(.lost(end)) }
    }
}
