internal import ProcCore
internal import ProcIO

/// What a connection to the scheduler works with.
struct SessionResources {
    let loop: EventLoop
    let log: Logger
    let table: ProcessTable
    /// Decodes and encodes what is large.
    let documents: Worker
    /// Reads output back.
    let outputs: Worker
    let scale: SystemScale
    let gate: StartGate
}

/// Whether the scheduler may start processes.
final class StartGate {
    var isOpen = true
}

/// One connection to the scheduler, from `Register` on: carries out what it asks for, and tells it what happens.
///
/// Requests are carried out in the order of their coming, and as fast as the answers leave. When these don't, requests
/// wait in a bounded queue while reading goes on; when that is full, reading stops.
final class SchedulerSession {
    enum Event {
        case registered
        /// Something else came in place of `Registered`.
        case refused(String)
        case ended(WebSocketConnection.End)
    }

    private enum Phase {
        case registering
        case registered
        /// What has come is still carried out; then goodbye is said.
        case leaving
        /// Nothing more is carried out; the connection closes when all has left.
        case closing
        case over
    }

    /// How long one turn of the loop goes on carrying out requests before it looks at everything else.
    private static let slice = Interval.milliseconds(5)
    private static let mostWarnings = 100
    /// Longer ones are decoded on a worker.
    private static let quickCount = 256 << 10

    let resources: SessionResources
    let outbox: Outbox
    private let connection: WebSocketConnection
    private let onEvent: (Event) -> Void
    private var phase = Phase.registering
    private var inbox = Inbox()
    /// What a worker decodes.
    private var decoding: [UInt8]?
    private var isDecoding: Bool { decoding != nil }
    private var isExecuting = false
    private var isScheduled = false
    /// When the slice began that is being used in this turn of the loop.
    private var sliceEnd: Instant?
    private(set) var features: Set<Feature> = []
    /// By process id.
    var pushes: [String: OutputPush] = [:]
    /// Those that found no room, the one that waits longest first.
    var waitingPushes: [OutputPush] = []
    private var hasSeenText = false
    private var warnings = 0

    var loop: EventLoop { resources.loop }
    var log: Logger { resources.log }
    var table: ProcessTable { resources.table }

    /// - Parameter onEvent: Told on the loop; nothing after ``Event/ended(_:)``.
    init(
        _ connection: WebSocketConnection, _ resources: SessionResources,
        compression: WebSocketConnection.Compression, onEvent: @escaping (Event) -> Void
    ) {
        self.connection = connection
        self.resources = resources
        self.onEvent = onEvent
        outbox = Outbox(connection, loop: resources.loop, log: resources.log, compression: compression)
        outbox.progressed = { [unowned self] in outboxProgressed() }
        connection.handlers.received = { [unowned self] in received($0) }
        connection.handlers.hasRoom = { [unowned self] in outbox.pump() }
        connection.handlers.ended = { [unowned self] end in
            let rest = phase == .registered ? takeRest() : []
            over()
            carryOutRest(rest)
            onEvent(.ended(end))
        }
    }

    /// Introduces the agent. What happens from here on is told, behind the scheduler's `Registered`.
    func register(_ registration: Registration) {
        features = Set(registration.features)
        let message = AgentMessage.register(registration)
        let bytes = message.bytes
        log.debug("sent", ["type": .string("Register"), "bytes": .integer(bytes.count)])
        log.trace("sent", ["message": .string(MessageText.line(message.value))])
        connection.send(.binary, bytes, compression: .off)
    }

    /// Says goodbye behind all that is under way, and closes.
    func leave() {
        switch phase {
        case .registering:
            phase = .closing
            connection.close()
        case .registered:
            phase = .leaving
            execute()
        case .leaving, .closing, .over: break
        }
    }

    /// Ends at once. Nothing is told any more.
    func drop() {
        over()
        connection.abort()
    }

    private func over() {
        phase = .over
        inbox = Inbox()
        for id in Array(pushes.keys) { endPush(of: id) }
        waitingPushes = []
    }

    // MARK: What comes

    private func received(_ message: WebSocketConnection.Message) {
        guard message.opcode == .binary else {
            if !hasSeenText { log.warn("text messages of the scheduler are ignored: messages are binary") }
            hasSeenText = true
            return
        }
        switch phase {
        case .closing, .over: return
        case .registering, .registered, .leaving: break
        }
        inbox.append(Array(message.bytes))
        if inbox.isFull { connection.readsInput = false }
        execute()
    }

    /// Carries out what has come, as far as answers leave and this turn allows.
    private func execute() {
        guard !isExecuting, !isScheduled else { return }
        isExecuting = true
        defer { isExecuting = false }
        while mayExecute, !inbox.isEmpty {
            // Before each, not behind it: messages that come one at a time would never see the end of the slice.
            if loop.now >= sliceEnd ?? beginSlice() { return schedule() }
            guard let bytes = inbox.popFirst() else { break }
            if bytes.count <= Self.quickCount {
                carryOut(Self.decode(bytes, features, table.terms), count: bytes.count)
            } else {
                decodeElsewhere(bytes)
            }
        }
        if inbox.hasRoom, phase == .registered, !connection.readsInput { connection.readsInput = true }
        if phase == .leaving, inbox.isEmpty, !isDecoding { sayGoodbye() }
    }

    private var mayExecute: Bool {
        switch phase {
        case .registering: !isDecoding
        case .registered, .leaving: !isDecoding && outbox.isLight
        case .closing, .over: false
        }
    }

    /// Several messages may come in one turn of the loop, and share its slice.
    private func beginSlice() -> Instant {
        let end = loop.now + Self.slice
        sliceEnd = end
        loop.soon { [weak self] in self?.sliceEnd = nil }
        return end
    }

    /// Goes on in the next turn.
    private func schedule() {
        isScheduled = true
        loop.soon { [weak self] in
            guard let self else { return }
            loop.soon { [weak self] in
                guard let self else { return }
                isScheduled = false
                execute()
            }
        }
    }

    private func outboxProgressed() {
        pumpWaiting()
        execute()
        guard phase == .closing, outbox.isEmpty else { return }
        connection.close()
    }

    private func sayGoodbye() {
        phase = .closing
        // Subscribers have had their time, and nothing follows a goodbye.
        for id in Array(pushes.keys) { endPush(of: id) }
        // What comes is not looked at any more, but for the answer to the close.
        connection.readsInput = true
        outbox.post(.shutDown(.done))
    }

    // MARK: Decoding

    enum Decoded: Sendable {
        case message(ReceivedMessage)
        case start(ReceivedMessage, Result<PreparedStart, SpecError>)
        case refusal(MessageRefusal)
    }

    private static func decode(_ bytes: [UInt8], _ features: Set<Feature>, _ terms: StartTerms) -> Decoded {
        let received: ReceivedMessage
        do throws(MessageRefusal) {
            received = try ReceivedMessage(parsing: bytes, features: features)
        } catch {
            return .refusal(error)
        }
        guard case .procStartRequest(let specs) = received.message else { return .message(received) }
        do throws(SpecError) {
            let request = try StartRequest(specs: specs, isTaken: { _ in false })
            return .start(received, .success(ProcessTable.prepare(request, terms)))
        } catch {
            return .start(received, .failure(error))
        }
    }

    private func decodeElsewhere(_ bytes: [UInt8]) {
        decoding = bytes
        let (features, terms) = (features, table.terms)
        resources.documents.run {
            Self.decode(bytes, features, terms)
        } then: { [weak self] decoded in
            guard let self, phase != .over else { return }
            decoding = nil
            carryOut(decoded, count: bytes.count)
            execute()
        }
    }

    private func carryOut(_ decoded: Decoded, count: Int) {
        note(decoded, count: count)
        guard phase != .registering else { return judgeFirst(decoded) }
        switch decoded {
        case .message(let received): answer(received)
        case .start(let received, let request): start(received, request)
        case .refusal(let refusal):
            warn("a message of the scheduler is refused", refusal.description)
            if let answer = refusal.answer { outbox.post(answer) }
        }
    }

    /// Some refusals tell what is wrong; a scheduler that goes on like that isn't to fill a disk.
    func warn(_ what: String, _ reason: String) {
        warnings += 1
        guard warnings <= Self.mostWarnings else { return }
        log.warn(what, ["reason": .string(reason)])
        if warnings == Self.mostWarnings { log.warn("further refusals of this connection are not logged") }
    }

    /// The first message has to be `Registered`.
    private func judgeFirst(_ decoded: Decoded) {
        guard case .message(let received) = decoded, case .registered(let accepted) = received.message else {
            return onEvent(.refused("the scheduler's first message is not Registered: \(decoded.name)"))
        }
        phase = .registered
        features.formIntersection(accepted)
        onEvent(.registered)
        outbox.isHeld = false
    }

    /// What has come and is not carried out yet, in order.
    private func takeRest() -> [[UInt8]] {
        var rest = decoding.map { [$0] } ?? []
        while let bytes = inbox.popFirst() { rest.append(bytes) }
        return rest
    }

    /// Carries out what a connection has brought before its end, as far as it changes something: what was read is not
    /// forgotten. All of it now, since the next `Register` tells what there is. Nobody is there to be answered.
    private func carryOutRest(_ rest: [[UInt8]]) {
        var count = 0
        for bytes in rest {
            switch Self.decode(bytes, features, table.terms) {
            case .message(let received) where received.message.changesSomething: answer(received)
            case .start(let received, let request): start(received, request, inThisTurn: false)
            case .message, .refusal: continue
            }
            count += 1
        }
        if count > 0 { log.info("carried out what the lost connection had brought", ["requests": .integer(count)]) }
    }

    private func note(_ decoded: Decoded, count: Int) {
        log.debug("received", ["type": .string(decoded.name), "bytes": .integer(count)])
        guard log.level == .trace, let document = decoded.document else { return }
        log.trace("received", ["message": .string(MessageText.line(document))])
    }
}

extension SchedulerSession.Decoded {
    fileprivate var document: Value? {
        switch self {
        case .message(let received), .start(let received, _): received.document
        case .refusal: nil
        }
    }

    fileprivate var name: String {
        if case .refusal(let refusal) = self { return "\(refusal)" }
        guard case .string(let type)? = document?["type"] else { return "" }
        return type
    }
}

/// Messages that have come and are not carried out yet.
private struct Inbox {
    /// Either is enough to stop reading; what has left the socket by then still comes in.
    private static let countLimit = 10_000
    private static let byteLimit = 16 << 20

    private var messages: [[UInt8]] = []
    /// Those before are gone.
    private var next = 0
    private var byteCount = 0

    var isEmpty: Bool { next == messages.count }
    var isFull: Bool { messages.count - next >= Self.countLimit || byteCount >= Self.byteLimit }
    var hasRoom: Bool { messages.count - next <= Self.countLimit / 2 && byteCount <= Self.byteLimit / 2 }

    mutating func append(_ message: [UInt8]) {
        messages.append(message)
        byteCount += message.count
    }

    mutating func popFirst() -> [UInt8]? {
        guard next < messages.count else { return nil }
        let message = messages[next]
        messages[next] = []
        byteCount -= message.count
        next += 1
        if next == messages.count {
            messages.removeAll(keepingCapacity: next <= 1024)
            next = 0
        } else if next >= 1024 {
            messages.removeFirst(next)
            next = 0
        }
        return message
    }
}
