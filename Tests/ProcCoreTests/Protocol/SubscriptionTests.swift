import ProcCore
import Testing

@Suite struct SubscriptionTests {
    static let out = FdName(1)
    static let err = FdName(2)
    static let start = Instant(nanoseconds: 1_000_000_000)

    static func subscription(
        window: UInt64 = 10, from offset: Int64 = 0, length: UInt64 = 0, isRunning: Bool = true,
        interval: Interval? = nil
    ) throws(SpecError) -> Subscription {
        try Subscription(
            SubscriptionTerms(interval: interval, output: [.init(fd: out, start: offset, window: window)]),
            isRunning: isRunning, at: start, length: { _ in length })
    }

    /// All that it has to say now.
    static func messages(
        _ subscription: inout Subscription, at now: Instant = start, largest: UInt64 = .max
    ) -> [Subscription.Message] {
        var messages: [Subscription.Message] = []
        while let message = subscription.next(at: now, largest: largest) { messages.append(message) }
        return messages
    }

    @Test func outputComesAsItIsWrittenAndTheLastResultBehindIt() throws {
        var subscription = try Self.subscription(window: 100)
        #expect(Self.messages(&subscription) == [.result])
        subscription.outputGrew(Self.out, to: 3)
        #expect(Self.messages(&subscription) == [.output(Self.out, 0..<3)])
        #expect(Self.messages(&subscription) == [])
        subscription.outputGrew(Self.out, to: 10)
        subscription.processEnded()
        #expect(
            Self.messages(&subscription, largest: 4) == [
                .output(Self.out, 3..<7), .output(Self.out, 7..<10), .finalResult,
            ])
        subscription.processEnded()
        #expect(Self.messages(&subscription) == [])
    }

    @Test func descendantsThatWriteLaterAreHeardAndHoldNothingUp() throws {
        var subscription = try Self.subscription(window: 4)
        subscription.outputGrew(Self.out, to: 4)
        subscription.processEnded()
        subscription.outputGrew(Self.out, to: 9)
        #expect(Self.messages(&subscription) == [.output(Self.out, 0..<4), .finalResult])
        try subscription.acknowledge(Self.out, to: 4)
        #expect(Self.messages(&subscription) == [.output(Self.out, 4..<8)])
    }

    /// A process can truncate a file that it writes to.
    @Test func outputThatShrinksIsIgnored() throws {
        var subscription = try Self.subscription(window: 100, length: 5)
        #expect(Self.messages(&subscription) == [.result, .output(Self.out, 0..<5)])
        subscription.outputGrew(Self.out, to: 2)
        #expect(Self.messages(&subscription) == [])
        subscription.outputGrew(Self.out, to: 6)
        #expect(Self.messages(&subscription) == [.output(Self.out, 5..<6)])
    }

    @Test func theLastResultWaitsForAWindow() throws {
        var subscription = try Self.subscription(window: 4)
        subscription.outputGrew(Self.out, to: 5)
        subscription.processEnded()
        #expect(subscription.owesFinalResult)
        #expect(Self.messages(&subscription) == [.output(Self.out, 0..<4)])
        try subscription.acknowledge(Self.out, to: 4)
        #expect(Self.messages(&subscription) == [.output(Self.out, 4..<5), .finalResult])
        #expect(!subscription.owesFinalResult)
    }

    @Test func acknowledgementsInSmallStepsDontMakeSmallMessages() throws {
        var subscription = try Self.subscription(window: 10, length: 100)
        #expect(Self.messages(&subscription) == [.result, .output(Self.out, 0..<10)])
        for offset in 1...4 as ClosedRange<UInt64> {
            try subscription.acknowledge(Self.out, to: offset)
            #expect(Self.messages(&subscription) == [])
        }
        try subscription.acknowledge(Self.out, to: 5)
        #expect(Self.messages(&subscription) == [.output(Self.out, 10..<15)])
    }

    @Test func whatIsLeftGoesIntoWhateverRoomThereIs() throws {
        var subscription = try Self.subscription(window: 10, length: 11)
        #expect(Self.messages(&subscription) == [.result, .output(Self.out, 0..<10)])
        try subscription.acknowledge(Self.out, to: 1)
        #expect(Self.messages(&subscription) == [.output(Self.out, 10..<11)])
    }

    @Test func anAcknowledgementThatComesTwiceOrLateChangesNothing() throws {
        var subscription = try Self.subscription(window: 2, length: 9)
        _ = Self.messages(&subscription)
        try subscription.acknowledge(Self.out, to: 2)
        _ = Self.messages(&subscription)
        let before = subscription
        for offset in [0, 1, 2] as [UInt64] {
            try subscription.acknowledge(Self.out, to: offset)
            #expect(subscription == before)
        }
    }

    @Test func anAcknowledgementOfWhatWasNotSentIsRefused() throws {
        var subscription = try Self.subscription(window: 2, length: 9)
        _ = Self.messages(&subscription)
        let before = subscription
        #expect(text { try subscription.acknowledge(Self.out, to: 3) } == "acknowledged 3 of 2 bytes")
        #expect(text { try subscription.acknowledge(Self.err, to: 0) } == "not subscribed: 2")
        #expect(subscription == before)
    }

    @Test func aServerThatComesBackGoesOnWhereItWas() throws {
        var subscription = try Self.subscription(from: 7, length: 9, isRunning: false)
        #expect(!subscription.owesFinalResult)
        #expect(Self.messages(&subscription) == [.output(Self.out, 7..<9), .finalResult])

        var complete = try Self.subscription(from: 9, length: 9, isRunning: false)
        #expect(Self.messages(&complete) == [.finalResult])

        var tail = try Self.subscription(from: -2, length: 9, isRunning: false)
        #expect(Self.messages(&tail) == [.output(Self.out, 7..<9), .finalResult])
    }

    @Test func aStartBeyondTheEndIsRefusedAsIsAnFdWithoutOutput() throws {
        #expect(text { _ = try Self.subscription(from: 10, length: 9) } == "start beyond the end: 10 of 9 bytes")
        let terms = SubscriptionTerms(interval: nil, output: [.init(fd: Self.out)])
        #expect(
            text {
                _ = try Subscription(terms, isRunning: true, at: Self.start) { fd throws(SpecError) in
                    throw SpecError("no fd: \(fd.spelling)")
                }
            } == "no fd: 1")
    }

    @Test func resultsComeAtTheIntervalWhileItRuns() throws {
        var subscription = try Self.subscription(interval: .seconds(2))
        #expect(subscription.wakeAt == Self.start)
        #expect(Self.messages(&subscription) == [.result])
        let second = Self.start + .seconds(2)
        #expect(subscription.wakeAt == second)
        #expect(Self.messages(&subscription, at: Self.start + .milliseconds(1999)) == [])
        #expect(Self.messages(&subscription, at: second) == [.result])
        // The connection had no room for long: what was missed isn't made up for.
        let late = second + .seconds(60)
        #expect(Self.messages(&subscription, at: late) == [.result])
        #expect(subscription.wakeAt == late + .seconds(2))
        subscription.processEnded()
        #expect(subscription.wakeAt == nil)
        #expect(Self.messages(&subscription, at: late + .seconds(2)) == [.finalResult])
    }

    @Test func withoutAnIntervalThereIsOneResultAtOnceAndOneAtTheEnd() throws {
        var subscription = try Self.subscription()
        #expect(Self.messages(&subscription) == [.result])
        #expect(subscription.wakeAt == nil)
    }

    @Test func outputThatCannotBeReadIsNotWaitedFor() throws {
        var subscription = try Self.subscription(window: 1, length: 5)
        subscription.processEnded()
        #expect(Self.messages(&subscription) == [.output(Self.out, 0..<1)])
        subscription.outputFailed(Self.out)
        #expect(Self.messages(&subscription) == [.finalResult])
    }

    @Test func whoTakesASubscriptionsPlaceOwesWhatItOwed() throws {
        var first = try Self.subscription(window: 1, length: 5)
        #expect(!first.owesFinalResult)
        first.processEnded()
        let terms = SubscriptionTerms(interval: nil, output: [])
        var second = try Subscription(
            terms, isRunning: false, owesFinalResult: first.owesFinalResult, at: Self.start, length: { _ in 5 })
        #expect(second.owesFinalResult)
        #expect(Self.messages(&second) == [.finalResult])
        #expect(!second.owesFinalResult)
    }

    @Test func oneFdDoesNotKeepTheOthersWaiting() throws {
        let terms = SubscriptionTerms(interval: nil, output: [.init(fd: Self.out), .init(fd: Self.err)])
        var subscription = try Subscription(terms, isRunning: false, at: Self.start, length: { _ in 3 })
        #expect(
            Self.messages(&subscription, largest: 2) == [
                .output(Self.out, 0..<2), .output(Self.err, 0..<2), .output(Self.out, 2..<3), .output(Self.err, 2..<3),
                .finalResult,
            ])
    }

    @Test func theNumbersEndDoesNoHarm() throws {
        var subscription = try Self.subscription(window: 1 << 30, from: -1, length: .max)
        #expect(Self.messages(&subscription) == [.result, .output(Self.out, (.max - 1)..<(.max))])
        try subscription.acknowledge(Self.out, to: .max)
        #expect(Self.messages(&subscription) == [])
    }
}
