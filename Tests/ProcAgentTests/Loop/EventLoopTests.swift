import CLinux
import ProcCore
import ProcIO
import Testing

@Suite struct EventLoopTests {
    /// Both ends of a new pipe.
    static func pipe() throws -> (reader: SharedFD, writer: SharedFD) {
        var reader: CInt = -1
        var writer: CInt = -1
        try #require(clinux_pipe(&reader, &writer) == 0)
        return (SharedFD(OwnedFD(adopting: reader)), SharedFD(OwnedFD(adopting: writer)))
    }

    @Test func aReadableDescriptorCallsItsHandlerUntilItIsUnwatched() throws {
        let loop = try EventLoop()
        let (reader, writer) = try Self.pipe()
        var seen: [EventLoop.Readiness] = []
        let token = try loop.watch(reader.rawValue, for: .readable) { seen.append($0) }
        _ = write(writer.rawValue, "x", 1)
        loop.run { seen.count == 3 }
        #expect(seen == [.readable, .readable, .readable])

        loop.unwatch(token)
        var turned = false
        loop.soon { turned = true }
        loop.run { turned }
        #expect(seen.count == 3)
    }

    @Test func aPausedRegistrationReportsNothingAndGoesOnWhenChanged() throws {
        let loop = try EventLoop()
        let (reader, writer) = try Self.pipe()
        var seen: [EventLoop.Readiness] = []
        let token = try loop.watch(reader.rawValue, for: .readable) { seen.append($0) }
        loop.change(token, to: [])
        _ = write(writer.rawValue, "x", 1)
        _ = consume writer  // the last writer: a hang-up too
        var turns = 0
        func turnAgain() {
            turns += 1
            if turns < 10 { loop.soon(turnAgain) }
        }
        turnAgain()
        loop.run { turns == 10 }
        #expect(seen.isEmpty)

        loop.change(token, to: .readable)
        loop.run { !seen.isEmpty }
        #expect(seen == [[.readable, .hangup]])
    }

    @Test func anEventInHandForAFormerOwnerOfTheNumberIsDropped() throws {
        let loop = try EventLoop()
        let (first, firstWriter) = try Self.pipe()
        let (second, secondWriter) = try Self.pipe()
        _ = write(firstWriter.rawValue, "x", 1)
        _ = write(secondWriter.rawValue, "x", 1)
        var calls = 0
        var tokens: [EventLoop.Token] = []
        // Both are ready in the same turn. Whichever comes first ends both registrations and
        // registers both numbers anew, so the second event is for an owner that is gone.
        let takeOver: EventLoop.Handler = { _ in
            calls += 1
            tokens.forEach(loop.unwatch)
            tokens = []
            for number in [first.rawValue, second.rawValue] {
                _ = try? loop.watch(number, for: []) { _ in calls += 100 }
            }
        }
        tokens.append(try loop.watch(first.rawValue, for: .readable, takeOver))
        tokens.append(try loop.watch(second.rawValue, for: .readable, takeOver))
        var turned = false
        loop.soon { turned = true }
        loop.run { turned }
        #expect(calls == 1)
    }

    @Test func timersFireInTheOrderOfTheirTimesAndCancelledOnesDoNot() throws {
        let loop = try EventLoop()
        let start = loop.now
        var fired: [Int] = []
        loop.at(start + .milliseconds(8)) { fired.append(8) }
        let cancelled = loop.at(start + .milliseconds(4)) { fired.append(4) }
        loop.at(start + .milliseconds(2)) { fired.append(2) }
        loop.at(start + .milliseconds(2)) { fired.append(3) }
        loop.cancel(cancelled)
        loop.run { fired.count == 3 }
        #expect(fired == [2, 3, 8])
        #expect(loop.now.since(start) >= .milliseconds(8))
    }

    @Test func aTimerCanCancelAnotherThatIsDueWithIt() throws {
        let loop = try EventLoop()
        let instant = loop.now + .milliseconds(1)
        var fired: [Int] = []
        var second: EventLoop.TimerID?
        loop.at(instant) {
            fired.append(1)
            if let second { loop.cancel(second) }
        }
        second = loop.at(instant) { fired.append(2) }
        loop.at(instant) { fired.append(3) }
        loop.run { fired.contains(3) }
        #expect(fired == [1, 3])
    }

    @Test func aQueueOfMostlyCancelledTimersForgetsThem() {
        var queue = TimerQueue()
        var kept: [Int] = []
        for number in 0..<10_000 {
            let id = queue.add(at: Instant(nanoseconds: UInt64(10_000 - number))) { kept.append(number) }
            if number % 100 != 0 { queue.cancel(id) }
        }
        #expect(queue.count == 100)
        while let action = queue.takeDue(at: Instant(nanoseconds: 20_000)) { action() }
        #expect(kept == (0..<100).map { 9_900 - $0 * 100 })
        #expect(queue.count == 0 && queue.next == nil)
    }

    @Test func workRunsElsewhereAndItsResultsArriveOnTheLoopInOrder() throws {
        let loop = try EventLoop()
        let worker = try Worker(loop: loop, name: "test")
        let here = pthread_self()
        var results: [Int] = []
        for number in 0..<1000 {
            worker.run {
                pthread_equal(pthread_self(), here) == 0 ? number : -1
            } then: {
                results.append($0)
            }
        }
        loop.run { results.count == 1000 }
        #expect(results == Array(0..<1000))
        #expect(worker.backlog == 0)
    }
}
