import ProcCore
import TestSupport
import Testing

/// Subscriptions in any order of events.
@Suite struct SubscriptionScheduleTests {
    static let out = SubscriptionTests.out
    static let err = SubscriptionTests.err
    static let start = SubscriptionTests.start

    /// A process that writes, a connection that is slow, and a server that acknowledges when it likes, in any order.
    struct Run {
        var random: SeededGenerator
        var subscription: Subscription
        let windows: [FdName: UInt64]
        var written: [FdName: UInt64]
        var received: [FdName: UInt64]
        var acknowledged: [FdName: UInt64]
        var writtenAtEnd: [FdName: UInt64] = [:]
        var finalResults = 0
        var now = start

        init(seed: UInt64) throws {
            var random = SeededGenerator(seed: seed)
            let fds = [out, err, FdName(7)].prefix(Int(random.next() % 4))
            let windows = fds.map { _ in 1 + random.next() % 40 }
            let lengths = fds.map { _ in random.next() % 30 }
            let starts = lengths.map { Int64(random.next() % ($0 + 1)) }
            let terms = SubscriptionTerms(
                interval: random.next() % 2 == 0 ? .milliseconds(100 + random.next() % 500) : nil,
                output: fds.indices.map { .init(fd: fds[$0], start: starts[$0], window: windows[$0]) })
            let written = Dictionary(uniqueKeysWithValues: zip(fds, lengths))
            self.windows = Dictionary(uniqueKeysWithValues: zip(fds, windows))
            self.written = written
            received = Dictionary(uniqueKeysWithValues: zip(fds, starts.map { UInt64($0) }))
            acknowledged = received
            self.random = random
            subscription = try Subscription(
                terms, isRunning: true, at: start, length: { fd in written[fd] ?? 0 })
        }

        mutating func step() throws {
            now = now + .milliseconds(random.next() % 50)
            let fd = windows.keys.sorted { $0.number < $1.number }.randomElement(using: &random)
            switch random.next() % 4 {
            case 0:
                guard let fd else { return }
                written[fd, default: 0] += random.next() % 25
                subscription.outputGrew(fd, to: written[fd, default: 0])
            case 1:
                guard let fd else { return }
                let offset = UInt64.random(in: acknowledged[fd, default: 0]...received[fd, default: 0], using: &random)
                acknowledged[fd] = offset
                try subscription.acknowledge(fd, to: offset)
            default: send()
            }
        }

        /// Takes one message, as the connection has room, and checks it.
        @discardableResult
        mutating func send() -> Bool {
            let largest = 1 + random.next() % 20
            guard let message = subscription.next(at: now, largest: largest) else { return false }
            switch message {
            case .output(let fd, let range):
                #expect(range.lowerBound == received[fd], "in order, without a gap, never twice")
                #expect(!range.isEmpty && UInt64(range.count) <= largest)
                #expect(range.upperBound <= written[fd, default: 0])
                received[fd] = range.upperBound
                #expect(range.upperBound - acknowledged[fd, default: 0] <= windows[fd, default: 0], "the window")
            case .result: #expect(writtenAtEnd.isEmpty && finalResults == 0)
            case .finalResult:
                finalResults += 1
                for (fd, length) in writtenAtEnd { #expect(received[fd, default: 0] >= length, "it comes last") }
            }
            return true
        }

        mutating func end() {
            writtenAtEnd = written
            subscription.processEnded()
        }

        /// A server that acknowledges when half of a window is unacknowledged, as it has to, and no earlier.
        mutating func acknowledgeLazily() throws -> Bool {
            var hasMoved = false
            for (fd, window) in windows {
                let offset = received[fd, default: 0]
                guard offset - acknowledged[fd, default: 0] >= (window + 1) / 2 else { continue }
                acknowledged[fd] = offset
                try subscription.acknowledge(fd, to: offset)
                hasMoved = true
            }
            return hasMoved
        }
    }

    @Test(arguments: 0..<1000)
    func everyByteComesOnceInOrderAndTheFinalResultAfterAllOfThem(seed: UInt64) throws {
        var run = try Run(seed: seed)
        for _ in 0..<Int(run.random.next() % 80) { try run.step() }
        run.end()
        for _ in 0..<Int(run.random.next() % 80) { try run.step() }
        while try run.send() || run.acknowledgeLazily() {}
        #expect(run.received == run.written)
        #expect(run.finalResults == 1)
        #expect(!run.subscription.owesFinalResult)
    }
}
