import Glibc
import ProcCore
import ProcIO
import TestSupport
import Testing

/// One connection of an agent, as its scheduler sees it.
final class Peer {
    private let connection: WebSocketConnection
    let scheduler: Scheduler
    /// Came, and wasn't taken yet: the first ``taken`` are.
    private var inbox: [[UInt8]] = []
    private var taken = 0
    private var partial: [UInt8] = []
    private(set) var pongs: [[UInt8]] = []
    /// How the connection has ended.
    private(set) var end: WebSocketConnection.End?
    /// The agent's `Register`.
    private(set) var registration: Value = .null
    /// Where bytes of large messages go instead of into memory, behind the first 1 KiB. For schedulers whose messages
    /// come in pieces.
    var sink: ((UnsafeBufferPointer<UInt8>) -> Void)?

    init(_ connection: WebSocketConnection, of scheduler: Scheduler) {
        self.connection = connection
        self.scheduler = scheduler
        connection.handlers.received = { [unowned self] message in
            if message.isFirst { partial = [] }
            if let sink, partial.count >= 1024 { sink(message.bytes) } else { partial += message.bytes }
            guard message.isLast else { return }
            inbox.append(partial)
            partial = []
        }
        connection.handlers.pong = { [unowned self] in pongs.append($0) }
        connection.handlers.ended = { [unowned self] in
            end = $0
            scheduler.note("ended: \($0)")
        }
    }

    // MARK: Registration

    /// Takes `Register` and answers it.
    ///
    /// - Parameter features: Nil: as a server that knows nothing of them.
    @discardableResult
    func register(features: [String]? = nil, at place: SourceLocation = #_sourceLocation) throws -> Value {
        try hearRegistration(at: place)
        #expect(registration["access_token"]?.text == Scheduler.token, sourceLocation: place)
        var answer: Value = ["type": "Registered"]
        if let features { answer = answer.with("features", .array(features.map { .string($0) })) }
        send(answer)
        return registration
    }

    /// Takes `Register` and doesn't answer.
    @discardableResult
    func hearRegistration(at place: SourceLocation = #_sourceLocation) throws -> Value {
        registration = try next(at: place)
        try #require(registration.type == "Register", sourceLocation: place)
        return registration
    }

    /// The processes that the agent knew when it registered.
    var registeredIDs: Set<String> { Set(registration["proc_ids"]?.texts ?? []) }

    // MARK: Sending

    func send(_ message: Value) { sendRaw(MessagePackWriter.bytes(of: message)) }

    func sendRaw(
        _ bytes: [UInt8], as opcode: WebSocketConnection.Opcode = .binary,
        compression: WebSocketConnection.Compression = .off
    ) {
        let result = connection.send(opcode, bytes, compression: compression)
        guard result != .taken else { return }
        Issue.record("sending a message: \(result); \(scheduler.lastSeen)")
    }

    /// Sends if there is room for it: nobody reads what was sent before otherwise.
    func offer(_ message: Value) -> Bool {
        connection.send(.binary, MessagePackWriter.bytes(of: message), compression: .off) == .taken
    }

    /// Sends a message as many frames of a few bytes, with a ping before each.
    func sendInFragments(_ bytes: [UInt8]) {
        connection.send(.binary, length: nil, from: Fragments(bytes, of: connection), compression: .off)
    }

    func ping(_ payload: [UInt8]) { connection.ping(payload) }

    // MARK: Receiving

    var hasMessages: Bool { taken < inbox.count }

    /// How many messages wait to be taken.
    var waiting: Int { inbox.count - taken }

    /// The next message, as it came.
    func nextBytes(within seconds: Double = 20, at place: SourceLocation = #_sourceLocation) throws -> [UInt8] {
        try scheduler.wait("a message", within: seconds, at: place) { hasMessages || end != nil }
        guard hasMessages else {
            throw Scheduler.Stuck(
                description: "\(place): no message: \(end?.description ?? ""); \(scheduler.lastSeen)")
        }
        defer {
            taken += 1
            if taken >= 1024 {
                inbox.removeFirst(taken)
                taken = 0
            }
        }
        return inbox[taken]
    }

    /// The next message.
    func next(within seconds: Double = 20, at place: SourceLocation = #_sourceLocation) throws -> Value {
        let message = try MessagePackReader.read(try nextBytes(within: seconds, at: place))
        scheduler.note("from the agent: \(MessageText.line(message).prefix(300))")
        return message
    }

    /// The next message, which must be of a type and, unless nil, of a process.
    func next(
        _ type: String, _ procID: String? = nil, within seconds: Double = 20,
        at place: SourceLocation = #_sourceLocation
    ) throws -> Value {
        let message = try next(within: seconds, at: place)
        guard message.type == type, procID == nil || message.procID == procID else {
            throw Scheduler.Stuck(
                description: "\(place): \(type) \(procID ?? "") expected, not \(MessageText.line(message))")
        }
        return message
    }

    /// Passes over messages up to the first one that `condition` holds for.
    func skip(
        to what: String, within seconds: Double = 20, at place: SourceLocation = #_sourceLocation,
        _ condition: (Value) throws -> Bool
    ) throws -> Value {
        let deadline = scheduler.loop.now + .milliseconds(UInt64(seconds * 1000))
        while true {
            let left = deadline.since(scheduler.loop.now).seconds
            let message = try next(within: max(left, 0.001), at: place)
            if try condition(message) { return message }
        }
    }

    /// Asks for something whose answer must be the very next message, so that nothing else came before it: the ids of
    /// all processes.
    @discardableResult
    func nothingMore(at place: SourceLocation = #_sourceLocation) throws -> Set<String> {
        send(["type": "ProcidListRequest"])
        let list = try next("ProcidList", at: place)
        return Set(list["proc_ids"]?.texts ?? [])
    }

    // MARK: Slowness and ends

    /// Whether what the agent sends is read.
    var readsInput: Bool {
        get { connection.readsInput }
        set { connection.readsInput = newValue }
    }

    func close(_ code: UInt16 = 1000) { connection.close(.init(code: code)) }

    /// Hangs up without a word.
    func abort() {
        connection.abort()
        end = end ?? .lost(.finished)
    }

    /// How the agent, or the network, ends the connection.
    func waitForEnd(
        within seconds: Double = 20, at place: SourceLocation = #_sourceLocation
    ) throws -> WebSocketConnection.End {
        try scheduler.wait("the connection ends", within: seconds, at: place) { end != nil }
        guard let end else { preconditionFailure("waited for") }
        return end
    }

    /// Waits for the agent to close in order.
    func expectClose(
        _ code: UInt16, within seconds: Double = 20, at place: SourceLocation = #_sourceLocation
    ) throws {
        let end = try waitForEnd(within: seconds, at: place)
        guard case .closed(let reason, byPeer: true) = end, reason.code == code else {
            Issue.record("a close with \(code) expected, not: \(end)", sourceLocation: place)
            return
        }
    }
}

/// A message that goes out in frames of seven bytes: a ping before each piece sees to it that a frame ends there.
private final class Fragments: MessageSource {
    private var rest: ArraySlice<UInt8>
    private unowned let connection: WebSocketConnection

    init(_ bytes: [UInt8], of connection: WebSocketConnection) {
        rest = bytes[...]
        self.connection = connection
    }

    func nextPiece() -> MessagePiece {
        guard !rest.isEmpty else { return .end }
        connection.ping(Array("\(rest.count)".utf8))
        defer { rest = rest.dropFirst(7) }
        return .bytes(Array(rest.prefix(7)))
    }
}
