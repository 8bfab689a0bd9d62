internal import Glibc
internal import ProcCore

/// One connection of a server: the socket, the conversation on it, and the clock of both.
final class HTTPConnection {
    let peer: HTTPPeer
    let isRefused: Bool
    private let guests: HTTPGuests
    /// Nil when all is over.
    private var stream: ByteStream?
    private var conversation: HTTPConversation
    private lazy var certificateSubject = stream?.tls?.peerSubject

    /// Numbers the requests, so that who answers one that is over has no effect.
    private var exchange: UInt64 = 0
    private var bodyUse = BodyUse.none
    private var disconnected: (() -> Void)?
    private var awaitsRoom = false
    private var roomMade: (() -> Void)?
    private var file: FileOutput?

    /// Whether bytes may flow.
    private var isOpen = false
    private var isAdvancing = false
    private var advanceIsDue = false
    private var peerHasFinished = false
    private var isFinishing = false
    private var patience: HTTPPatience

    init(
        _ descriptor: consuming OwnedFD, _ guests: HTTPGuests, _ peer: HTTPPeer, _ tls: TLSSession?, isRefused: Bool
    ) throws(SystemError) {
        self.guests = guests
        self.peer = peer
        self.isRefused = isRefused
        conversation = HTTPConversation(guests.conversation)
        patience = HTTPPatience(guests.settings.timeouts, at: guests.loop.now)
        stream = try ByteStream(
            descriptor, loop: guests.loop, scratch: guests.scratch, tls: tls, owner: self,
            intake: guests.settings.readAhead)
        if isRefused {
            guests.updateDate()
            let seconds = max(1, UInt64(guests.settings.retryAfter.seconds.rounded(.up)))
            conversation.refuse(
                503, "there are too many connections: try again later",
                fields: [HTTPField("Retry-After", "\(seconds)")])
        }
        setAlarm()
    }

    // MARK: Going on

    /// Handles what has come, as far as it can now.
    private func advance() {
        guard !isAdvancing, stream != nil else { return }
        isAdvancing = true
        var requests = 0
        while stream != nil, let event = conversation.next() {
            switch event {
            case .request(let head, let body):
                begin(head, body)
                requests += 1
            case .body(let bytes):
                patience.progressed(at: guests.loop.now)
                take(bytes)
            case .bodyEnded: endBody(isComplete: true)
            case .failed(_, let consequence):
                abandonHandlers()
                if consequence == .breaks { cut() }
            }
            if requests == guests.settings.requestsPerTurn {
                advanceSoon()
                break
            }
        }
        isAdvancing = false
        settle()
    }

    /// In the next turn, when others have had theirs.
    private func advanceSoon() {
        guard !advanceIsDue else { return }
        advanceIsDue = true
        guests.loop.soon { [weak self] in
            self?.advanceIsDue = false
            self?.advance()
        }
    }

    /// Draws the consequences of whatever has happened.
    private func settle() {
        guard let stream, !isAdvancing else { return }
        let isThrough = peerHasFinished && conversation.isIdle && conversation.outgoingCount == 0 && !advanceIsDue
        if conversation.isClosing || isThrough { finish(stream) }
        guard self.stream != nil else { return }
        let wantsInput = conversation.wantsInput
        if stream.readsInput != wantsInput { stream.readsInput = wantsInput }
        if conversation.outgoingCount > 0 || file != nil { stream.flushSoon() }
        setAlarm()
    }

    private func finish(_ stream: ByteStream) {
        guard !isFinishing else { return }
        // Within the handshake of TLS there is nothing that could be finished.
        guard isOpen else { return cut() }
        isFinishing = true
        conversation.close()
        stream.finish()
    }

    private func begin(_ head: HTTPHead, _ body: RequestBody) {
        exchange += 1
        patience.answers(at: guests.loop.now)
        guests.updateDate()
        let target: RequestTarget
        do throws(RequestTarget.Malformed) {
            target = try RequestTarget(parsing: head.pathBytes)
        } catch {
            return conversation.refuse(400, error.description)
        }
        let request = HTTPRequest(
            head: head, method: head.method, target: target, body: body, peer: peer,
            certificateSubject: certificateSubject)
        guests.handler(request, HTTPResponder(self, exchange))
    }

    // MARK: The end

    /// Ends at once. Who waits for anything is told.
    func cut() {
        guard let stream else { return }
        self.stream = nil
        stream.close()
        conversation.close()
        patience.cancel(on: guests.loop)
        abandonHandlers()
        guests.farewell(self)
    }

    /// No request is taken any more but the one that is under way.
    func drain() {
        conversation.isDraining = true
        if conversation.isIdle, !conversation.hasInput { conversation.close() }
        settle()
    }

    /// The request under way comes to nothing.
    private func abandonHandlers() {
        file = nil
        roomMade = nil
        endBody(isComplete: false)
        disconnect()
    }

    private func disconnect() {
        let action = disconnected
        disconnected = nil
        action?()
    }

    // MARK: Time

    private func setAlarm() {
        guard stream != nil else { return patience.cancel(on: guests.loop) }
        let wait: HTTPPatience.Wait =
            if !isOpen {
                .head
            } else if conversation.outgoingCount > 0 {
                .room
            } else if isFinishing {
                .close
            } else if let file {
                file.isReading ? .answer : .room
            } else if conversation.awaitsBody {
                .body
            } else if !conversation.isIdle {
                .answer
            } else {
                conversation.hasInput ? .head : .request
            }
        guard let due = patience.wait(for: wait, on: guests.loop) else { return }
        patience.set(guests.loop.at(due) { [weak self] in self?.timeUp() }, at: due)
    }

    private func timeUp() {
        guard let stream else { return }
        switch patience.judge(at: guests.loop.now, hasInput: conversation.hasInput, standing: { stream.standing }) {
        case .goesOn: setAlarm()
        case .ends: finish(stream)
        case .tells(let reason):
            guard conversation.isIdle || conversation.isUnanswered else { return cut() }
            guests.updateDate()
            conversation.refuse(408, reason)
            abandonHandlers()
        case .breaks: return cut()
        }
        settle()
    }
}

// MARK: - What the request's body is for

extension HTTPConnection {
    func collectBody(_ number: UInt64, _ limit: Int?, _ then: @escaping ([UInt8]) -> Void) {
        wantBody(number, upTo: UInt64(max(limit ?? guests.settings.bodyLimit, 0)), .collected([], then: then))
    }

    func receiveBody(
        _ number: UInt64, _ limit: UInt64, _ piece: @escaping (UnsafeBufferPointer<UInt8>) -> Void,
        _ ended: @escaping (Bool) -> Void
    ) {
        wantBody(number, upTo: limit, .handedOn(piece: piece, ended: ended))
    }

    private func wantBody(_ number: UInt64, upTo limit: UInt64, _ use: BodyUse) {
        guard isUnderWay(number) else { return }
        bodyUse = use
        patience.progressed(at: guests.loop.now)
        switch conversation.wantBody(upTo: limit) {
        case .comes: advanceSoon()
        case .isNone:
            guests.loop.soon { [weak self] in
                guard let self, isUnderWay(number) else { return }
                endBody(isComplete: true)
            }
        case .refused: abandonHandlers()
        }
        settle()
    }

    func pauseBody(_ number: UInt64, _ isPaused: Bool) {
        guard isUnderWay(number) else { return }
        conversation.pauseBody(isPaused)
        if isPaused { settle() } else { advanceSoon() }
    }

    private func take(_ bytes: UnsafeBufferPointer<UInt8>) {
        // Who gets it may use the connection.
        if case .handedOn(let piece, _) = bodyUse { piece(bytes) } else { bodyUse.collect(bytes) }
    }

    private func endBody(isComplete: Bool) {
        let use = bodyUse
        bodyUse = .none
        use.ended(isComplete: isComplete)
    }
}

// MARK: - Answers

extension HTTPConnection {
    /// Whether that request is not yet answered in full.
    private func isUnderWay(_ number: UInt64) -> Bool {
        number == exchange && stream != nil && !conversation.isIdle
    }

    func isUnanswered(_ number: UInt64) -> Bool { isUnderWay(number) && conversation.isUnanswered }

    func isStreaming(_ number: UInt64) -> Bool { isUnderWay(number) && conversation.wantsResponseBody }

    func onDisconnect(_ number: UInt64, _ action: @escaping () -> Void) {
        guard isUnderWay(number) else { return }
        disconnected = action
        if peerHasFinished {
            guests.loop.soon { [weak self] in if self?.exchange == number { self?.disconnect() } }
        }
    }

    func abandon(_ number: UInt64) {
        guard isUnanswered(number) else { return }
        guests.updateDate()
        conversation.refuse(500, "the request was not answered")
        abandonHandlers()
        settle()
    }

    func respond(_ number: UInt64, _ response: HTTPResponse) {
        guard isUnanswered(number) else { return }
        guests.updateDate()
        let hasBody = conversation.respond(
            response.status, response.fields, length: response.length, closes: response.closes)
        guard hasBody else { return answered() }
        switch response.body {
        case .bytes(let bytes): conversation.write(bytes)
        case .file(let descriptor, let offset, let count):
            guard count > 0 else { break }
            let output = FileOutput(descriptor, offset: offset, count: count, worker: guests.files)
            output.resumed = { [weak self] in self?.stream?.flushSoon() }
            file = output
            return settle()
        }
        _ = conversation.end()
        answered()
    }

    func stream(_ number: UInt64, _ status: UInt16, _ fields: [HTTPField], length: UInt64?) {
        guard isUnanswered(number) else { return }
        guests.updateDate()
        if conversation.respond(status, fields, length: length) { settle() } else { answered() }
    }

    func write(_ number: UInt64, _ bytes: [UInt8]) -> Bool {
        guard isStreaming(number) else { return false }
        conversation.write(bytes)
        let limit = guests.settings.outputLimit
        if conversation.outgoingCount >= limit { awaitsRoom = true }
        if conversation.outgoingCount > 16 * limit + bytes.count { cut() } else { settle() }
        return !awaitsRoom
    }

    func onRoom(_ number: UInt64, _ action: @escaping () -> Void) {
        if isStreaming(number) { roomMade = action }
    }

    func end(_ number: UInt64) {
        guard isStreaming(number) else { return }
        if conversation.end() { answered() } else { cut() }
    }

    func cut(_ number: UInt64) {
        if isStreaming(number) { cut() }
    }

    /// All of the response is written; what is behind it can be looked at.
    private func answered() {
        disconnected = nil
        roomMade = nil
        awaitsRoom = false
        file = nil
        if case .handedOn = bodyUse { endBody(isComplete: false) } else { bodyUse = .none }
        // A handler's stack shouldn't grow with every request behind its own.
        if !isAdvancing { advance() }
    }
}

// MARK: - The socket

extension HTTPConnection: ByteStreamOwner {
    func streamOpened() {
        isOpen = true
        settle()
    }

    func streamReceived(_ bytes: UnsafeMutableBufferPointer<UInt8>) {
        conversation.receive(UnsafeBufferPointer(bytes))
        advance()
    }

    func streamPeerFinished() {
        peerHasFinished = true
        // A body that can't be completed any more.
        if conversation.awaitsBody {
            abandonHandlers()
            if conversation.breakOff() == .breaks { return cut() }
        }
        disconnect()
        settle()
    }

    func streamOutput() -> UnsafeBufferPointer<UInt8> {
        if conversation.outgoingCount == 0, stream?.tls != nil, let file {
            do throws(SystemError) {
                if let piece = try file.piece() { conversation.write(piece) }
            } catch {
                guests.notice(.broken(error, peer))
                cut()
            }
        }
        return conversation.outgoing
    }

    func streamFile() -> FileSlice? { stream?.tls == nil ? file?.slice() : nil }

    func streamWrote(_ count: Int) {
        if conversation.outgoingCount > 0 {
            conversation.sent(count)
        } else {
            file?.sent(count)
            conversation.passed(UInt64(count))
        }
        if let file, file.isDone, conversation.outgoingCount == 0, conversation.end() { answered() }
        if awaitsRoom, conversation.outgoingCount <= guests.settings.outputLimit / 2 {
            awaitsRoom = false
            roomMade?()
        }
        if conversation.outgoingCount == 0 { if conversation.isIdle { advance() } else { settle() } }
    }

    func streamEnded(_ end: ByteStream.End) {
        switch end {
        case .tls(let failure) where !isOpen: guests.notice(.noTLS(failure, peer))
        case .failed(let error) where file != nil: guests.notice(.broken(error, peer))
        case .finished, .failed, .tls: break
        }
        cut()
    }
}
