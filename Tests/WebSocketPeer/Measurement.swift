internal import ProcCore
internal import ProcIO

/// Carries out one order after the other with an agent, and answers each with numbers.
final class Measurement {
    /// Told on standard input as a line of JSON.
    struct Order {
        enum Act: String {
            /// Each when the one before has ended: the seconds of each, from the request to the final result.
            case oneByOne = "one-by-one"
            /// A request for each, sent without waiting: the seconds until the last has ended.
            case each
            /// The same in one request.
            case together
            /// In one request, and they stay: the seconds until all run.
            case start
            /// The same until all have ended by themselves.
            case run
            /// The output of the process that was last started: its length, and the seconds.
            case fetch
            /// Kills and deletes all that stay.
            case clear
        }

        let act: Act
        let count: Int
        let spec: Value

        init(_ line: [UInt8]) throws {
            let document = try JSONReader.read(line)
            guard case .string(let name) = document["do"], let act = Act(rawValue: name) else {
                throw Problem("not an order: \(String(decoding: line, as: UTF8.self))")
            }
            self.act = act
            if case .int(let number) = document["count"], number > 0 { count = Int(number) } else { count = 1 }
            spec = document["spec"] ?? .null
        }
    }

    /// What is waited for.
    private enum Awaited { case running, end, deletion, output }

    private let loop: EventLoop
    /// Another one when the agent has come anew, with all its processes.
    var peer: AgentPeer
    /// Gets the answer.
    private let done: ([Value.Member]) -> Void
    private var started = 0
    private var running: [String] = []
    private var over: [String] = []
    private var endsByItself = true
    private var awaited: (what: Awaited, left: Int, then: (Int) throws -> Void)?

    init(_ peer: AgentPeer, loop: EventLoop, done: @escaping ([Value.Member]) -> Void) {
        self.peer = peer
        self.loop = loop
        self.done = done
    }

    func take(_ event: AgentEvent) throws {
        switch (event, awaited?.what) {
        case (.running, .running), (.deleted, .deletion): try count()
        case (.ended(let well), .end) where well || !endsByItself: try count()
        case (.output(let length), .output): try count(length)
        case (.running, .end): break
        default: throw Problem("\(event) while waiting for \(awaited.map { "\($0.left) x \($0.what)" } ?? "nothing")")
        }
    }

    private func count(_ number: Int = 0) throws {
        awaited?.left -= 1
        guard let awaited, awaited.left == 0 else { return }
        self.awaited = nil
        try awaited.then(number)
    }

    private func wait(for what: Awaited, _ count: Int = 1, then: @escaping (Int) throws -> Void) throws {
        guard count > 0 else { return try then(0) }
        awaited = (what, count, then)
    }

    private func freshIDs(_ count: Int) -> [String] {
        defer { started += count }
        return (started..<(started + count)).map { "process-\($0)" }
    }

    // MARK: Orders

    func carryOut(_ order: Order) throws {
        switch order.act {
        case .oneByOne: try runOneByOne(order)
        case .each:
            let ids = freshIDs(order.count)
            try runAll(ids, ids.map { SchedulerMessage.start([$0], order.spec) })
        case .together:
            let ids = freshIDs(order.count)
            try runAll(ids, [SchedulerMessage.start(ids, order.spec)])
        case .start: try start(order, until: .running)
        case .run: try start(order, until: .end)
        case .fetch: try fetch()
        case .clear: try clear { self.done([]) }
        }
    }

    private func runOneByOne(_ order: Order) throws {
        var left = freshIDs(order.count)[...]
        var seconds: [Value] = []

        func next() throws {
            guard let id = left.popFirst() else {
                return try forget { self.done([.init("seconds", .array(seconds))]) }
            }
            over.append(id)
            let message = SchedulerMessage.start([id], order.spec)
            let began = loop.now
            try wait(for: .end) { _ in
                seconds.append(.double(self.loop.now.since(began).seconds))
                try next()
            }
            try peer.send(message)
        }
        try next()
    }

    private func runAll(_ ids: [String], _ messages: [[UInt8]]) throws {
        let began = loop.now
        over += ids
        try wait(for: .end, ids.count) { _ in
            let seconds = self.secondsSince(began)
            try self.forget { self.done([seconds]) }
        }
        for message in messages { try peer.send(message) }
    }

    private func start(_ order: Order, until what: Awaited) throws {
        let ids = freshIDs(order.count)
        if what == .running { running += ids } else { over += ids }
        let began = loop.now
        try wait(for: what, ids.count) { _ in self.done([self.secondsSince(began)]) }
        try peer.send(SchedulerMessage.start(ids, order.spec))
    }

    private func fetch() throws {
        guard let id = over.last ?? running.last else { throw Problem("nothing has been started") }
        let began = loop.now
        try wait(for: .output) { length in
            self.done([.init("length", .int(Int64(length))), self.secondsSince(began)])
        }
        try peer.send(SchedulerMessage.output(id))
    }

    private func clear(then: @escaping () -> Void) throws {
        endsByItself = false
        let ids = running
        try wait(for: .end, ids.count) { _ in
            self.endsByItself = true
            self.over += ids
            self.running = []
            try self.forget(then: then)
        }
        for id in ids { try peer.send(SchedulerMessage.kill(id)) }
    }

    /// Deletes what is over: also behind each measurement, so that the next one finds the agent as this one did.
    private func forget(then: @escaping () -> Void) throws {
        let ids = over
        over = []
        try wait(for: .deletion, ids.count) { _ in then() }
        for id in ids { try peer.send(SchedulerMessage.delete(id)) }
    }

    private func secondsSince(_ instant: Instant) -> Value.Member {
        .init("seconds", .double(loop.now.since(instant).seconds))
    }
}
