internal import CWebSocket
internal import ProcCore

// The ways to the end of a connection, and the timers that lead there.
extension LiveWebSocket {
    // MARK: Closing

    func close(_ reason: Connection.CloseReason) {
        guard phase == .open else { return }
        phase = .draining(reason)
        stream.flushSoon()
        startCloseTimer()
    }

    func abort() {
        phase = .over
        cancelTimers()
        queue.removeAll()
        stream.close()
    }

    /// Sends a close frame behind what has become frames.
    func sendClose(_ reason: Connection.CloseReason) {
        frames.close(code: reason.code, reason: reason.text)
        stream.flushSoon()
        beginClosing(.closed(reason, byPeer: false))
    }

    /// Closes for a reason on our side, and tells the peer which.
    func failInside(_ reason: String) {
        // A source that failed may have ended the connection before.
        guard maySend else { return }
        sendClose(.init(code: UInt16(CWS_CLOSE_INTERNAL_ERROR.rawValue), text: reason))
    }

    private func beginClosing(_ end: Connection.End) {
        phase = .closing(end)
        queue.removeAll()
        // From here on the close timer watches over the peer.
        if let heartbeat { loop.cancel(heartbeat) }
        startCloseTimer()
    }

    /// Gives the peer its time for what it has to do next.
    private func startCloseTimer() {
        if let closeTimer { loop.cancel(closeTimer) }
        closeTimer = loop.at(loop.now + options.closeTimeout) { [weak self] in self?.closeTimeIsUp() }
    }

    private func closeTimeIsUp() {
        // What was sent before is still on its way.
        if closeProgress.isMade(to: stream.acknowledged) { return startCloseTimer() }
        // Whoever got both close frames out has closed, however long the peer takes to hang up.
        finish(knownEnd ?? .closeTimedOut(options.closeTimeout))
    }

    /// The end that nothing can change any more, since all frames have come.
    var knownEnd: Connection.End? {
        if case .closing(let end) = phase, frames.state != CWS_STATE_CLOSING { end } else { nil }
    }

    func finish(_ end: Connection.End) {
        guard phase != .over else { return }
        abort()
        handlers.ended(end)
    }

    private func cancelTimers() {
        if let heartbeat { loop.cancel(heartbeat) }
        if let closeTimer { loop.cancel(closeTimer) }
    }

    /// The close frame that says why is on its way.
    func fail(_ end: Connection.End) {
        hasFailed = true
        beginClosing(end)
        stream.readsInput = true
        stream.finish()
    }

    func peerClosed(_ reason: Connection.CloseReason) {
        let end: Connection.End = if case .closing(let end) = phase { end } else { .closed(reason, byPeer: true) }
        beginClosing(end)
        stream.readsInput = true
        // Section 7.1.1: the server is the first to end the transport.
        if isServer { stream.finish() }
    }

    // MARK: Silence

    func scheduleHeartbeat() {
        guard let next = silence.next else { return }
        heartbeat = loop.at(next) { [weak self] in self?.beat() }
    }

    private func beat() {
        let now = loop.now
        // A peer that still takes what is on its way to it can't have heard our pings.
        let isTaking = silentProgress.isMade(to: stream.acknowledged) && stream.unacknowledged > 0
        if !stream.readsInput || isTaking { silence.isBroken(at: now) }
        switch silence.judge(at: now) {
        case .none: break
        case .ping: ping([])
        case .giveUp(let limit): return finish(.silent(limit))
        }
        scheduleHeartbeat()
    }
}
