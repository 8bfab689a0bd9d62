import ProcCore
import Testing

@Suite struct SilenceTests {
    let start = Instant(nanoseconds: 5_000_000_000)

    @Test func pingsComeInIntervalsUntilTheLimit() {
        var silence = Silence(pingInterval: .seconds(20), limit: .seconds(50), at: start)
        #expect(silence.next == start + .seconds(20))
        #expect(silence.judge(at: start + .seconds(19)) == .none)
        #expect(silence.judge(at: start + .seconds(20)) == .ping)
        #expect(silence.next == start + .seconds(40))
        #expect(silence.judge(at: start + .seconds(41)) == .ping)
        #expect(silence.next == start + .seconds(50))
        #expect(silence.judge(at: start + .seconds(50)) == .giveUp(limit: .seconds(50)))
    }

    @Test func whateverComesBeginsItAnew() {
        var silence = Silence(pingInterval: .seconds(20), limit: .seconds(50), at: start)
        silence.isBroken(at: start + .seconds(15))
        #expect(silence.judge(at: start + .seconds(20)) == .none)
        #expect(silence.next == start + .seconds(35))
        silence.pinged(at: start + .seconds(30))
        #expect(silence.next == start + .seconds(50))
        #expect(silence.judge(at: start + .seconds(65)) == .giveUp(limit: .seconds(50)))
    }

    @Test func withoutPingsOrLimitThereIsNothingToDo() {
        #expect(Silence(pingInterval: nil, limit: nil, at: start).next == nil)
        var silence = Silence(pingInterval: nil, limit: .seconds(1), at: start)
        #expect(silence.next == start + .seconds(1))
        #expect(silence.judge(at: start) == .none)
        silence = Silence(pingInterval: .seconds(1), limit: nil, at: start)
        #expect(silence.next == start + .seconds(1))
        #expect(silence.judge(at: start + .seconds(1000)) == .ping)
    }

    /// A next judgement that is due at once would keep the loop's timers going for ever.
    @Test func theNextJudgementIsAlwaysLaterThanTheLast() {
        for limit in [nil, Interval.milliseconds(7)] {
            var silence = Silence(pingInterval: .milliseconds(3), limit: limit, at: start)
            for step in 0..<20 {
                let now = start + .milliseconds(UInt64(step))
                guard silence.judge(at: now) != .giveUp(limit: limit ?? .zero) else { break }
                #expect(silence.next.map { $0 > now } == true)
            }
        }
    }
}
