/// A point on the monotonic clock (CLOCK_MONOTONIC), in nanoseconds.
///
/// The standard library's `ContinuousClock` would do the same and link the
/// concurrency runtime for it.
package struct Instant: Comparable, Hashable, Sendable {
    package var nanoseconds: UInt64

    package init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    package static func < (a: Instant, b: Instant) -> Bool { a.nanoseconds < b.nanoseconds }

    /// Saturates at the end of time, so that an absurd timeout means "never".
    package static func + (instant: Instant, interval: Interval) -> Instant {
        let (sum, overflow) = instant.nanoseconds.addingReportingOverflow(interval.nanoseconds)
        return Instant(nanoseconds: overflow ? .max : sum)
    }

    /// The interval from `earlier` to this instant; zero when it lies in the future.
    package func since(_ earlier: Instant) -> Interval {
        Interval(nanoseconds: nanoseconds > earlier.nanoseconds ? nanoseconds - earlier.nanoseconds : 0)
    }
}

/// A length of time that is never negative, in nanoseconds.
package struct Interval: Comparable, Hashable, Sendable {
    package var nanoseconds: UInt64

    package init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    package static let zero = Interval(nanoseconds: 0)
    package static func milliseconds(_ count: UInt64) -> Interval { Interval(nanoseconds: count * 1_000_000) }
    package static func seconds(_ count: UInt64) -> Interval { Interval(nanoseconds: count * 1_000_000_000) }

    /// From seconds; nil when negative, not a number, or beyond 500 years.
    package init?(seconds: Double) {
        guard seconds >= 0, seconds < 1.6e10 else { return nil }
        nanoseconds = UInt64(seconds * 1e9)
    }

    /// The length in seconds.
    package var seconds: Double { Double(nanoseconds) / 1e9 }

    package static func < (a: Interval, b: Interval) -> Bool { a.nanoseconds < b.nanoseconds }
}

/// A point on the wall clock: nanoseconds since 1970-01-01T00:00:00Z.
package struct WallTime: Comparable, Hashable, Sendable {
    package var nanoseconds: Int64

    package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    package static func < (a: WallTime, b: WallTime) -> Bool { a.nanoseconds < b.nanoseconds }
}
