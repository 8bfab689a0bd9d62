/// What the system has measured of the way to a peer, and whether compressing what goes there pays.
package struct LinkEstimate: Equatable, Sendable {
    /// The shortest of late.
    package let roundTrip: Interval
    /// Bytes a second that arrived.
    package let rate: UInt64
    /// Whether there was no more to send then, so that the way may well take more.
    package let isLowerBound: Bool

    package init(roundTrip: Interval, rate: UInt64, isLowerBound: Bool) {
        self.roundTrip = roundTrip
        self.rate = rate
        self.isLowerBound = isLowerBound
    }

    /// What deflating yields on one processor, in bytes a second, about. A faster way is not worth the work.
    package static let deflateRate: UInt64 = 30_000_000
    /// What is nearer is in the same building, where networks are fast.
    package static let nearby = Interval.milliseconds(2)

    /// Whether the way is slower than compressing is. As long as nobody has filled it, its length is what tells.
    package var isBottleneck: Bool {
        if rate >= Self.deflateRate { return false }
        return isLowerBound ? roundTrip >= Self.nearby : true
    }
}
