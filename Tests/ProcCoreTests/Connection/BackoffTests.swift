import ProcCore
import TestSupport
import Testing

@Suite struct BackoffTests {
    static func limits(_ start: UInt64, _ factor: Double, _ max: UInt64) -> Backoff.Limits {
        var limits = Backoff.Limits()
        limits.start = .milliseconds(start)
        limits.factor = factor
        limits.max = .milliseconds(max)
        return limits
    }

    /// The longest of many waits at each step, and the shortest.
    static func bounds(_ limits: Backoff.Limits, steps: Int) -> [(shortest: Interval, longest: Interval)] {
        let waits = (0..<200).map { seed in
            var random = SeededGenerator(seed: UInt64(seed))
            var backoff = Backoff(limits)
            return (0..<steps).map { _ in backoff.next(using: &random) }
        }
        return (0..<steps).map { step in
            let all = waits.map { $0[step] }.sorted()
            return (all[0], all[all.count - 1])
        }
    }

    @Test(
        arguments: [
            (Backoff.Limits(), [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]),
            (limits(100, 1, 60_000), [100, 100, 100]),
            (limits(100, 1.5, 300), [100, 150, 225, 300, 300]),
            (limits(5000, 2, 1000), [1000, 1000]),
            (limits(1000, 1e300, 3000), [1000, 3000, 3000]),
            // A factor that shortens is no reason to hurry, and zero none to spin.
            (limits(1000, 0, 3000), [1000, 1000]),
            (limits(0, 2, 0), [10, 10]),
        ] as [(Backoff.Limits, [UInt64])])
    func waitsGrowToTheLimitAndChanceTakesUpToHalf(limits: Backoff.Limits, expected: [UInt64]) {
        for (bounds, longest) in zip(Self.bounds(limits, steps: expected.count), expected) {
            let longest = Interval.milliseconds(longest)
            #expect(bounds.longest <= longest)
            #expect(bounds.longest.nanoseconds > longest.nanoseconds / 10 * 9)
            #expect(bounds.shortest.nanoseconds >= longest.nanoseconds / 2)
            #expect(bounds.shortest.nanoseconds < longest.nanoseconds / 10 * 6)
        }
    }

    @Test func afterAResetItBeginsAnew() {
        var random = SeededGenerator(seed: 1)
        var backoff = Backoff(Backoff.Limits())
        for _ in 0..<5 { _ = backoff.next(using: &random) }
        backoff.reset()
        #expect(backoff == Backoff(Backoff.Limits()))
        #expect(backoff.next(using: &random) <= .seconds(1))
    }

    @Test func aFailureIsSaidOnceUntilItChangesOrSucceeds() {
        var log = FailureLog()
        #expect(log.failed("a") == "a")
        #expect(log.failed("a") == nil)
        #expect(log.failed("b") == "b")
        #expect(log.failed("b") == nil)
        #expect(log.failed("a") == "a")
        #expect(log.count == 5)
        #expect(log.succeeded() == 5)
        #expect(log.succeeded() == 0)
        #expect(log.failed("a") == "a")
    }
}
