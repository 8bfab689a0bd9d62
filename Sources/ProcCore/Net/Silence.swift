/// Decides when the peer of a connection that says nothing is pinged, and when it is given up.
package struct Silence {
    package enum Action: Equatable, Sendable {
        case none, ping
        /// - Parameter limit: What the silence has reached.
        case giveUp(limit: Interval)
    }

    private let pingInterval: Interval?
    private let limit: Interval?
    /// Since when it lasts.
    private var start: Instant
    private var lastPing: Instant

    /// - Parameters:
    ///   - pingInterval: How long a silence lasts before each ping; nil for no pings.
    ///   - limit: How long it may last at all; nil for ever.
    package init(pingInterval: Interval?, limit: Interval?, at now: Instant) {
        precondition(pingInterval != .zero && limit != .zero, "silence that is judged all the time")
        self.pingInterval = pingInterval
        self.limit = limit
        start = now
        lastPing = now
    }

    /// Something has come, or there was a reason why nothing could.
    package mutating func isBroken(at now: Instant) { start = now }

    /// A ping was sent for another reason.
    package mutating func pinged(at now: Instant) { lastPing = now }

    /// When to judge next: right after a judgement always later than that, so that no timer comes without end. Nil for
    /// never.
    package var next: Instant? {
        let ping = pingInterval.map { max(start, lastPing) + $0 }
        guard let limit else { return ping }
        return ping.map { min($0, start + limit) } ?? start + limit
    }

    /// What to do now. A ping counts as sent, whether there is room for it or not.
    package mutating func judge(at now: Instant) -> Action {
        if let limit, now.since(start) >= limit { return .giveUp(limit: limit) }
        guard let pingInterval, now.since(max(start, lastPing)) >= pingInterval else { return .none }
        lastPing = now
        return .ping
    }
}
