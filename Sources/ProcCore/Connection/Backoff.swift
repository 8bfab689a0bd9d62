/// How long to wait between attempts: longer and longer, and not all agents at the same moment.
package struct Backoff: Equatable, Sendable {
    package struct Limits: Hashable, Sendable {
        package var start = Interval.seconds(1)
        /// Each wait is this much longer than the one before; 1 or more.
        package var factor = 2.0
        package var max = Interval.seconds(60)

        package init() {}
    }

    /// Whatever the limits say: an agent without a pause would keep a processor busy, and the server.
    package static let shortest = Interval.milliseconds(10)

    private let limits: Limits
    /// The next wait, before chance shortens it.
    private var upcoming: Interval

    package init(_ limits: Limits) {
        self.limits = limits
        upcoming = max(min(limits.start, limits.max), Self.shortest)
    }

    /// Begins with the shortest wait again.
    package mutating func reset() { self = Backoff(limits) }

    /// The next wait: somewhere between half of what the limits say and all of it, so that the agents of a server
    /// that was restarted don't come back all at once.
    package mutating func next(using random: inout some RandomNumberGenerator) -> Interval {
        let longest = upcoming
        // Beyond 500 years there is no interval, but then it is more than any limit.
        let longer = Interval(seconds: longest.seconds * limits.factor) ?? limits.max
        upcoming = max(min(longer, limits.max), longest)
        let half = longest.nanoseconds / 2
        return Interval(nanoseconds: longest.nanoseconds - UInt64.random(in: 0...half, using: &random))
    }
}
