internal import CWebSocket
internal import ProcCore

/// A WebSocket connection (RFC 6455) on the loop, in either role, after its opening handshake.
///
/// Whoever made it holds it: a connection that is let go of closes at once. All handlers are called on the loop, none
/// within a call of the one that set them.
package final class WebSocketConnection {
    /// Where the connection stands on the way to its end.
    private enum Phase: Equatable {
        case open
        /// Closes when all that waits is sent.
        case draining(CloseReason)
        /// A close frame has been sent or received; this is what the end will be called.
        case closing(End)
        case over
    }

    package var handlers = Handlers()
    /// The subprotocol that was agreed on.
    package let subprotocol: String?
    /// Whether permessage-deflate was agreed on.
    package let compresses: Bool
    /// Such as `TLSv1.3`; nil without TLS.
    package var tlsVersion: String? { stream.tls?.version }

    private let loop: EventLoop
    private let stream: ByteStream
    private let options: Options
    private let frames: FrameEngine
    private let isServer: Bool
    private var phase = Phase.open
    private var queue: SendQueue
    private var wasFull = false
    /// Since when there has been silence: the latest bytes, or when reading was taken up again.
    private var silentSince: Instant
    private var lastPing: Instant
    private var heartbeat: EventLoop.TimerID?
    private var closeTimer: EventLoop.TimerID?

    /// Takes the stream over.
    init(
        _ stream: ByteStream, loop: EventLoop, role: cws_role, agreement: cws_agreement, subprotocol: String?,
        options: Options
    ) {
        self.loop = loop
        self.stream = stream
        self.options = options
        self.subprotocol = subprotocol
        compresses = agreement.deflate
        isServer = role == CWS_ROLE_SERVER
        frames = FrameEngine(role: role, agreement: agreement, options: options)
        queue = SendQueue(limit: options.maxQueue)
        silentSince = loop.now
        lastPing = silentSince
        stream.owner = self
        scheduleHeartbeat()
    }

    deinit {
        cancelTimers()
        stream.close()
    }

    // MARK: Sending

    /// Whether messages may be sent.
    package var isOpen: Bool { phase == .open }

    /// Sends a message.
    @discardableResult
    package func send(_ opcode: Opcode, _ bytes: [UInt8], compression: Compression = .auto) -> SendResult {
        bytes.withUnsafeBufferPointer { buffer in
            guard phase == .open else { return .closed }
            do throws(FrameEngine.Failure) {
                if queue.isEmpty, try frames.send(opcode.code, buffer, compression.code) {
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
    }

    /// Sends a message whose content is made while it is sent, a piece at a time. Control frames go in between, other
    /// messages after it.
    ///
    /// - Parameter length: In bytes, where it is known; the source must then give exactly this many. What it throws
    ///   closes the connection with code 1011.
    @discardableResult
    package func send(
        _ opcode: Opcode, length: UInt64?, from source: any MessageSource, compression: Compression = .auto
    ) -> SendResult {
        guard phase == .open else { return .closed }
        guard queue.hasRoomForSource() else { return full() }
        enqueue(opcode, .source(source), length: length, compression)
        return .taken
    }

    private func enqueue(
        _ opcode: Opcode, _ content: SendQueue.Content, length: UInt64?, _ compression: Compression
    ) {
        queue.append(opcode.code, content, length: length, compression.code)
        stream.flushSoon()
    }

    private func full() -> SendResult {
        wasFull = true
        return .full
    }

    /// Sends a ping of at most 125 bytes. Not when there is no room for it now.
    package func ping(_ payload: [UInt8] = []) {
        guard phase == .open else { return }
        lastPing = loop.now
        if frames.ping(payload) { stream.flushSoon() }
    }

    /// Turns what waits into frames, as far as there is room.
    private func drainQueue() {
        switch phase {
        case .open, .draining: break
        case .closing, .over: return
        }
        do {
            try queue.drain(into: frames)
        } catch let failure as FrameEngine.Failure {
            return failInside(failure.reason)
        } catch {
            return failInside("\(error)")
        }
        if case .draining(let reason) = phase, queue.isEmpty { sendClose(reason, .closed(reason, byPeer: false)) }
        guard wasFull, queue.isHalfEmpty, phase == .open else { return }
        wasFull = false
        handlers.hasRoom()
    }

    // MARK: Closing

    /// Closes in order: after all that waits to be sent. Messages may come until the peer closes, too.
    package func close(_ reason: CloseReason = CloseReason(code: 1000)) {
        guard phase == .open else { return }
        phase = .draining(reason)
        stream.flushSoon()
    }

    /// Ends at once, without a word to the peer or to the handlers.
    package func abort() {
        phase = .over
        cancelTimers()
        queue.removeAll()
        stream.close()
    }

    /// Sends a close frame behind what has become frames.
    private func sendClose(_ reason: CloseReason, _ end: End) {
        queue.removeAll()
        phase = .closing(end)
        frames.close(code: reason.code, reason: reason.text)
        stream.flushSoon()
        startCloseTimer()
    }

    /// Closes for a reason on our side, which the peer is told without detail.
    private func failInside(_ reason: String) {
        let told = CloseReason(code: UInt16(CWS_CLOSE_INTERNAL_ERROR.rawValue), text: reason)
        sendClose(told, .closed(told, byPeer: false))
    }

    private func startCloseTimer() {
        guard closeTimer == nil else { return }
        closeTimer = loop.at(loop.now + options.closeTimeout) { [weak self] in
            guard let self else { return }
            // Whoever got both close frames out has closed, however long the peer takes to hang up.
            if case .closing(let end) = phase, frames.state != CWS_STATE_CLOSING {
                finish(end)
            } else {
                finish(.closeTimedOut(options.closeTimeout))
            }
        }
    }

    private func finish(_ end: End) {
        guard phase != .over else { return }
        abort()
        handlers.ended(end)
    }

    // MARK: Receiving

    /// Whether messages are read. What has already been taken from the socket comes even so. While it is off, silence
    /// is no reason to end.
    package var readsInput: Bool {
        get { stream.readsInput }
        set {
            if newValue, !stream.readsInput { silentSince = loop.now }
            stream.readsInput = newValue
        }
    }

    /// What came behind the handshake.
    func take(_ bytes: [UInt8]) {
        guard !bytes.isEmpty else { return }
        var bytes = bytes
        bytes.withUnsafeMutableBufferPointer { take($0) }
    }

    private func take(_ bytes: UnsafeMutableBufferPointer<UInt8>) {
        var rest = bytes
        do throws(FrameEngine.Failure) {
            while phase != .over, let event = try frames.receive(&rest) { handle(event) }
        } catch {
            // The close frame is on its way.
            queue.removeAll()
            phase = .closing(.protocolError(reason: error.reason, code: error.closeCode))
            stream.finish()
            startCloseTimer()
        }
        if phase != .over, !frames.output.isEmpty { stream.flushSoon() }
    }

    private func handle(_ event: cws_event) {
        let bytes = UnsafeBufferPointer(start: event.data, count: event.len)
        switch event.kind {
        case CWS_EVENT_MESSAGE:
            let opcode: Opcode = UInt32(event.opcode) == CWS_OPCODE_TEXT.rawValue ? .text : .binary
            handlers.received(Message(opcode: opcode, bytes: bytes, isFirst: event.first, isLast: event.last))
        case CWS_EVENT_PONG:
            handlers.pong(Array(bytes))
        case CWS_EVENT_CLOSE:
            peerClosed(CloseReason(code: event.close_code, text: String(decoding: bytes, as: UTF8.self)))
        default:
            break  // A ping, which is answered.
        }
    }

    private func peerClosed(_ reason: CloseReason) {
        switch phase {
        case .open, .draining: phase = .closing(.closed(reason, byPeer: true))
        case .closing, .over: break
        }
        queue.removeAll()
        startCloseTimer()
        // Section 7.1.1: the server is the first to end the transport.
        if isServer { stream.finish() }
    }

    // MARK: Silence

    private func scheduleHeartbeat() {
        var next: Instant?
        if let timeout = options.readTimeout { next = silentSince + timeout }
        if let interval = options.pingInterval {
            let ping = max(silentSince, lastPing) + interval
            next = next.map { min($0, ping) } ?? ping
        }
        guard let next else { return }
        heartbeat = loop.at(next) { [weak self] in self?.beat() }
    }

    private func beat() {
        let now = loop.now
        if !stream.readsInput { silentSince = now }
        let silence = now.since(silentSince)
        if let timeout = options.readTimeout, silence >= timeout { return finish(.silent(timeout)) }
        if let interval = options.pingInterval, silence >= interval, now.since(lastPing) >= interval { ping() }
        scheduleHeartbeat()
    }

    private func cancelTimers() {
        if let heartbeat { loop.cancel(heartbeat) }
        if let closeTimer { loop.cancel(closeTimer) }
    }
}

extension WebSocketConnection: ByteStreamOwner {
    package func streamOpened() {}

    package func streamReceived(_ bytes: UnsafeMutableBufferPointer<UInt8>) {
        silentSince = loop.now
        take(bytes)
    }

    package func streamPeerFinished() {
        if frames.state == CWS_STATE_CLOSED || frames.state == CWS_STATE_FAILED {
            stream.finish()
        } else {
            finish(.lost(.finished))
        }
    }

    package func streamOutput() -> UnsafeBufferPointer<UInt8> {
        if frames.output.isEmpty { drainQueue() }
        return frames.output
    }

    package func streamWrote(_ count: Int) {
        frames.wrote(count)
        drainQueue()
    }

    package func streamEnded(_ end: ByteStream.End) {
        if case .closing(let known) = phase, frames.state != CWS_STATE_CLOSING {
            finish(known)
        } else {
            finish(.lost(end))
        }
    }
}
