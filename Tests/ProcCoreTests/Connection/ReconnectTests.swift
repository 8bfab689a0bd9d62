import ProcCore
import TestSupport
import Testing

@Suite struct ReconnectTests {
    /// Seconds after the start.
    static func at(_ seconds: UInt64) -> Instant { Instant(nanoseconds: 1_000_000_000) + .seconds(seconds) }

    /// What happens when, and what is to be done about it. A wait for the next attempt is `nil` in place of its time,
    /// which is chance's.
    struct Step: Sendable {
        let time: UInt64
        let event: Reconnect.Event
        let actions: [Expected]

        init(_ time: UInt64, _ event: Reconnect.Event, _ actions: [Expected]) {
            self.time = time
            self.event = event
            self.actions = actions
        }
    }

    enum Expected: Sendable {
        case action(Reconnect.Action)
        /// A wait between half of this and all of it, in seconds.
        case wait(UInt64)

        static func log(_ text: String) -> Expected { .action(.log(.failed(text))) }
        static let dial = Expected.action(.dial)
        static let register = Expected.action(.register)
        static let drop = Expected.action(.drop)
        static let finish = Expected.action(.finish)
        static func wake(_ seconds: UInt64) -> Expected { .action(.wakeAt(at(seconds))) }
    }

    struct Story: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var failures: Int?
        let steps: [Step]
    }

    static let wordless = ConnectionEnd.wordless("closed by the peer with code 1000")
    static let token = "registration: closed by the peer with code 1000; the access token may be wrong"

    static let stories: [Story] = [
        Story(
            testDescription: "a connection, until the agent is done",
            steps: [
                Step(0, .begin, [.dial]),
                Step(0, .timeReached, []),
                Step(0, .retry, []),
                Step(1, .connected, [.register, .wake(11)]),
                Step(1, .retry, []),
                Step(2, .registered, [.action(.log(.registered(failuresBefore: 0)))]),
                Step(11, .timeReached, []),
                Step(12, .retry, []),
                Step(20, .stop, [.action(.close), .wake(25)]),
                Step(21, .stop, []),
                Step(21, .retry, []),
                Step(22, .ended(.other("closed")), [.finish]),
                Step(25, .timeReached, []),
                Step(26, .stop, []),
            ]),
        Story(
            testDescription: "a server that isn't there is dialled less and less often, and told of once",
            steps: [
                Step(0, .begin, [.dial]),
                Step(0, .dialFailed("connect: refused"), [.log("connect: refused"), .wait(1)]),
                Step(1, .timeReached, [.dial]),
                Step(1, .dialFailed("connect: refused"), [.wait(2)]),
                Step(3, .timeReached, [.dial]),
                Step(3, .dialFailed("connect: refused"), [.wait(4)]),
                Step(7, .timeReached, [.dial]),
                Step(7, .dialFailed("resolve: no such name"), [.log("resolve: no such name"), .wait(8)]),
                Step(8, .retry, [.dial]),
                Step(8, .connected, [.register, .wake(18)]),
                Step(9, .registered, [.action(.log(.registered(failuresBefore: 4)))]),
                // From here as from the start.
                Step(20, .ended(.other("silence")), [.action(.log(.lost(.other("silence")))), .wait(1)]),
                Step(21, .timeReached, [.dial]),
                Step(21, .dialFailed("resolve: no such name"), [.log("resolve: no such name"), .wait(2)]),
            ]),
        Story(
            testDescription: "a server that hangs up on a Register doesn't like the token",
            steps: [
                Step(0, .begin, [.dial]),
                Step(0, .connected, [.register, .wake(10)]),
                Step(0, .ended(wordless), [.log(token), .wait(1)]),
                Step(1, .timeReached, [.dial]),
                Step(1, .connected, [.register, .wake(11)]),
                Step(1, .ended(wordless), [.wait(2)]),
                Step(3, .timeReached, [.dial]),
                Step(3, .connected, [.register, .wake(13)]),
                Step(
                    3, .ended(.other("closed by the peer with code 1011: oops")),
                    [.log("registration: closed by the peer with code 1011: oops"), .wait(4)]),
            ]),
        Story(
            testDescription: "a server that says nothing, or something else, isn't waited for",
            steps: [
                Step(0, .begin, [.dial]),
                Step(0, .connected, [.register, .wake(10)]),
                Step(10, .timeReached, [.drop, .log("registration: no answer within 10 s"), .wait(1)]),
                Step(11, .timeReached, [.dial]),
                Step(11, .connected, [.register, .wake(21)]),
                Step(
                    12, .registrationRefused("ProcidListRequest in place of Registered"),
                    [.drop, .log("registration: ProcidListRequest in place of Registered"), .wait(2)]),
            ]),
        Story(
            testDescription: "the last of the failures that are allowed ends it", failures: 3,
            steps: [
                Step(0, .begin, [.dial]),
                Step(0, .dialFailed("x"), [.log("x"), .wait(1)]),
                Step(1, .timeReached, [.dial]),
                Step(1, .connected, [.register, .wake(11)]),
                Step(11, .timeReached, [.drop, .log("registration: no answer within 10 s"), .wait(2)]),
                Step(13, .timeReached, [.dial]),
                Step(13, .dialFailed("x"), [.log("x"), .action(.log(.givenUp(after: 3))), .action(.giveUp)]),
                Step(14, .timeReached, []),
                Step(14, .retry, []),
                Step(60, .stop, [.finish]),
            ]),
        Story(
            testDescription: "a registration clears the failures, and a lost connection is none", failures: 2,
            steps: [
                Step(0, .begin, [.dial]),
                Step(0, .dialFailed("x"), [.log("x"), .wait(1)]),
                Step(1, .timeReached, [.dial]),
                Step(1, .connected, [.register, .wake(11)]),
                Step(1, .registered, [.action(.log(.registered(failuresBefore: 1)))]),
                Step(2, .ended(wordless), [.action(.log(.lost(wordless))), .wait(1)]),
                Step(3, .timeReached, [.dial]),
                Step(3, .dialFailed("x"), [.log("x"), .wait(2)]),
                Step(5, .timeReached, [.dial]),
                Step(5, .dialFailed("x"), [.action(.log(.givenUp(after: 2))), .action(.giveUp)]),
            ]),
        Story(
            testDescription: "before it begins it is over at once", steps: [Step(0, .stop, [.finish])]),
        Story(
            testDescription: "a stop doesn't wait for the next attempt",
            steps: [
                Step(0, .begin, [.dial]),
                Step(0, .dialFailed("x"), [.log("x"), .wait(1)]),
                Step(0, .stop, [.finish]),
                Step(1, .timeReached, []),
            ]),
        Story(
            testDescription: "a stop doesn't wait for the present attempt either",
            steps: [
                Step(0, .begin, [.dial]),
                Step(1, .stop, [.action(.abandonDial), .finish]),
                Step(2, .connected, []),
            ]),
        Story(
            testDescription: "a stop while registering closes, for a while",
            steps: [
                Step(0, .begin, [.dial]),
                Step(0, .connected, [.register, .wake(10)]),
                Step(1, .stop, [.action(.close), .wake(6)]),
                Step(2, .registered, []),
                Step(2, .registrationRefused("x"), []),
                Step(6, .timeReached, [.drop, .finish]),
            ]),
        Story(
            testDescription: "a server that registers an agent twice does no harm",
            steps: [
                Step(0, .begin, [.dial]),
                Step(0, .connected, [.register, .wake(10)]),
                Step(1, .registered, [.action(.log(.registered(failuresBefore: 0)))]),
                Step(2, .registered, []),
                Step(2, .registrationRefused("x"), []),
            ]),
    ]

    @Test(arguments: stories, 0..<20)
    func theStoryGoesAsTold(story: Story, seed: UInt64) {
        var limits = Reconnect.Limits()
        limits.failures = story.failures
        var machine = Reconnect(limits)
        var random = SeededGenerator(seed: seed)
        for (number, step) in story.steps.enumerated() {
            let now = Self.at(step.time)
            let actions = machine.handle(step.event, at: now, using: &random)
            #expect(actions.count == step.actions.count, "step \(number): \(actions)")
            for (action, expected) in zip(actions, step.actions) {
                switch expected {
                case .action(let expected): #expect(action == expected, "step \(number)")
                case .wait(let seconds):
                    guard case .wakeAt(let time) = action else {
                        Issue.record("step \(number): \(action)")
                        continue
                    }
                    #expect(time <= now + .seconds(seconds) && time >= now + .milliseconds(seconds * 500))
                }
            }
        }
    }

    @Test func noticesReadWell() {
        let notices: [(Reconnect.Notice, String)] = [
            (.failed("connect: refused"), "connect: refused"),
            (.registered(failuresBefore: 0), "registered"),
            (.registered(failuresBefore: 1), "registered, after 1 failed attempt"),
            (.registered(failuresBefore: 12), "registered, after 12 failed attempts"),
            (.lost(Self.wordless), "connection lost: closed by the peer with code 1000"),
            (.givenUp(after: 5), "given up after 5 failed attempts"),
        ]
        for (notice, text) in notices { #expect(notice.description == text) }
    }

    /// Whatever a world of chance does: there is one attempt at a time, a time to wake whenever nothing is under way,
    /// and it finishes once and last.
    @Test(arguments: 0..<300)
    func itNeverHangsAndNeverDoesTwoThingsAtOnce(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var limits = Reconnect.Limits()
        limits.failures = seed % 3 == 0 ? 5 : nil
        var machine = Reconnect(limits)
        var world = World()
        world.carryOut(machine.handle(.begin, at: world.now, using: &random))
        for _ in 0..<60 {
            world.carryOut(machine.handle(world.event(random: &random), at: world.now, using: &random))
            #expect(world.isAlive(machine.state), "\(machine.state)")
        }
        if machine.state != .over {
            world.carryOut(machine.handle(.stop, at: world.now, using: &random))
            if machine.state == .stopping {
                world.carryOut(machine.handle(.timeReached, at: world.now + .seconds(5), using: &random))
            }
        }
        #expect(machine.state == .over && world.finished == 1)
        #expect(!world.isDialling && !world.isConnected)
    }

    /// The other side of the machine.
    struct World {
        var now = at(0)
        var wakeAt: Instant?
        var isDialling = false
        var isConnected = false
        var isRegistered = false
        var finished = 0

        mutating func carryOut(_ actions: [Reconnect.Action]) {
            #expect(finished == 0 || actions.isEmpty)
            for action in actions {
                switch action {
                case .dial:
                    #expect(!isDialling && !isConnected)
                    isDialling = true
                case .abandonDial:
                    #expect(isDialling)
                    isDialling = false
                case .register: #expect(isConnected)
                case .close: #expect(isConnected)
                case .drop:
                    #expect(isConnected)
                    isConnected = false
                case .wakeAt(let time):
                    #expect(time > now)
                    wakeAt = time
                case .log, .giveUp: break
                case .finish: finished += 1
                }
            }
        }

        /// Whether something will happen by itself, or nothing needs to.
        func isAlive(_ state: Reconnect.State) -> Bool {
            switch state {
            case .disconnected, .over: !isDialling && !isConnected
            case .waiting: !isDialling && !isConnected && wakeAt ?? now > now
            case .dialling: isDialling
            case .registering, .stopping: isConnected && wakeAt != nil
            case .registered: isConnected
            }
        }

        mutating func event(random: inout SeededGenerator) -> Reconnect.Event {
            if random.next() % 60 == 0 { return .stop }
            if random.next() % 10 == 0 { return .retry }
            if isDialling, random.next() % 4 != 0 {
                isDialling = false
                isConnected = random.next() % 3 != 0
                isRegistered = false
                return isConnected ? .connected : .dialFailed("failure \(random.next() % 2)")
            }
            if isConnected, random.next() % 3 != 0 {
                switch random.next() % 4 {
                case 0:
                    isConnected = false
                    return .ended(random.next() % 2 == 0 ? .wordless("end") : .other("end"))
                case 1: return isRegistered ? .registered : .registrationRefused("nonsense")
                default:
                    isRegistered = true
                    return .registered
                }
            }
            now = max(now, wakeAt ?? now)
            wakeAt = nil
            return .timeReached
        }
    }
}
