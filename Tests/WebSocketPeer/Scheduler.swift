internal import Glibc
internal import ProcCore
internal import ProcIO

/// `scheduler --cert FILE --key FILE`: measures agents that dial it on loopback.
///
/// Prints `listening on ADDRESS`. Then each line is a JSON object: `{"registered": true}` when an agent has come, with
/// the seconds since the former connection ended as `away`; one with numbers for each ``Measurement/Order`` that
/// standard input has told, or `{"problem": TEXT}`, which is the last. Ends when standard input does.
///
/// An agent that comes behind one that hasn't said goodbye goes on where that has stopped.
func scheduler(_ arguments: Arguments, _ loop: EventLoop) throws {
    guard let identity = try arguments.identity() else { throw Problem("scheduler needs --cert and --key") }
    var service = WebSocketService()
    service.tls = try TLSContext(server: identity)
    service.handshake.allowsDeflate = false
    service.options.wholeMessages = false
    service.options.maxMessage = nil
    service.options.maxQueue = 64 << 20
    let scheduler = Scheduler(loop)
    let scratch = ByteStream.Scratch()
    let listener = try Listener(
        on: SocketAddress(.loopbackV4, port: 0), loop: loop, trouble: { Scheduler.fail("\($0)") }
    ) { accepted in
        do {
            try WebSocketAcceptor(accepted, loop: loop, scratch: scratch, service: service) { result, _ in
                switch result {
                case .success(let connection): scheduler.welcome(connection)
                case .failure(let error): Scheduler.fail("\(error)")
                }
            }
        } catch {
            Scheduler.fail("\(error)")
        }
    }
    say("listening on \(listener.localAddress)")
    _ = try loop.watch(STDIN_FILENO, for: .readable) { _ in scheduler.readOrders() }
    withExtendedLifetime(listener) { loop.run() }
}

/// One agent after the other, and the order under way.
private final class Scheduler {
    /// For one order. The longest, to start 10,000 processes, takes some ten seconds.
    private static let limit = Interval.seconds(120)

    private let loop: EventLoop
    private var peer: AgentPeer?
    /// How and when the last one has ended.
    private var lastEnd: (end: WebSocketConnection.End, time: Instant)?
    private var hasSaidGoodbye = false
    private var measurement: Measurement?
    private var input: [UInt8] = []
    /// Runs while there is an order under way.
    private var timer: EventLoop.TimerID?

    init(_ loop: EventLoop) { self.loop = loop }

    static func fail(_ reason: String) -> Never {
        answer([.init("problem", .string(reason))])
        exit(1)
    }

    private static func answer(_ members: [Value.Member]) {
        say(String(decoding: JSONWriter.bytes(of: .map(members)), as: UTF8.self))
    }

    /// An agent that goes when it has nothing to do is no problem: the next one may come.
    func welcome(_ connection: WebSocketConnection) {
        let peer = AgentPeer(connection) { [unowned self] end in
            if timer != nil { Self.fail("the agent's connection: \(end)") }
            lastEnd = (end, loop.now)
            self.peer = nil
            if hasSaidGoodbye { measurement = nil }
        }
        self.peer = peer
        peer.received = { [unowned self] event in
            attempt { try take(event) }
        }
    }

    private func take(_ event: AgentEvent) throws {
        switch event {
        case .registered: try register()
        case .shutDown: hasSaidGoodbye = true
        default:
            guard let measurement else { throw Problem("\(event) before it is registered") }
            try measurement.take(event)
        }
    }

    private func register() throws {
        guard let peer else { return }
        if let measurement { measurement.peer = peer } else { measurement = makeMeasurement(peer) }
        hasSaidGoodbye = false
        try peer.send(SchedulerMessage.registered)
        let away = lastEnd.map { loop.now.since($0.time).seconds }
        Self.answer([.init("registered", .bool(true)), .init("away", away.map { .double($0) } ?? .null)])
    }

    private func makeMeasurement(_ peer: AgentPeer) -> Measurement {
        Measurement(peer, loop: loop) { [unowned self] members in
            if let timer { loop.cancel(timer) }
            timer = nil
            Self.answer(members)
        }
    }

    func readOrders() {
        var block = [UInt8](repeating: 0, count: 1 << 16)
        let count = read(STDIN_FILENO, &block, block.count)
        guard count > 0 else { return loop.stop() }
        input += block[..<count]
        while let end = input.firstIndex(of: UInt8(ascii: "\n")) {
            let line = Array(input[..<end])
            input.removeSubrange(...end)
            attempt { try begin(try Measurement.Order(line)) }
        }
    }

    private func begin(_ order: Measurement.Order) throws {
        guard let measurement, peer != nil else {
            throw Problem("the agent has gone: \(lastEnd.map { "\($0.end)" } ?? "none came")")
        }
        guard timer == nil else { throw Problem("another order is under way") }
        timer = loop.at(loop.now + Self.limit) { Self.fail("\(order.act) took more than \(Self.limit.shortText)") }
        try measurement.carryOut(order)
    }

    private func attempt(_ act: () throws -> Void) {
        do { try act() } catch { Self.fail("\(error)") }
    }
}
