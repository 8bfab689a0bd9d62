internal import Glibc
internal import ProcAgent
internal import ProcCore
internal import ProcIO

/// One connection to the server, step by step, to a registration that no work comes of.
final class ConnectionCheck {
    private unowned let check: AgentCheck
    private let loop: EventLoop
    private let options: AgentOptions
    private let endpoint: Endpoint
    private let resolver: Resolver
    private let scratch = ByteStream.Scratch()
    private var connection: WebSocketConnection?
    private var timer: EventLoop.TimerID?
    private var isRegistered = false
    private var then: () -> Void = {}

    /// What each step gets, but for the attempts to connect, which have limits of their own.
    private static let patience = Interval.seconds(10)

    init(_ check: AgentCheck) throws(SystemError) {
        self.check = check
        loop = check.loop
        options = check.options
        endpoint = Endpoint(host: options.host, port: options.port)
        resolver = try Resolver(loop: loop)
    }

    /// Calls `then` when all is said.
    func begin(then: @escaping () -> Void) {
        self.then = then
        _ = resolver.resolve(endpoint, within: Self.patience) { [self] answer in
            switch answer {
            case .success(let addresses):
                let isLiteral = IPAddress(parsing: endpoint.host) != nil
                let list = addresses.map { "\($0.ip)" }.joined(separator: ", ")
                check.found(.name, .good(isLiteral ? "\(list) is an address" : "\(endpoint.host) is \(list)"))
                connect(to: addresses)
            case .failure(let error):
                fail(.name, error.description, "check --agent-host, and /etc/resolv.conf and /etc/hosts")
            }
        }
    }

    /// Tells what has failed, and what can't be tried for that.
    private func fail(_ step: CheckStep, _ text: String, _ advice: String?) {
        check.found(step, .failure(text, advice: advice))
        skip(after: step, because: step)
    }

    private func skip(after step: CheckStep, because cause: CheckStep) {
        for later in CheckStep.allCases.drop(while: { $0 != step }).dropFirst() {
            check.found(later, .skipped(after: cause))
        }
        then()
    }

    // MARK: As far as a WebSocket

    private func connect(to addresses: [SocketAddress]) {
        do throws(SystemError) {
            // The name isn't asked again: what was said of it is what is tried.
            let known = try Resolver(loop: loop) { _ in .success(addresses) }
            if let tls = check.tls { return dial(tls, known) }
            _ = Dialer(loop: loop, resolver: known).dial(endpoint) { [self] result in
                switch consume result {
                case .success(let connection):
                    check.found(.connect, .good("\(connection.peer) answers"))
                    skip(after: .connect, because: .trust)
                case .failure(let error): connectFailed(error)
                }
            }
        } catch {
            fail(.connect, error.description, nil)
        }
    }

    private func dial(_ tls: TLSContext, _ resolver: Resolver) {
        var target = WebSocketTarget(endpoint)
        target.tls = tls
        target.trustAdvice = AgentCredentials.trustAdvice
        target.offersDeflate = options.compression != .off
        target.options.maxMessage = UInt64(options.maxMessage)
        target.options.closeTimeout = .seconds(5)
        _ = WebSocketDialer(loop: loop, resolver: resolver, scratch: scratch).dial(target) { [self] result in
            switch result {
            case .success(let connection): connected(connection)
            case .failure(let error): dialFailed(error)
            }
        }
    }

    private func dialFailed(_ error: WebSocketDialError) {
        switch error {
        case .dial(let error): return connectFailed(error)
        case .tls(_, let failure, _): tlsFailed(error, failure)
        case .lost(_, .tls, _), .timedOut(_, .tls, _): tlsFailed(error, nil)
        case .lost(_, .upgrade, _), .timedOut(_, .upgrade, _), .refused, .notWebSocket, .request:
            sayConnected()
            check.found(.tls, .good("certificate accepted for \(endpoint.host)"))
            fail(.webSocket, error.description, "is it the scheduler that listens on that port?")
        }
    }

    private func connectFailed(_ error: DialError) {
        guard case .connect(let endpoint, let failure) = error else { return fail(.connect, error.description, nil) }
        let isSilent = failure.attempts.contains { if case .noAnswer = $0.reason { true } else { false } }
        fail(
            .connect, "\(endpoint): \(failure)",
            isSilent
                ? "is the server up, and does no firewall drop what is sent to it?"
                : "is the server running, and does it listen on that address and port?")
    }

    private func tlsFailed(_ error: WebSocketDialError, _ failure: TLSFailure?) {
        sayConnected()
        let advice: String? =
            switch failure?.subject {
            // The error has it.
            case .trust: nil
            case .certificate: "have the server's certificate renewed, unless --agent-host or the clock is wrong"
            case .connection, nil: "is it a server with TLS that listens on that port?"
            }
        fail(.tls, error.description, advice)
    }

    private func sayConnected() { check.found(.connect, .good("\(endpoint) answers")) }

    // MARK: Registration

    private func connected(_ connection: WebSocketConnection) {
        self.connection = connection
        sayConnected()
        check.found(
            .tls, .good("\(connection.tlsVersion ?? "TLS"), certificate accepted for \(endpoint.host)"))
        check.found(.webSocket, .good(connection.compresses ? "open, with compression" : "open, without compression"))
        guard let token = check.token else {
            connection.handlers.ended = { [unowned self] _ in skip(after: .webSocket, because: .token) }
            return connection.close()
        }
        connection.handlers.received = { [unowned self] message in received(Array(message.bytes)) }
        connection.handlers.ended = { [unowned self] end in ended(end) }
        timer = loop.at(loop.now + Self.patience) { [unowned self] in
            connection.abort()
            fail(.registration, "no answer within \(Self.patience.shortText)", "is it a scheduler that listens there?")
        }
        var random = SystemRandomNumberGenerator()
        var registration = Registration(
            connID: "check-\(RandomUUID.text(using: &random))", groupID: options.groupID, restrictedExe: nil,
            identity: .current(), accessToken: token.text)
        // A server gives work to none but active ones.
        registration.shutdownState = .idling
        registration.features = Feature.allCases
        connection.send(.binary, AgentMessage.register(registration).bytes, compression: .off)
    }

    private func received(_ bytes: [UInt8]) {
        guard !isRegistered else { return }
        if let timer { loop.cancel(timer) }
        do throws(MessageRefusal) {
            let received = try ReceivedMessage(parsing: bytes, features: [])
            guard case .registered(let features) = received.message else {
                connection?.abort()
                return fail(.registration, "the server's first message was not Registered", "is it a scheduler?")
            }
            isRegistered = true
            let extras = features.map(\.rawValue).sorted().joined(separator: ", ")
            check.found(
                .registration,
                .good("accepted in group \(options.groupID)" + (extras.isEmpty ? "" : ", with \(extras)")))
            // So that the server doesn't wait for this connection to come again.
            connection?.send(.binary, AgentMessage.shutDown(.done).bytes, compression: .off)
            connection?.close()
        } catch {
            connection?.abort()
            fail(.registration, "\(error)", "is it a scheduler?")
        }
    }

    private func ended(_ end: WebSocketConnection.End) {
        if let timer { loop.cancel(timer) }
        guard isRegistered else {
            // Servers say nothing where the token is wrong.
            var advice: String?
            if case .wordless = ConnectionEnd(end) { advice = "the access token may be wrong" }
            return fail(.registration, "\(end)", advice)
        }
        if case .closed = end {
            check.found(.close, .good("in order"))
        } else {
            check.found(.close, .warning("\(end)", advice: "the server may take the next connection for a lost one"))
        }
        then()
    }
}
