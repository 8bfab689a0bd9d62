package import ProcCore

/// Makes TCP connections: finds the host's addresses and tries them until one answers (``HappyEyeballs``).
package final class Dialer {
    package struct Limits: Hashable, Sendable {
        /// What the search for the host's addresses gets.
        package var resolve = Interval.seconds(10)
        /// What the attempts at them get, after that.
        package var connect = HappyEyeballs.Limits()

        package init() {}
    }

    package typealias Completion = (consuming Result<Connection, DialError>) -> Void

    private let loop: EventLoop
    private let resolver: Resolver

    package init(loop: EventLoop, resolver: Resolver) {
        self.loop = loop
        self.resolver = resolver
    }

    /// Calls `then` once, on the loop and never before this returns, unless the dial is cancelled. The connection is
    /// then its to keep.
    ///
    /// The dial keeps itself alive; nobody has to hold on to it. Its limits see to it that it ends.
    package func dial(_ endpoint: Endpoint, limits: Limits = Limits(), then: @escaping Completion) -> Dial {
        let dial = Dial(endpoint, limits, loop: loop, then: then)
        dial.begin(with: resolver)
        return dial
    }
}

/// A connection that is being made.
package final class Dial {
    private let endpoint: Endpoint
    private let limits: Dialer.Limits
    private let loop: EventLoop
    /// Nil when it is over.
    private var then: Dialer.Completion?
    private var lookup: Lookup?
    private var race: HappyEyeballs?
    /// By the index of their address in ``race``.
    private var attempts: [Int: ConnectAttempt] = [:]
    private var timer: EventLoop.TimerID?

    fileprivate init(
        _ endpoint: Endpoint, _ limits: Dialer.Limits, loop: EventLoop, then: @escaping Dialer.Completion
    ) {
        self.endpoint = endpoint
        self.limits = limits
        self.loop = loop
        self.then = then
    }

    /// Gives it up, at any time: nothing will be called, and what was begun is closed. One that is over is no error.
    package func cancel() {
        then = nil
        lookup?.cancel()
        lookup = nil
        race = nil
        attempts = [:]
        sleep(until: nil)
    }

    fileprivate func begin(with resolver: Resolver) {
        lookup = resolver.resolve(endpoint, within: limits.resolve) { [self] answer in
            lookup = nil
            switch answer {
            case .success(let addresses):
                race = HappyEyeballs(addresses, limits: limits.connect)
                handle(.begin)
            case .failure(let error): finish(.failure(.resolve(error)))
            }
        }
    }

    private func handle(_ event: HappyEyeballs.Event) {
        for action in race?.handle(event, at: loop.now) ?? [] {
            switch action {
            case .connect(let index): connect(index)
            case .abandon(let index): attempts[index] = nil
            case .wakeAt(let instant): sleep(until: instant)
            case .succeed(let index):
                guard let attempt = attempts.removeValue(forKey: index) else {
                    preconditionFailure("address \(index) has won without an attempt")
                }
                let peer = attempt.address
                finish(.success(Connection(attempt.release(), peer: peer)))
            case .fail(let failure): finish(.failure(.connect(endpoint, failure)))
            }
        }
    }

    private func connect(_ index: Int) {
        guard let address = race?.addresses[index] else { return }
        do {
            attempts[index] = try ConnectAttempt(address, loop: loop) { [self] number in
                guard number != 0 else { return handle(.connected(index)) }
                attempts[index] = nil
                handle(.failed(index, errno: number))
            }
        } catch {
            // Not at once: the actions that this one came with are still being done.
            loop.soon { [self] in handle(.failed(index, errno: error.errno)) }
        }
    }

    private func sleep(until instant: Instant?) {
        if let timer { loop.cancel(timer) }
        timer = instant.map { loop.at($0) { [self] in handle(.timeReached) } }
    }

    private func finish(_ result: consuming Result<Connection, DialError>) {
        let then = then
        cancel()
        then?(result)
    }
}
