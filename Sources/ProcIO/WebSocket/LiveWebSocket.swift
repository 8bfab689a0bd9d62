internal import CWebSocket
internal import ProcCore

/// What the loop calls of a ``WebSocketConnection``. Apart from it, since its owner may drop that in the midst of a
/// callback.
final class LiveWebSocket {
    typealias Connection = WebSocketConnection

    /// Where the connection stands on the way to its end.
    enum Phase: Equatable {
        case open
        /// Closes when all that waits is sent.
        case draining(Connection.CloseReason)
        /// A close frame has been sent or received; this is what the end will be called.
        case closing(Connection.End)
        case over
    }

    var handlers = Connection.Handlers()
    let stream: ByteStream
    let loop: EventLoop
    let options: Connection.Options
    let frames: FrameEngine
    let queue: SendQueue
    let isServer: Bool
    var phase = Phase.open
    private var wasFull = false
    /// The peer has broken the protocol.
    var hasFailed = false
    var silence: Silence
    var silentProgress = Progress()
    var heartbeat: EventLoop.TimerID?
    var closeProgress = Progress()
    var closeTimer: EventLoop.TimerID?

    /// Whether the peer's system has acknowledged more than when it was last asked.
    struct Progress {
        private var mark: UInt64 = 0

        mutating func isMade(to count: UInt64) -> Bool {
            defer { mark = count }
            return count > mark
        }
    }

    /// Takes the stream over.
    init(
        _ stream: ByteStream, loop: EventLoop, role: cws_role, agreement: cws_agreement, options: Connection.Options
    ) {
        precondition(!options.wholeMessages || options.maxMessage != nil, "whole messages need a limit")
        self.loop = loop
        self.stream = stream
        self.options = options
        isServer = role == CWS_ROLE_SERVER
        frames = FrameEngine(role: role, agreement: agreement, options: options)
        queue = SendQueue(limit: options.maxQueue)
        silence = Silence(pingInterval: options.pingInterval, limit: options.readTimeout, at: loop.now)
        stream.owner = self
        scheduleHeartbeat()
    }

    // MARK: Sending

    var isOpen: Bool { phase == .open }

    /// Whether what waits may still become frames.
    var maySend: Bool {
        switch phase {
        case .open, .draining: true
        case .closing, .over: false
        }
    }

    func send(
        _ opcode: Connection.Opcode, _ bytes: [UInt8], _ compression: Connection.Compression
    ) -> Connection.SendResult {
        guard phase == .open else { return .closed }
        do throws(FrameEngine.Failure) {
            if queue.isEmpty, try frames.send(opcode.code, bytes, compression.code) {
                stream.flushSoon()
                return .taken
            }
        } catch {
            failInside(error.reason)
            return .closed
        }
        guard queue.hasRoom(for: bytes.count) else { return full() }
        enqueue(opcode, .bytes(bytes), length: UInt64(bytes.count), compression)
        return .taken
    }

    func send(
        _ opcode: Connection.Opcode, length: UInt64?, from source: any MessageSource,
        _ compression: Connection.Compression
    ) -> Connection.SendResult {
        guard phase == .open else { return .closed }
        guard queue.hasRoomForSource() else { return full() }
        enqueue(opcode, .source(source), length: length, compression)
        return .taken
    }

    private func enqueue(
        _ opcode: Connection.Opcode, _ content: SendQueue.Content, length: UInt64?,
        _ compression: Connection.Compression
    ) {
        queue.append(opcode.code, content, length: length, compression.code)
        stream.flushSoon()
    }

    private func full() -> Connection.SendResult {
        wasFull = true
        return .full
    }

    func resume() {
        if maySend { stream.flushSoon() }
    }

    func looksForRoom() -> Bool {
        guard phase == .open, !queue.hasRoom(for: 0) else { return phase == .open }
        wasFull = true
        return false
    }

    /// Also while it drains: a peer that only takes what comes has no other reason to say something.
    func ping(_ payload: [UInt8]) {
        guard maySend else { return }
        silence.pinged(at: loop.now)
        if frames.ping(payload) { stream.flushSoon() }
    }

    /// Turns what waits into frames, as far as there is room.
    private func drainQueue() {
        guard maySend else { return }
        do {
            try queue.drain(into: frames)
        } catch let failure as FrameEngine.Failure {
            return failInside(failure.reason)
        } catch {
            return failInside("\(error)")
        }
        if case .draining(let reason) = phase, queue.isEmpty { sendClose(reason) }
        guard wasFull, queue.isHalfEmpty, phase == .open else { return }
        wasFull = false
        handlers.hasRoom()
    }

    // MARK: Receiving

    var readsInput: Bool {
        get { stream.readsInput }
        set {
            // What still comes then is no message, but shows that the peer has closed its end.
            guard knownEnd == nil else { return }
            if newValue, !stream.readsInput { silence.isBroken(at: loop.now) }
            stream.readsInput = newValue
        }
    }

    /// What came behind the handshake.
    func take(_ bytes: ArraySlice<UInt8>) {
        guard !bytes.isEmpty else { return }
        var bytes = bytes
        bytes.withUnsafeMutableBufferPointer { take($0) }
    }

    private func take(_ bytes: UnsafeMutableBufferPointer<UInt8>) {
        var rest = bytes
        do throws(FrameEngine.Failure) {
            while phase != .over, let event = try frames.receive(&rest) { handle(event) }
        } catch {
            // It is said again about all that comes behind the first.
            if !hasFailed { fail(.protocolError(reason: error.reason, code: error.closeCode)) }
        }
        if phase != .over, !frames.output.isEmpty { stream.flushSoon() }
    }

    private func handle(_ event: cws_event) {
        let bytes = UnsafeBufferPointer(start: event.data, count: event.len)
        switch event.kind {
        case CWS_EVENT_MESSAGE:
            let opcode: Connection.Opcode = UInt32(event.opcode) == CWS_OPCODE_TEXT.rawValue ? .text : .binary
            handlers.received(.init(opcode: opcode, bytes: bytes, isFirst: event.first, isLast: event.last))
        case CWS_EVENT_PONG:
            handlers.pong(Array(bytes))
        case CWS_EVENT_CLOSE:
            peerClosed(.init(code: event.close_code, text: String(decoding: bytes, as: UTF8.self)))
        default:
            break  // A ping, which is answered.
        }
    }
}

extension LiveWebSocket: ByteStreamOwner {
    func streamOpened() {}

    func streamReceived(_ bytes: UnsafeMutableBufferPointer<UInt8>) {
        silence.isBroken(at: loop.now)
        take(bytes)
    }

    func streamPeerFinished() {
        if knownEnd != nil {
            stream.finish()
        } else {
            finish(.lost(.finished))
        }
    }

    func streamOutput() -> UnsafeBufferPointer<UInt8> {
        if frames.output.isEmpty { drainQueue() }
        return frames.output
    }

    func streamWrote(_ count: Int) {
        frames.wrote(count)
        drainQueue()
    }

    func streamEnded(_ end: ByteStream.End) { finish(knownEnd ?? .lost(end)) }
}
