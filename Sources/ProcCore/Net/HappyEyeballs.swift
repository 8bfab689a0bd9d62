/// Which of a host's addresses to try, and when: the first that answers wins (RFC 8305, section 5).
///
/// Attempts begin one after the other and go on side by side: a next one begins when one fails, or when the last has
/// had `attemptDelay` without an answer. Both families' addresses are known from the start, because getaddrinfo(3)
/// returns them together, so the RFC's section 3 about answers that come apart has no part in this.
package struct HappyEyeballs: Equatable, Sendable {
    package struct Limits: Hashable, Sendable {
        /// The head start that an attempt has before the next. RFC 8305, section 8: 250 ms, never below 10 ms.
        package var attemptDelay = Interval.milliseconds(250)
        /// What one address gets. Linux itself gives up after some two minutes.
        package var attempt = Interval.seconds(10)
        /// What all of them get together.
        package var overall = Interval.seconds(10)

        package init() {}
    }

    package enum Event: Equatable, Sendable {
        case begin
        /// The attempt at this address, an index into ``addresses``, has succeeded.
        case connected(Int)
        case failed(Int, errno: CInt)
        /// The time of the last ``Action/wakeAt(_:)``, or any other.
        case timeReached
    }

    package enum Action: Equatable, Sendable {
        /// Begin an attempt at this address.
        case connect(Int)
        /// Close what was begun: it has lost, or had its time.
        case abandon(Int)
        /// Deliver ``Event/timeReached`` at this time, in place of any earlier one.
        case wakeAt(Instant)
        /// The last action: this one's connection is the result.
        case succeed(Int)
        /// The last action: there is no connection.
        case fail(ConnectFailure)
    }

    private struct Attempt: Equatable, Sendable {
        let index: Int
        let deadline: Instant
    }

    private struct Race: Equatable, Sendable {
        let deadline: Instant
        var running: [Attempt] = []
        var failed: [ConnectFailure.Attempt] = []
        /// The first address that hasn't been tried.
        var next = 0
        /// When it is tried, at the latest.
        var nextStart: Instant
    }

    private enum State: Equatable, Sendable {
        case idle
        case racing(Race)
        case over
    }

    /// In the order in which they are tried.
    package let addresses: [SocketAddress]
    private let limits: Limits
    private var state = State.idle

    /// - Parameter addresses: The best first, as getaddrinfo(3) sorts them (RFC 6724).
    package init(_ addresses: [SocketAddress], limits: Limits) {
        self.addresses = Self.interleaved(addresses)
        self.limits = limits
    }

    /// Section 4: the families take turns, that of the first address first, so that one that doesn't work on this
    /// network costs one delay and not one for each of its addresses.
    private static func interleaved(_ addresses: [SocketAddress]) -> [SocketAddress] {
        let preferred = addresses.filter { $0.ip.family == addresses.first?.ip.family }
        let others = addresses.filter { $0.ip.family != addresses.first?.ip.family }
        var result: [SocketAddress] = []
        for turn in 0..<max(preferred.count, others.count) {
            if turn < preferred.count { result.append(preferred[turn]) }
            if turn < others.count { result.append(others[turn]) }
        }
        return result
    }

    /// What to do about an event. Of an attempt that isn't under way any more, nothing.
    package mutating func handle(_ event: Event, at now: Instant) -> [Action] {
        switch (state, event) {
        case (.idle, .begin):
            return advance(Race(deadline: now + limits.overall, nextStart: now), at: now, [])

        case (.racing(let race), .connected(let winner)):
            guard race.running.contains(where: { $0.index == winner }) else { return [] }
            state = .over
            return race.running.filter { $0.index != winner }.map { .abandon($0.index) } + [.succeed(winner)]

        case (.racing(var race), .failed(let index, let errno)):
            guard let place = race.running.firstIndex(where: { $0.index == index }) else { return [] }
            race.running.remove(at: place)
            race.failed.append(ConnectFailure.Attempt(addresses[index], .system(errno: errno)))
            race.nextStart = now
            return advance(race, at: now, [])

        case (.racing(var race), .timeReached):
            let abandoned = expire(&race, at: now)
            return advance(race, at: now, abandoned)

        case (.idle, .connected), (.idle, .failed), (.idle, .timeReached), (.racing, .begin), (.over, _):
            return []
        }
    }

    /// Takes out the attempts that have had their time.
    private func expire(_ race: inout Race, at now: Instant) -> [Action] {
        let isOver = race.deadline <= now
        let expired = race.running.filter { isOver || $0.deadline <= now }
        guard !expired.isEmpty else { return [] }
        race.running.removeAll { isOver || $0.deadline <= now }
        race.failed += expired.map { attempt in
            ConnectFailure.Attempt(
                addresses[attempt.index], .noAnswer(within: isOver ? limits.overall : limits.attempt))
        }
        race.nextStart = now
        return expired.map { .abandon($0.index) }
    }

    /// Begins the attempt that is due, or ends the race, or says when to look again.
    private mutating func advance(_ before: Race, at now: Instant, _ actionsSoFar: [Action]) -> [Action] {
        var race = before
        var actions = actionsSoFar
        let hasTime = now < race.deadline
        if hasTime, race.next < addresses.count, race.nextStart <= now {
            actions.append(.connect(race.next))
            race.running.append(Attempt(index: race.next, deadline: now + limits.attempt))
            race.next += 1
            race.nextStart = now + limits.attemptDelay
        }
        if race.running.isEmpty {
            state = .over
            return actions + [.fail(ConnectFailure(race.failed, untried: addresses.count - race.next))]
        }
        var wake = min(race.deadline, race.running.map(\.deadline).min() ?? race.deadline)
        if race.next < addresses.count { wake = min(wake, race.nextStart) }
        state = .racing(race)
        return actions + [.wakeAt(wake)]
    }
}
