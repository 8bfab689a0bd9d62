internal import ProcCore
internal import ProcIO

/// A message to the scheduler, ready to be sent.
struct Letter {
    enum Content {
        case bytes([UInt8])
        case output(OutputMessage, OutputSource)
    }

    let content: Content
    /// For the log.
    let type: String
    let procID: String?
    /// For the log at level trace.
    let text: String?

    var count: UInt64 {
        switch content {
        case .bytes(let bytes): UInt64(bytes.count)
        case .output(let message, _): message.count
        }
    }

    /// What it takes while it waits, in bytes.
    fileprivate var weight: Int {
        switch content {
        case .bytes(let bytes): bytes.count
        case .output: Outbox.outputWeight
        }
    }
}

/// What waits to be sent to the scheduler, in the order of its causes.
///
/// A message takes its place when it is caused, and is written when it can be: at once, when a worker has done its
/// part, or when there is room for it. Those that no request has asked for can be any number, as many as there are
/// processes, so each is written only when the connection has room, and is no more than a closure until then.
final class Outbox {
    /// One message's place in the order.
    final class Place {
        fileprivate enum State {
            case letter(Letter)
            /// To be written when there is room.
            case due((Place) -> Void)
            /// Being written.
            case awaited
            case empty
        }

        fileprivate var state: State
        fileprivate var weight = 0

        fileprivate init(_ state: State) { self.state = state }
    }

    /// How much may wait before requests do: some small answers, or two outputs.
    private static let lightWeight = 1 << 20
    private static let lightCount = 64
    /// About what a source of output holds.
    static let outputWeight = 512 << 10
    /// Smaller messages go as they are: their packet is no shorter for it.
    private static let leastCompressed: UInt64 = 1 << 10
    /// How long one turn of the loop goes on making results before it looks at everything else.
    private static let slice = Interval.milliseconds(5)
    /// For how long the link counts as measured.
    private static let linkAge = Interval.milliseconds(100)

    private let connection: WebSocketConnection
    private let loop: EventLoop
    private let log: Logger
    private let compression: WebSocketConnection.Compression
    /// Those before ``next`` are gone.
    private var places: [Place] = []
    private var next = 0
    private var dueCount = 0
    private var weight = 0
    private var isPumping = false
    private var isScheduled = false
    private var linkIsSlow = false
    private var linkMeasured: Instant?

    /// Nothing leaves as long as this is set.
    var isHeld = true {
        didSet { pump() }
    }
    /// Called when something has left.
    var progressed: () -> Void = {}

    init(
        _ connection: WebSocketConnection, loop: EventLoop, log: Logger, compression: WebSocketConnection.Compression
    ) {
        self.connection = connection
        self.loop = loop
        self.log = log
        self.compression = compression
    }

    var isEmpty: Bool { next == places.count }

    /// Whether answers leave about as fast as they come, so that another request may be carried out.
    var isLight: Bool {
        dueCount == 0 && weight < Self.lightWeight && places.count - next < Self.lightCount && !isHeld
    }

    // MARK: Putting in

    func post(_ message: AgentMessage) { post(letter(message)) }

    func post(_ letter: Letter) { fill(reserve(), letter) }

    /// A place for what will be there later.
    func reserve() -> Place { add(Place(.awaited)) }

    /// Has `write` called when there is room. It gets the place, and fills it then or later.
    func postWhenRoom(_ write: @escaping (Place) -> Void) {
        dueCount += 1
        _ = add(Place(.due(write)))
        pump()
    }

    /// What goes into a place; nil for nothing.
    func fill(_ place: Place, _ letter: Letter?) {
        weight -= place.weight
        place.weight = letter?.weight ?? 0
        weight += place.weight
        place.state = letter.map { .letter($0) } ?? .empty
        pump()
    }

    func fill(_ place: Place, _ message: AgentMessage) { fill(place, letter(message)) }

    /// What a place will weigh when it is filled.
    func expect(_ weight: Int, in place: Place) {
        self.weight += weight - place.weight
        place.weight = weight
    }

    private func add(_ place: Place) -> Place {
        places.append(place)
        return place
    }

    private func letter(_ message: AgentMessage) -> Letter {
        Letter(message, traced: log.level == .trace)
    }

    // MARK: Sending

    /// Sends what can be sent now, as far as this turn of the loop allows.
    func pump() {
        guard !isPumping, !isHeld else { return }
        isPumping = true
        let before = next
        let end = loop.now + Self.slice
        while let place = places.indices.contains(next) ? places[next] : nil {
            if case .due = place.state, loop.now >= end {
                pumpLater()
                break
            }
            guard advance(place) else { break }
            removeFirst()
        }
        isPumping = false
        let hasMoved = next != before
        compact()
        if hasMoved { progressed() }
    }

    /// Results take some time to make, and after the end of many processes there are many.
    private func pumpLater() {
        guard !isScheduled else { return }
        isScheduled = true
        loop.soon { [weak self] in
            guard let self else { return }
            isScheduled = false
            pump()
        }
    }

    /// Whether the place is done with.
    private func advance(_ place: Place) -> Bool {
        if case .due(let write) = place.state {
            guard connection.looksForRoom() else { return false }
            place.state = .awaited
            dueCount -= 1
            write(place)
        }
        switch place.state {
        case .awaited, .due: return false
        case .empty: return true
        case .letter(let letter): return send(letter)
        }
    }

    private func removeFirst() {
        weight -= places[next].weight
        next += 1
    }

    private func compact() {
        if next == places.count {
            places = []
            next = 0
        } else if next >= 1024 {
            places.removeFirst(next)
            next = 0
        }
    }

    /// Whether it is done with; else it will be when there is room.
    private func send(_ letter: Letter) -> Bool {
        let result: WebSocketConnection.SendResult
        let compression = compression(for: letter.count)
        switch letter.content {
        case .bytes(let bytes):
            result = connection.send(.binary, bytes, compression: compression)
        case .output(let message, let source):
            source.resumed = { [weak connection] in connection?.resume() }
            result = connection.send(.binary, length: message.count, from: source, compression: compression)
        }
        guard result == .taken else { return result == .closed }
        log.debug(
            "sent",
            ["type": .string(letter.type), "proc_id": .nullable(letter.procID), "bytes": .integer(letter.count)])
        if let text = letter.text { log.trace("sent", ["message": .string(text)]) }
        return true
    }

    /// The rule for `auto`: nothing is compressed that is small, or where the way is faster than compressing is; of the
    /// rest, what looks as if it would shrink.
    private func compression(for count: UInt64) -> WebSocketConnection.Compression {
        guard connection.compresses, compression == .auto else { return compression }
        guard count >= Self.leastCompressed else { return .off }
        let now = loop.now
        if linkMeasured.map({ now.since($0) >= Self.linkAge }) ?? true {
            linkMeasured = now
            linkIsSlow = connection.link?.isBottleneck ?? false
        }
        return linkIsSlow ? .auto : .off
    }
}

extension Letter {
    init(_ message: AgentMessage, traced: Bool) {
        let value = message.value
        let name: String? = if case .string(let type)? = value["type"] { type } else { nil }
        let procID: String? = if case .string(let id)? = value["proc_id"] { id } else { nil }
        self.init(
            content: .bytes(MessagePackWriter.bytes(of: value)), type: name ?? "", procID: procID,
            text: traced ? MessageText.line(value) : nil)
    }
}

extension Value {
    /// A string or null.
    static func nullable(_ text: String?) -> Value { text.map { .string($0) } ?? .null }
}
