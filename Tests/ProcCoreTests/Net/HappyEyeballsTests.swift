import Glibc
import ProcCore
import TestSupport
import Testing

@Suite struct HappyEyeballsTests {
    typealias Machine = HappyEyeballs

    static let v6 = (1...4).map { SocketAddress(.v6(high: 0xfd00_0000_0000_0000, low: UInt64($0)), port: 80) }
    static let v4 = (1...4).map { SocketAddress(.v4(0x0a00_0000 + UInt32($0)), port: 80) }

    /// Milliseconds after the start.
    static func at(_ milliseconds: UInt64) -> Instant {
        Instant(nanoseconds: 1_000_000_000) + .milliseconds(milliseconds)
    }

    static func limits(attempt: UInt64 = 5000, overall: UInt64 = 10_000) -> Machine.Limits {
        var limits = Machine.Limits()
        limits.attempt = .milliseconds(attempt)
        limits.overall = .milliseconds(overall)
        return limits
    }

    /// What happens at which time, and what is to be done about it.
    struct Step: Sendable {
        let time: UInt64
        let event: Machine.Event
        let actions: [Machine.Action]

        init(_ time: UInt64, _ event: Machine.Event, _ actions: [Machine.Action]) {
            self.time = time
            self.event = event
            self.actions = actions
        }
    }

    struct Story: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var addresses: [SocketAddress] = v4
        var limits = HappyEyeballsTests.limits()
        let steps: [Step]
    }

    static func refused(_ address: SocketAddress) -> ConnectFailure.Attempt {
        ConnectFailure.Attempt(address, .system(errno: ECONNREFUSED))
    }

    static func silent(_ address: SocketAddress, _ milliseconds: UInt64) -> ConnectFailure.Attempt {
        ConnectFailure.Attempt(address, .noAnswer(within: .milliseconds(milliseconds)))
    }

    static let stories: [Story] = [
        Story(
            testDescription: "the only address answers", addresses: [v4[0]],
            steps: [
                Step(0, .begin, [.connect(0), .wakeAt(at(5000))]),
                Step(30, .connected(0), [.succeed(0)]),
                Step(31, .timeReached, []),
                Step(32, .failed(0, errno: ECONNRESET), []),
            ]),
        Story(
            testDescription: "the only address refuses", addresses: [v4[0]],
            steps: [
                Step(0, .begin, [.connect(0), .wakeAt(at(5000))]),
                Step(3, .failed(0, errno: ECONNREFUSED), [.fail(ConnectFailure([refused(v4[0])], untried: 0))]),
                Step(4, .connected(0), []),
            ]),
        Story(
            testDescription: "the second gets its chance after the delay, and wins",
            steps: [
                Step(0, .begin, [.connect(0), .wakeAt(at(250))]),
                Step(250, .timeReached, [.connect(1), .wakeAt(at(500))]),
                Step(260, .connected(1), [.abandon(0), .succeed(1)]),
            ]),
        Story(
            testDescription: "the first wins although the second has begun", addresses: [v4[0], v4[1]],
            steps: [
                Step(0, .begin, [.connect(0), .wakeAt(at(250))]),
                Step(250, .timeReached, [.connect(1), .wakeAt(at(5000))]),
                Step(300, .connected(0), [.abandon(1), .succeed(0)]),
            ]),
        Story(
            testDescription: "a failure begins the next at once, with a delay of its own",
            steps: [
                Step(0, .begin, [.connect(0), .wakeAt(at(250))]),
                Step(10, .failed(0, errno: ECONNREFUSED), [.connect(1), .wakeAt(at(260))]),
                Step(260, .timeReached, [.connect(2), .wakeAt(at(510))]),
                Step(300, .failed(1, errno: ECONNREFUSED), [.connect(3), .wakeAt(at(5260))]),
                Step(310, .failed(3, errno: ECONNREFUSED), [.wakeAt(at(5260))]),
                Step(
                    400, .failed(2, errno: ENETUNREACH),
                    [
                        .fail(
                            ConnectFailure(
                                [
                                    refused(v4[0]), refused(v4[1]), refused(v4[3]),
                                    ConnectFailure.Attempt(v4[2], .system(errno: ENETUNREACH)),
                                ], untried: 0))
                    ]),
            ]),
        Story(
            testDescription: "a wake-up that is too early, or twice, begins nothing",
            steps: [
                Step(0, .begin, [.connect(0), .wakeAt(at(250))]),
                Step(100, .timeReached, [.wakeAt(at(250))]),
                Step(250, .timeReached, [.connect(1), .wakeAt(at(500))]),
                Step(250, .timeReached, [.wakeAt(at(500))]),
                Step(250, .begin, []),
            ]),
        Story(
            testDescription: "a wake-up that is late begins one, not all that were due",
            steps: [
                Step(0, .begin, [.connect(0), .wakeAt(at(250))]),
                Step(900, .timeReached, [.connect(1), .wakeAt(at(1150))]),
            ]),
        Story(
            testDescription: "an address that has had its time makes room for the next", addresses: [v4[0], v4[1]],
            limits: limits(attempt: 200),
            steps: [
                Step(0, .begin, [.connect(0), .wakeAt(at(200))]),
                Step(200, .timeReached, [.abandon(0), .connect(1), .wakeAt(at(400))]),
                Step(210, .connected(0), []),
                Step(
                    400, .timeReached,
                    [
                        .abandon(1),
                        .fail(ConnectFailure([silent(v4[0], 200), silent(v4[1], 200)], untried: 0)),
                    ]),
            ]),
        Story(
            testDescription: "when the time of all is over, those that were not tried are counted",
            limits: limits(overall: 400),
            steps: [
                Step(0, .begin, [.connect(0), .wakeAt(at(250))]),
                Step(250, .timeReached, [.connect(1), .wakeAt(at(400))]),
                Step(
                    400, .timeReached,
                    [
                        .abandon(0), .abandon(1),
                        .fail(ConnectFailure([silent(v4[0], 400), silent(v4[1], 400)], untried: 2)),
                    ]),
            ]),
        Story(
            testDescription: "a failure after the time of all begins nothing more", limits: limits(overall: 400),
            steps: [
                Step(0, .begin, [.connect(0), .wakeAt(at(250))]),
                Step(
                    401, .failed(0, errno: ECONNREFUSED),
                    [.fail(ConnectFailure([refused(v4[0])], untried: 3))]),
            ]),
        Story(
            testDescription: "without an address there is nothing to try", addresses: [],
            steps: [Step(0, .begin, [.fail(ConnectFailure([], untried: 0))])]),
        Story(
            testDescription: "before the beginning nothing happens",
            steps: [
                Step(0, .timeReached, []), Step(0, .connected(0), []), Step(0, .failed(0, errno: ECONNREFUSED), []),
                Step(0, .begin, [.connect(0), .wakeAt(at(250))]),
                // An address that isn't being tried.
                Step(1, .connected(2), []), Step(1, .failed(2, errno: ECONNREFUSED), []),
            ]),
    ]

    @Test(arguments: stories)
    func eachEventHasItsActions(story: Story) {
        var machine = Machine(story.addresses, limits: story.limits)
        for step in story.steps {
            let actions = machine.handle(step.event, at: Self.at(step.time))
            #expect(actions == step.actions, "\(step.event) at \(step.time) ms")
        }
    }

    static let orders: [(given: [SocketAddress], tried: [SocketAddress])] = [
        ([], []),
        ([v4[0], v4[1]], [v4[0], v4[1]]),
        ([v6[0], v6[1], v4[0], v4[1]], [v6[0], v4[0], v6[1], v4[1]]),
        ([v4[0], v4[1], v4[2], v6[0]], [v4[0], v6[0], v4[1], v4[2]]),
        ([v4[0], v6[0], v6[1], v6[2]], [v4[0], v6[0], v6[1], v6[2]]),
        ([v6[0], v4[0], v4[1], v6[1]], [v6[0], v4[0], v6[1], v4[1]]),
    ]

    @Test(arguments: orders)
    func theFamiliesTakeTurnsAndThatOfTheFirstAddressBegins(given: [SocketAddress], tried: [SocketAddress]) {
        #expect(Machine(given, limits: Machine.Limits()).addresses == tried)
    }

    /// Whatever comes in whatever order: what is begun is ended once, and there is one result, in time.
    @Test(arguments: (0 as UInt64)..<500)
    func everyAttemptIsEndedOnceAndThereIsOneResult(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let addresses = Array(
            (Self.v6 + Self.v4).shuffled(using: &random).prefix(Int.random(in: 1...8, using: &random)))
        let limits = Self.limits(attempt: .random(in: 100...2000, using: &random), overall: 3000)
        var machine = Machine(addresses, limits: limits)
        var open: Set<Int> = []
        var begun: Set<Int> = []
        var results = 0
        var wake: Instant?
        var now = Self.at(0)
        var event = Machine.Event.begin
        while true {
            for action in machine.handle(event, at: now) {
                #expect(results == 0, "the result is the last action")
                switch action {
                case .connect(let index):
                    #expect(begun.insert(index).inserted && machine.addresses.indices.contains(index))
                    open.insert(index)
                case .abandon(let index): #expect(open.remove(index) != nil)
                case .wakeAt(let instant): wake = instant
                case .succeed(let index):
                    #expect(open == [index])
                    results += 1
                case .fail(let failure):
                    #expect(open.isEmpty && failure.untried == addresses.count - begun.count)
                    #expect(Set(failure.attempts.map(\.address)).count == begun.count)
                    results += 1
                }
            }
            if results > 0 { break }
            guard let due = wake else { break }
            let kind = Int.random(in: 0..<10, using: &random)
            if kind == 0, let index = open.randomElement(using: &random) {
                event = .connected(index)
            } else if kind < 4, let index = open.randomElement(using: &random) {
                open.remove(index)
                event = .failed(index, errno: ECONNREFUSED)
            } else {
                event = .timeReached
                now = max(now, due)
            }
        }
        #expect(results == 1)
        #expect(now.since(Self.at(0)) <= limits.overall)
    }
}
