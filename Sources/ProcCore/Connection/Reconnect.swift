/// When to dial the server, when to give an attempt up, and what to say of it.
///
/// Events are those of the present attempt: what comes from one that was abandoned or has ended is not told here.
package struct Reconnect: Equatable, Sendable {
    package struct Limits: Hashable, Sendable {
        package var backoff = Backoff.Limits()
        /// So many failed attempts in succession are the last; nil for any number.
        package var failures: Int?
        /// From the connection to `Registered`.
        package var registration = Interval.seconds(10)
        /// What the server has to answer our close frame at the end.
        package var close = Interval.seconds(5)

        package init() {}
    }

    package enum State: Equatable, Sendable {
        /// There is no connection, and none is sought.
        case disconnected
        /// Between two attempts.
        case waiting
        case dialling
        /// `Register` has been sent.
        case registering
        case registered
        /// The connection is being closed, and is the last.
        case stopping
        case over
    }

    package enum Event: Equatable, Sendable {
        case begin
        /// The time of the last ``Action/wakeAt(_:)``, or any other.
        case timeReached
        /// Don't wait any longer: something has changed that may make the next attempt succeed.
        case retry
        /// The dial has failed, at a step that the text names.
        case dialFailed(String)
        /// There is a WebSocket.
        case connected
        /// `Registered` has arrived.
        case registered
        /// Something else came in its place.
        case registrationRefused(String)
        /// The connection has ended, by itself or by our closing it.
        case ended(ConnectionEnd)
        /// The agent is done: there is nothing more to tell the server.
        case stop
    }

    package enum Action: Equatable, Sendable {
        /// Begin an attempt, from the lookup of the name on.
        case dial
        /// Give up a dial that is under way.
        case abandonDial
        /// Send `Register`, with what is true at this moment.
        case register
        /// Close the connection in an orderly way; ``Event/ended(_:)`` follows.
        case close
        /// Drop the connection. Nothing follows.
        case drop
        /// Deliver ``Event/timeReached`` at this time, in place of any earlier one.
        case wakeAt(Instant)
        case log(Notice)
        /// There won't be another attempt, and the agent ends as it does at SIGTERM. ``Event/stop`` comes later.
        case giveUp
        /// The last action of all.
        case finish
    }

    package private(set) var state = State.disconnected
    private let limits: Limits
    private var backoff: Backoff
    private var failures = FailureLog()

    package init(_ limits: Limits) {
        self.limits = limits
        backoff = Backoff(limits.backoff)
    }

    package mutating func handle(
        _ event: Event, at now: Instant, using random: inout some RandomNumberGenerator
    ) -> [Action] {
        switch (state, event) {
        case (.disconnected, .begin), (.waiting, .timeReached), (.waiting, .retry):
            state = .dialling
            return [.dial]

        case (.dialling, .connected):
            state = .registering
            return [.register, .wakeAt(now + limits.registration)]

        case (.registering, .registered):
            state = .registered
            backoff.reset()
            return [.log(.registered(failuresBefore: failures.succeeded()))]

        case (.dialling, .dialFailed(let text)):
            return failed(.dial(text), at: now, using: &random)

        case (.registering, .ended(let end)):
            return failed(.registrationEnded(end), at: now, using: &random)

        case (.registering, .registrationRefused(let text)):
            return [.drop] + failed(.registrationRefused(text), at: now, using: &random)

        case (.registering, .timeReached):
            return [.drop] + failed(.registrationTimedOut(limits.registration), at: now, using: &random)

        case (.registered, .ended(let end)):
            return [.log(.lost(end))] + wait(at: now, using: &random)

        case (.disconnected, .stop), (.waiting, .stop):
            state = .over
            return [.finish]

        case (.dialling, .stop):
            state = .over
            return [.abandonDial, .finish]

        case (.registering, .stop), (.registered, .stop):
            state = .stopping
            return [.close, .wakeAt(now + limits.close)]

        case (.stopping, .ended):
            state = .over
            return [.finish]

        case (.stopping, .timeReached):
            state = .over
            return [.drop, .finish]

        // A time that was asked for in an earlier state; a retry while an attempt is under way or none is needed.
        case (.disconnected, .timeReached), (.dialling, .timeReached), (.registered, .timeReached),
            (.disconnected, .retry), (.dialling, .retry), (.registering, .retry), (.registered, .retry),
            (.stopping, .retry), (.stopping, .stop), (.over, _):
            return []

        // What the server says at the wrong time doesn't matter here, and must never be a reason to trap.
        case (.registered, .registered), (.registered, .registrationRefused),
            (.stopping, .registered), (.stopping, .registrationRefused):
            return []

        case (.waiting, .begin), (.dialling, .begin), (.registering, .begin), (.registered, .begin),
            (.stopping, .begin),
            (.disconnected, .dialFailed), (.disconnected, .connected), (.disconnected, .registered),
            (.disconnected, .registrationRefused), (.disconnected, .ended),
            (.waiting, .dialFailed), (.waiting, .connected), (.waiting, .registered),
            (.waiting, .registrationRefused), (.waiting, .ended),
            (.dialling, .registered), (.dialling, .registrationRefused), (.dialling, .ended),
            (.registering, .dialFailed), (.registering, .connected),
            (.registered, .dialFailed), (.registered, .connected),
            (.stopping, .dialFailed), (.stopping, .connected):
            preconditionFailure("\(event) in state \(state)")
        }
    }

    /// An attempt has come to nothing.
    private mutating func failed(
        _ failure: AttemptFailure, at now: Instant, using random: inout some RandomNumberGenerator
    ) -> [Action] {
        let report = failures.failed(failure.description).map { [Action.log(.failed($0))] } ?? []
        if let most = limits.failures, failures.count >= most {
            state = .disconnected
            return report + [.log(.givenUp(after: failures.count)), .giveUp]
        }
        return report + wait(at: now, using: &random)
    }

    private mutating func wait(at now: Instant, using random: inout some RandomNumberGenerator) -> [Action] {
        state = .waiting
        return [.wakeAt(now + backoff.next(using: &random))]
    }
}
