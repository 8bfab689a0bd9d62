internal import CLinux
internal import Glibc
package import ProcCore

/// Whom a ``ByteStream`` tells what it read, and asks what to write. All calls come on the loop.
package protocol ByteStreamOwner: AnyObject {
    /// Bytes may flow: at once, or when the TLS handshake is done.
    func streamOpened()
    /// The next bytes, lent for the call. They may be changed in place.
    func streamReceived(_ bytes: UnsafeMutableBufferPointer<UInt8>)
    /// The peer sends no more. Answer with ``ByteStream/finish()`` or ``ByteStream/close()``, now or later.
    func streamPeerFinished()
    /// What is to be written now, lent until the next call of the owner; empty for nothing.
    func streamOutput() -> UnsafeBufferPointer<UInt8>
    /// So much of it is taken.
    func streamWrote(_ count: Int)
    /// The last call: the socket is closed.
    func streamEnded(_ end: ByteStream.End)
}

/// A connected socket on the loop, in the clear or over TLS.
///
/// It holds no bytes beyond TLS records under way: input is lent to the owner as it comes, output is taken from the
/// owner as the socket takes it. So the owner's buffers are the only ones, and a slow peer is the owner's to know.
package final class ByteStream {
    /// How a stream ended by itself.
    package enum End: Equatable, CustomStringConvertible {
        /// Both directions in order.
        case finished
        case failed(SystemError)
        case tls(TLSFailure)

        package var description: String {
            switch self {
            case .finished: "connection closed"
            case .failed(let error): error.description
            case .tls(let failure): "TLS: \(failure)"
            }
        }
    }

    /// Scratch memory for reading, shared by all streams of a loop: it is used within one call only.
    package final class Scratch {
        /// Also what is taken from a socket at a time.
        fileprivate let incoming: UnsafeMutableBufferPointer<UInt8>
        fileprivate let plain: UnsafeMutableBufferPointer<UInt8>

        package init() {
            incoming = .allocate(capacity: 128 << 10)
            plain = .allocate(capacity: 64 << 10)
        }

        deinit {
            incoming.deallocate()
            plain.deallocate()
        }
    }

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
    private var awaitsRoom = false
    private var flushIsDue = false

    /// - Parameters:
    ///   - socket: Connected and non-blocking.
    ///   - owner: Held weakly. It hears nothing before the loop's next turn.
    package init(
        _ socket: consuming OwnedFD, loop: EventLoop, scratch: Scratch, tls: TLSSession?, owner: any ByteStreamOwner
    ) throws(SystemError) {
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

    package var isOver: Bool { phase == .over }

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

    /// Ends in order: writes out what there is, says that no more follows, and waits for the peer to do the same.
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
            let count = recv(fd, scratch.incoming.baseAddress, scratch.incoming.count, 0)
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
            if count < scratch.incoming.count { return }
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
                if count == 0 { break }
                owner?.streamReceived(UnsafeMutableBufferPointer(rebasing: scratch.plain[..<count]))
            }
        } catch {
            return tlsFailed(error, tls)
        }
        guard phase != .over else { return }
        if !tls.output.isEmpty { flushSoon() }
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
        guard let tls else {
            guard let output = owner?.streamOutput(), !output.isEmpty else { return nothingLeft() }
            return try send(output) { owner?.streamWrote($0) }
        }
        if phase != .handshake, let output = owner?.streamOutput(), !output.isEmpty {
            let count = try tls.encrypt(output)
            if count > 0 { owner?.streamWrote(count) }
        }
        let output = tls.output
        guard !output.isEmpty else { return phase == .handshake ? nil : nothingLeft() }
        return try send(output) { tls.wrote($0) }
    }

    private func send(_ bytes: UnsafeBufferPointer<UInt8>, then: (Int) -> Void) throws(SystemError) -> Int? {
        while true {
            let count = Glibc.send(fd, bytes.baseAddress, bytes.count, CInt(MSG_NOSIGNAL))
            if count >= 0 {
                then(count)
                return count
            }
            let failure = errno
            if failure == EINTR { continue }
            guard failure == EAGAIN else { throw SystemError("send", errno: failure) }
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

    private var hasSaidClose = false

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

    private var watched: EventLoop.Readiness = .readable

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
