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
    /// As much of the response as has come.
    private var response: [UInt8] = []

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
            request = HeldBytes(try handshake.request())
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
        do {
            let session = try target.tls.map { try TLSSession($0, host: target.endpoint.host) }
            stream = try ByteStream(connection.descriptor, loop: loop, scratch: scratch, tls: session, owner: self)
            enter(session == nil ? .upgrade : .tls)
        } catch let failure as TLSFailure {
            finish(.failure(.tls(target.endpoint, failure, advice: nil)))
        } catch {
            let failure = error as? SystemError ?? SystemError("watch", errno: 0)
            finish(.failure(.lost(target.endpoint, step, .failed(failure))))
        }
    }

    private func enter(_ step: WebSocketDialError.Step) {
        self.step = step
        if let timer { loop.cancel(timer) }
        let limit = step == .tls ? target.tlsTimeout : target.upgradeTimeout
        timer = loop.at(loop.now + limit) { [self] in finish(.failure(.timedOut(target.endpoint, step, limit))) }
    }

    private func finish(_ result: Result<WebSocketConnection, WebSocketDialError>) {
        guard let then else { return }
        cancel()
        then(result)
    }

    /// Decodes what has come, and begins the WebSocket with what follows the head.
    private func readResponse() {
        do {
            guard let (head, size) = try HTTPHead.decode(.response, response) else { return }
            guard head.status == 101 else { return finish(.failure(refusal(head, size))) }
            open(try handshake.judge(head), rest: Array(response[size...]))
        } catch let failure as HTTPHead.Failure {
            finish(.failure(.notWebSocket(target.endpoint, reason: failure.reason)))
        } catch {
            let reason = (error as? HandshakeFailure)?.reason ?? "\(error)"
            finish(.failure(.notWebSocket(target.endpoint, reason: reason)))
        }
    }

    private func open(_ agreement: cws_agreement, rest: [UInt8]) {
        guard let stream, let then else { return }
        let index = Int(agreement.protocol)
        let subprotocol = target.subprotocols.indices.contains(index) ? target.subprotocols[index] : nil
        let connection = WebSocketConnection(
            stream, loop: loop, role: CWS_ROLE_CLIENT, agreement: agreement, subprotocol: subprotocol,
            options: target.options)
        self.stream = nil
        cancel()
        then(.success(connection))
        connection.take(rest)
    }

    /// At most this much of what a server says with a refusal is passed on.
    private static let textLimit = 200

    private func refusal(_ head: HTTPHead, _ size: Int) -> WebSocketDialError {
        let line = response[size...].prefix(Self.textLimit).prefix { $0 != 0x0a && $0 != 0x0d }
        let isText = !line.isEmpty && line.allSatisfy { (0x20..<0x7f).contains($0) } && line.first != UInt8(ascii: "<")
        return .refused(
            target.endpoint, status: head.status, reason: head.reason,
            text: isText ? String(decoding: line, as: UTF8.self) : nil)
    }
}

extension WebSocketDial: ByteStreamOwner {
    package func streamOpened() { enter(.upgrade) }

    package func streamReceived(_ bytes: UnsafeMutableBufferPointer<UInt8>) {
        response += bytes
        readResponse()
    }

    package func streamPeerFinished() { finish(.failure(.lost(target.endpoint, step, .finished))) }

    package func streamOutput() -> UnsafeBufferPointer<UInt8> {
        request?.rest ?? UnsafeBufferPointer(start: nil, count: 0)
    }

    package func streamWrote(_ count: Int) { request?.used(count) }

    package func streamEnded(_ end: ByteStream.End) {
        if case .tls(let failure) = end {
            finish(.failure(.tls(target.endpoint, failure, advice: target.trustAdvice)))
        } else {
            finish(.failure(.lost(target.endpoint, step, end)))
        }
    }
}
