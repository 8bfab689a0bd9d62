package import ProcCore
package import ProcIO

/// The agent's connection to its scheduler: made, kept, lost and made again, as ``Reconnect`` decides.
package final class SchedulerLink {
    package struct Settings {
        package var endpoint: Endpoint
        /// As whom the agent registers; process ids, token and state are filled in each time.
        package var registration: Registration
        package var reconnect = Reconnect.Limits()
        package var options = WebSocketConnection.Options()
        package var compression = WebSocketConnection.Compression.auto

        package init(endpoint: Endpoint, registration: Registration) {
            self.endpoint = endpoint
            self.registration = registration
            // Answers that don't leave hold up requests, so little of them has to wait here.
            options.maxQueue = 1 << 20
        }
    }

    package enum Event: Equatable, Sendable {
        case registered
        /// There was a connection, and now there is none.
        case lost
        /// An attempt to connect or to register has come to nothing.
        case attemptFailed
        /// It was the last one.
        case givenUp
        /// The connection has ended, as ``SchedulerLink/stop()`` asked for.
        case stopped
    }

    /// Told on the loop.
    package var onEvent: (Event) -> Void = { _ in }
    /// What the next connection begins with.
    package var accessToken: String
    package var tls: TLSContext?

    private let settings: Settings
    private let resources: SessionResources
    private let dialer: WebSocketDialer
    private var reconnect: Reconnect
    private var random = SystemRandomNumberGenerator()
    private var dial: WebSocketDial?
    private var connection: WebSocketConnection?
    private var session: SchedulerSession?
    private var timer: EventLoop.TimerID?
    private let gate = StartGate()

    private var loop: EventLoop { resources.loop }
    private var log: Logger { resources.log }

    /// - Parameter tls: Nil for a connection in the clear, for tests.
    package init(
        _ settings: Settings, accessToken: String, tls: TLSContext?, loop: EventLoop, log: Logger, table: ProcessTable
    ) throws(SystemError) {
        self.settings = settings
        self.accessToken = accessToken
        self.tls = tls
        resources = SessionResources(
            loop: loop, log: log, table: table, documents: try Worker(loop: loop, name: "documents"),
            outputs: try Worker(loop: loop, name: "outputs"), scale: .current, gate: gate)
        dialer = WebSocketDialer(loop: loop, resolver: try Resolver(loop: loop), scratch: ByteStream.Scratch())
        reconnect = Reconnect(settings.reconnect)
    }

    // MARK: What the agent wants

    package func begin() { act(on: .begin) }

    /// Tries again now if it waits.
    package func retry() { act(on: .retry) }

    /// Has nothing started any more, and tells the scheduler, now or when it is back.
    package func refuseStarts() {
        guard gate.isOpen else { return }
        gate.isOpen = false
        // One that has yet to be registered hears of it behind that.
        session?.outbox.post(.shutDown(.idling))
    }

    /// Says goodbye and ends. ``Event/stopped`` follows, soon in any case.
    package func stop() { act(on: .stop) }

    /// What becomes of the processes.
    package func tell(_ event: ProcessTable.Event) { session?.tell(event) }

    // MARK: What happens

    private func act(on event: Reconnect.Event) {
        for action in reconnect.handle(event, at: loop.now, using: &random) { perform(action) }
    }

    private func perform(_ action: Reconnect.Action) {
        switch action {
        case .dial: beginDial()
        case .abandonDial:
            dial?.cancel()
            dial = nil
        case .register: register()
        case .close: session?.leave()
        case .drop: drop()
        case .wakeAt(let instant):
            if let timer { loop.cancel(timer) }
            timer = loop.at(instant) { [unowned self] in act(on: .timeReached) }
        case .log(let notice): note(notice)
        case .giveUp: onEvent(.givenUp)
        case .finish:
            if let timer { loop.cancel(timer) }
            timer = nil
            onEvent(.stopped)
        }
    }

    private func beginDial() {
        log.debug("dialling the scheduler", ["scheduler": .string("\(settings.endpoint)")])
        var target = WebSocketTarget(settings.endpoint)
        target.tls = tls
        target.offersDeflate = settings.compression != .off
        target.options = settings.options
        target.trustAdvice = AgentCredentials.trustAdvice
        dial = dialer.dial(target) { [unowned self] result in
            dial = nil
            switch result {
            case .success(let connection):
                self.connection = connection
                act(on: .connected)
            case .failure(let error):
                attemptFailed(.dialFailed("\(error)"))
            }
        }
    }

    private func register() {
        guard let connection else { preconditionFailure("registered without a connection") }
        let session = SchedulerSession(connection, resources, compression: settings.compression) {
            [unowned self] in handle($0)
        }
        self.session = session
        var registration = settings.registration
        registration.accessToken = accessToken
        registration.procIDs = resources.table.ids
        registration.shutdownState = gate.isOpen ? .active : .idling
        registration.features = [.push]
        session.register(registration)
    }

    private func handle(_ event: SchedulerSession.Event) {
        switch event {
        case .registered:
            act(on: .registered)
            onEvent(.registered)
        case .refused(let text):
            attemptFailed(.registrationRefused(text))
        case .ended(let end):
            // Not here and now: it is the connection that calls.
            let (former, connection) = (session, connection)
            loop.soon { withExtendedLifetime((former, connection)) {} }
            session = nil
            self.connection = nil
            switch reconnect.state {
            case .registering: attemptFailed(.ended(ConnectionEnd(end)))
            case .registered:
                act(on: .ended(ConnectionEnd(end)))
                onEvent(.lost)
            case .stopping: act(on: .ended(ConnectionEnd(end)))
            case .disconnected, .waiting, .dialling, .over: break
            }
        }
    }

    private func attemptFailed(_ event: Reconnect.Event) {
        act(on: event)
        onEvent(.attemptFailed)
    }

    private func drop() {
        let (former, connection) = (session, connection)
        loop.soon { withExtendedLifetime((former, connection)) {} }
        session?.drop()
        session = nil
        self.connection = nil
    }

    private func note(_ notice: Reconnect.Notice) {
        let level: LogLevel =
            switch notice {
            case .registered: .info
            case .failed, .lost: .warn
            case .givenUp: .error
            }
        log.log(
            level, notice.description,
            [
                "scheduler": .string("\(settings.endpoint)"), "conn_id": .string(settings.registration.connID),
                "group": .string(settings.registration.groupID),
            ])
    }
}

extension ConnectionEnd {
    package init(_ end: WebSocketConnection.End) {
        switch end {
        case .closed(let reason, byPeer: true) where reason.text.isEmpty && [1000, 1005].contains(reason.code):
            self = .wordless(end.description)
        case .lost: self = .wordless(end.description)
        case .closed, .protocolError, .silent, .closeTimedOut: self = .other(end.description)
        }
    }
}
