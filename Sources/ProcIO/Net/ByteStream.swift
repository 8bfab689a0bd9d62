internal import CLinux
internal import Glibc
package import ProcCore

/// A connected socket on the loop, in the clear or over TLS.
///
/// It holds no bytes beyond TLS records under way: input is lent to the owner as it comes, output is taken from the
/// owner as the socket takes it. So the owner's buffers are the only ones, and a slow peer is the owner's to know.
package final class ByteStream {
    private enum Phase {
        case handshake
        case open
        /// Ends when all is written.
        case finishing
        /// All is written and our direction shut.
        case shut
        case over
    }

    /// What is read or written in one turn, so that one busy stream doesn't keep the others waiting.
    private static let turnBudget = 1 << 20

    package weak var owner: (any ByteStreamOwner)?
    private let loop: EventLoop
    private let scratch: Scratch
    private var socket: OwnedFD?
    private var token: EventLoop.Token?
    package let tls: TLSSession?
    private var phase: Phase
    private var isReading = true
    private var peerHasFinished = false
    /// The socket is full.
    private var awaitsRoom = false
    /// TLS takes nothing before the rest of a message of its own has come.
    private var awaitsInput = false
    private var flushIsDue = false
    private var hasSaidClose = false
    private var watched: EventLoop.Readiness = .readable
    /// Bytes that the socket took.
    private var sent: UInt64 = 0
    /// The most that is taken from the socket at a time, and so what its owner may have to hold of it.
    private let intake: Int

    /// - Parameters:
    ///   - socket: Connected and non-blocking.
    ///   - owner: Held weakly. It hears nothing before the loop's next turn.
    ///   - intake: The most that is read at a time; nil for as much as there is room for.
    package init(
        _ socket: consuming OwnedFD, loop: EventLoop, scratch: Scratch, tls: TLSSession?, owner: any ByteStreamOwner,
        intake: Int? = nil
    ) throws(SystemError) {
        self.intake = min(intake ?? scratch.incoming.count, scratch.incoming.count)
        self.loop = loop
        self.scratch = scratch
        self.tls = tls
        self.owner = owner
        phase = tls == nil ? .open : .handshake
        let fd = socket.rawValue
        self.socket = consume socket
        token = try loop.watch(fd, for: .readable) { [unowned self] readiness in ready(readiness) }
        if tls == nil {
            loop.soon { [weak self] in
                if let self, phase != .over { self.owner?.streamOpened() }
            }
        }
        flushSoon()
    }

    deinit { release() }

    private var fd: CInt { socket?.rawValue ?? -1 }

    /// Bytes of ours that the socket took and the peer's system has not acknowledged.
    package var unacknowledged: UInt64 { phase == .over ? 0 : UInt64(max(0, clinux_unacknowledged(fd))) }

    /// Those that it has acknowledged. As long as that grows, a peer that says nothing may be slow, but is there.
    package var acknowledged: UInt64 {
        let waiting = unacknowledged
        return sent > waiting ? sent - waiting : 0
    }

    /// Tells progress: it differs between two moments when the peer has taken something in between, or been sent it.
    package var standing: [UInt64] { [acknowledged, unacknowledged] }

    /// What the system has measured of the way to the peer; nil where it can't tell.
    package var link: LinkEstimate? {
        var estimate = clinux_link()
        guard phase != .over, clinux_measure_link(fd, &estimate) == 0 else { return nil }
        return LinkEstimate(
            roundTrip: Interval(nanoseconds: UInt64(estimate.round_trip_us) * 1000), rate: estimate.delivery_rate,
            isLowerBound: estimate.sender_limited)
    }

    // MARK: What the owner does

    /// Asks for output at the end of this turn of the loop.
    package func flushSoon() {
        guard !flushIsDue else { return }
        flushIsDue = true
        loop.soon { [weak self] in self?.flush() }
    }

    /// Whether bytes are read. What has already been taken from the socket comes even so.
    package var readsInput: Bool {
        get { isReading }
        set {
            isReading = newValue
            updateInterest()
        }
    }

    /// Ends in order: writes out what there is, says that no more follows, and waits for the peer to do the same, for
    /// which the owner may set a limit. Before ``ByteStreamOwner/streamOpened()`` it is the same as ``close()``.
    package func finish() {
        switch phase {
        case .handshake: close()
        case .open:
            phase = .finishing
            flushSoon()
        case .finishing, .shut, .over: break
        }
    }

    /// Ends at once. The owner hears no more.
    package func close() {
        phase = .over
        release()
    }

    // MARK: Reading

    private func ready(_ readiness: EventLoop.Readiness) {
        if readiness.contains(.readable) || (readiness.contains(.hangup) && !awaitsRoom) { read() }
        if readiness.contains(.writable) || (readiness.contains(.hangup) && awaitsRoom) {
            awaitsRoom = false
            flush()
        }
    }

    private func read() {
        var budget = Self.turnBudget
        while budget > 0, phase != .over, isReading, !peerHasFinished {
            let count = recv(fd, scratch.incoming.baseAddress, intake, 0)
            if count < 0 {
                let failure = errno
                if failure == EINTR { continue }
                if failure != EAGAIN { end(.failed(SystemError("receive", errno: failure))) }
                return
            }
            if count == 0 { return receivedEnd() }
            receive(UnsafeMutableBufferPointer(rebasing: scratch.incoming[..<count]))
            budget -= count
            // The rest of the turn is for others; what came since makes the loop come back.
            if count < intake { return }
        }
    }

    private func receive(_ bytes: UnsafeMutableBufferPointer<UInt8>) {
        guard let tls else {
            owner?.streamReceived(bytes)
            return
        }
        var rest = bytes
        do throws(TLSFailure) {
            while phase != .over {
                let count = try tls.decrypt(&rest, into: scratch.plain)
                openIfReady()
                if count == 0 || phase == .over { break }
                owner?.streamReceived(UnsafeMutableBufferPointer(rebasing: scratch.plain[..<count]))
            }
        } catch {
            return tlsFailed(error, tls)
        }
        guard phase != .over else { return }
        if !tls.output.isEmpty || awaitsInput { flushSoon() }
        if tls.peerHasClosed { peerFinished() }
    }

    private func openIfReady() {
        guard phase == .handshake, tls?.isOpen == true else { return }
        phase = .open
        owner?.streamOpened()
        if phase != .over { flushSoon() }
    }

    private func receivedEnd() {
        do throws(TLSFailure) {
            try tls?.transportEnded()
        } catch {
            return end(.tls(error))
        }
        peerFinished()
    }

    private func peerFinished() {
        guard phase != .over, !peerHasFinished else { return }
        peerHasFinished = true
        updateInterest()
        if phase == .shut { return end(.finished) }
        owner?.streamPeerFinished()
    }

    // MARK: Writing

    private func flush() {
        flushIsDue = false
        var budget = Self.turnBudget
        do {
            while budget > 0, phase != .over, phase != .shut, !awaitsRoom, let count = try writeSome() {
                budget -= count
            }
        } catch let failure as TLSFailure {
            guard let tls else { preconditionFailure("a failure of TLS where there is none") }
            return tlsFailed(failure, tls)
        } catch {
            return writeFailed(error as? SystemError ?? SystemError("send", errno: EIO))
        }
        if budget <= 0, phase != .over { awaitsRoom = true }
        updateInterest()
    }

    /// How many bytes were moved; nil when there are none, or no room for them.
    private func writeSome() throws -> Int? {
        // What it lends is its own: held until that is used, also if it is let go of meanwhile.
        guard let owner else { return nil }
        return try withExtendedLifetime(owner) {
            if let tls { return try writeSome(of: owner, through: tls) }
            let output = owner.streamOutput()
            guard phase != .over else { return nil }
            if !output.isEmpty { return try send(output) { owner.streamWrote($0) } }
            guard let file = owner.streamFile() else { return nothingLeft() }
            return try send(file) { owner.streamWrote($0) }
        }
    }

    private func writeSome(of owner: any ByteStreamOwner, through tls: TLSSession) throws -> Int? {
        awaitsInput = false
        if phase != .handshake, !hasSaidClose {
            let output = owner.streamOutput()
            guard phase != .over else { return nil }
            let count = output.isEmpty ? 0 : try tls.encrypt(output)
            awaitsInput = count == 0 && !output.isEmpty && tls.output.isEmpty
            if count > 0 { owner.streamWrote(count) }
            guard phase != .over, !awaitsInput else { return nil }
        }
        let output = tls.output
        guard !output.isEmpty else { return phase == .handshake ? nil : nothingLeft() }
        return try send(output) { tls.wrote($0) }
    }

    private func send(_ bytes: UnsafeBufferPointer<UInt8>, then: (Int) -> Void) throws(SystemError) -> Int? {
        try send("send", then: then) {
            let count = Glibc.send(fd, bytes.baseAddress, bytes.count, CInt(MSG_NOSIGNAL))
            return count < 0 ? -Int(errno) : count
        }
    }

    private func send(_ file: FileSlice, then: (Int) -> Void) throws(SystemError) -> Int? {
        try send("send a file", then: then) {
            let count = clinux_send_file(fd, file.descriptor, Int64(file.offset), file.count)
            // It has become shorter than what was promised of it.
            return count == 0 ? -Int(ENODATA) : Int(count)
        }
    }

    /// - Parameter call: Returns how many bytes the socket took, or `-errno`.
    private func send(_ name: String, then: (Int) -> Void, _ call: () -> Int) throws(SystemError) -> Int? {
        while true {
            let result = call()
            if result >= 0 {
                sent += UInt64(result)
                then(result)
                return result
            }
            let failure = CInt(-result)
            if failure == EINTR { continue }
            guard failure == EAGAIN else { throw SystemError(name, errno: failure) }
            awaitsRoom = true
            return nil
        }
    }

    /// All is written: what comes next on the way to the end.
    private func nothingLeft() -> Int? {
        guard phase == .finishing else { return nil }
        if let tls, !hasSaidClose {
            hasSaidClose = true
            tls.close()
            return 0
        }
        phase = .shut
        shutdown(fd, CInt(SHUT_WR))
        if peerHasFinished { end(.finished) }
        return nil
    }

    /// The peer takes no more. What it said last may still wait to be read, and tells more than our error.
    private func writeFailed(_ error: SystemError) {
        if isReading { read() }
        if phase != .over { end(.failed(error)) }
    }

    /// The alert tells the peer why, if there is room for it.
    private func tlsFailed(_ failure: TLSFailure, _ tls: TLSSession) {
        guard phase != .over else { return }
        do {
            _ = try send(tls.output) { tls.wrote($0) }
        } catch {
            // The failure that we have explains more.
        }
        end(.tls(failure))
    }

    // MARK: The end

    private func updateInterest() {
        guard let token, phase != .over else { return }
        var interest: EventLoop.Readiness = []
        if isReading, !peerHasFinished { interest.insert(.readable) }
        if awaitsRoom { interest.insert(.writable) }
        guard interest != watched else { return }
        watched = interest
        loop.change(token, to: interest)
    }

    private func end(_ end: End) {
        guard phase != .over else { return }
        close()
        owner?.streamEnded(end)
    }

    private func release() {
        if let token { loop.unwatch(token) }
        token = nil
        socket = nil
    }
}
