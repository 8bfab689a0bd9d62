import ProcCore
import Testing

@Suite struct ShutdownTests {
    let start = Instant(nanoseconds: 1_000_000_000)

    @Test func termGraceKillGraceExit() {
        var shutdown = Shutdown()
        #expect(shutdown.handle(.terminate, at: start) == [.stopAll, .wakeAt(start + .seconds(60))])
        let late = start + .seconds(60)
        #expect(shutdown.handle(.deadlineReached, at: late) == [.killAll, .wakeAt(late + .seconds(5))])
        #expect(shutdown.handle(.deadlineReached, at: late + .seconds(5)) == [.exit])
        #expect(shutdown.handle(.terminate, at: late) == [])
    }

    @Test func aSecondTermKillsAtOnce() {
        var shutdown = Shutdown()
        _ = shutdown.handle(.terminate, at: start)
        #expect(shutdown.handle(.terminate, at: start) == [.killAll, .wakeAt(start + .seconds(5))])
        #expect(shutdown.handle(.terminate, at: start) == [])
    }

    @Test func itIsOverAsSoonAsNothingRuns() {
        for first in [Shutdown.Event.terminate, .kill] {
            var shutdown = Shutdown()
            _ = shutdown.handle(first, at: start)
            #expect(shutdown.handle(.nothingRuns, at: start) == [.exit])
            #expect(shutdown.state == .done)
        }
    }

    @Test func nothingRunningIsNoReasonToEnd() {
        var shutdown = Shutdown()
        #expect(shutdown.handle(.nothingRuns, at: start) == [])
        #expect(shutdown.state == .active)
    }
}
