internal import CWebSocket
package import ProcCore

/// What a client wants to connect to, and how.
package struct WebSocketTarget {
    package var endpoint: Endpoint
    /// Path and query.
    package var path = "/"
    /// Nil for a connection in the clear.
    package var tls: TLSContext?
    /// The one liked best first.
    package var subprotocols: [String] = []
    /// Beyond the handshake's own, such as Authorization.
    package var headers: [HTTPField] = []
    package var offersDeflate = true
    package var dialLimits = Dialer.Limits()
    package var tlsTimeout = Interval.seconds(10)
    package var upgradeTimeout = Interval.seconds(10)
    /// What to do where nobody trusts the server's certificate, for the message.
    package var trustAdvice: String?
    package var options = WebSocketConnection.Options()

    package init(_ endpoint: Endpoint) { self.endpoint = endpoint }
}

/// Opens WebSockets: name, TCP, TLS, upgrade, each with a time limit of its own.
package final class WebSocketDialer {
    private let loop: EventLoop
    private let dialer: Dialer
    private let scratch: ByteStream.Scratch

    package init(loop: EventLoop, resolver: Resolver, scratch: ByteStream.Scratch) {
        self.loop = loop
        self.scratch = scratch
        dialer = Dialer(loop: loop, resolver: resolver)
    }

    package typealias Completion = (Result<WebSocketConnection, WebSocketDialError>) -> Void

    /// Calls `then` once, on the loop and never before this returns, unless the dial is cancelled. Messages come no
    /// earlier than it has returned, so it may set the connection's handlers.
    ///
    /// The dial keeps itself alive; its limits see to it that it ends.
    package func dial(_ target: WebSocketTarget, then: @escaping Completion) -> WebSocketDial {
        let dial = WebSocketDial(target, loop: loop, scratch: scratch, then: then)
        dial.begin(with: dialer)
        return dial
    }
}

/// A WebSocket that is being opened.
package final class WebSocketDial {
    private let target: WebSocketTarget
    private let loop: EventLoop
    private let scratch: ByteStream.Scratch
    private var handshake: ClientHandshake
    /// Nil when it is over.
    private var then: WebSocketDialer.Completion?
    /// Keeps this alive as long as it isn't over.
    private var itself: WebSocketDial?
    private var dial: Dial?
    private var stream: ByteStream?
    private var step = WebSocketDialError.Step.tls
    private var timer: EventLoop.TimerID?
    private var request: HeldBytes?
    private var response = HTTPHeadReader(.response)

    fileprivate init(
        _ target: WebSocketTarget, loop: EventLoop, scratch: ByteStream.Scratch,
        then: @escaping WebSocketDialer.Completion
    ) {
        self.target = target
        self.loop = loop
        self.scratch = scratch
        self.then = then
        let endpoint = target.endpoint
        let isDefault = endpoint.port == (target.tls == nil ? 80 : 443)
        handshake = ClientHandshake(
            host: isDefault ? String(endpoint.description.dropLast(":\(endpoint.port)".count)) : endpoint.description,
            target: target.path,
            subprotocols: target.subprotocols, offersDeflate: target.offersDeflate, headers: target.headers)
    }

    fileprivate func begin(with dialer: Dialer) {
        itself = self
        do throws(HandshakeFailure) {
            request = try handshake.request()
        } catch {
            loop.soon { [self] in finish(.failure(.request(reason: error.reason))) }
            return
        }
        dial = dialer.dial(target.endpoint, limits: target.dialLimits) { [self] result in
            dial = nil
            switch consume result {
            case .success(let connection): connected(connection)
            case .failure(let error): finish(.failure(.dial(error)))
            }
        }
    }

    /// Gives it up, at any time: nothing will be called. One that is over is no error.
    package func cancel() {
        then = nil
        dial?.cancel()
        dial = nil
        stream?.close()
        stream = nil
        if let timer { loop.cancel(timer) }
        timer = nil
        itself = nil
    }

    private func connected(_ connection: consuming Connection) {
        let session: TLSSession?
        do throws(TLSFailure) {
            session = if let tls = target.tls { try TLSSession(tls, host: target.endpoint.host) } else { nil }
        } catch {
            return finish(.failure(.tls(target.endpoint, error, advice: nil)))
        }
        do throws(SystemError) {
            stream = try ByteStream(connection.descriptor, loop: loop, scratch: scratch, tls: session, owner: self)
        } catch {
            return finish(.failure(.lost(target.endpoint, step, .failed(error))))
        }
        enter(session == nil ? .upgrade : .tls)
    }

    private func enter(_ step: WebSocketDialError.Step) {
        self.step = step
        if let timer { loop.cancel(timer) }
        let limit = step == .tls ? target.tlsTimeout : target.upgradeTimeout
        timer = loop.at(loop.now + limit) { [self] in
            finish(.failure(refusal ?? .timedOut(target.endpoint, step, limit)))
        }
    }

    private func finish(_ result: Result<WebSocketConnection, WebSocketDialError>) {
        guard let then else { return }
        cancel()
        then(result)
    }

    private func readResponse(_ bytes: UnsafeMutableBufferPointer<UInt8>) {
        do throws(HTTPHead.Failure) {
            try response.take(bytes)
        } catch {
            return finish(.failure(.notWebSocket(target.endpoint, reason: error.reason)))
        }
        guard let head = response.head else { return }
        if let refusal {
            if RefusalText.isComplete(head, response.rest) { finish(.failure(refusal)) }
            return
        }
        do throws(HandshakeFailure) {
            open(try handshake.judge(head))
        } catch {
            finish(.failure(.notWebSocket(target.endpoint, reason: error.reason)))
        }
    }

    private func open(_ agreement: cws_agreement) {
        guard let stream, let then else { return }
        let index = Int(agreement.protocol)
        let subprotocol = target.subprotocols.indices.contains(index) ? target.subprotocols[index] : nil
        let connection = WebSocketConnection(
            stream, loop: loop, role: CWS_ROLE_CLIENT, agreement: agreement, subprotocol: subprotocol,
            options: target.options)
        self.stream = nil
        cancel()
        then(.success(connection))
        connection.take(response.rest)
    }

    /// What the server has said in place of 101, as far as that has come.
    private var refusal: WebSocketDialError? {
        guard let head = response.head, head.status != 101 else { return nil }
        return .refused(
            target.endpoint, status: head.status, reason: head.reason, text: RefusalText.text(head, response.rest))
    }
}

extension WebSocketDial: ByteStreamOwner {
    package func streamOpened() { enter(.upgrade) }

    package func streamReceived(_ bytes: UnsafeMutableBufferPointer<UInt8>) { readResponse(bytes) }

    package func streamPeerFinished() { finish(.failure(refusal ?? .lost(target.endpoint, step, .finished))) }

    package func streamOutput() -> UnsafeBufferPointer<UInt8> {
        request?.rest ?? UnsafeBufferPointer(start: nil, count: 0)
    }

    package func streamWrote(_ count: Int) { request?.used(count) }

    package func streamEnded(_ end: ByteStream.End) {
        if let refusal {
            finish(.failure(refusal))
        } else if case .tls(let failure) = end {
            finish(.failure(.tls(target.endpoint, failure, advice: target.trustAdvice)))
        } else {
            finish(.failure(.lost(target.endpoint, step, end)))
        }
    }
}
