internal import CLinux
package import ProcCore
internal import ProcIO

extension ProcessTable {
    /// How often an end is looked for that a debugger withholds.
    private static let tracerPatience = Interval.milliseconds(50)

    // MARK: At somebody's word

    /// Sends a signal to a process itself, not to its descendants.
    ///
    /// One that isn't started yet is cancelled. Never reaches another process that got the number.
    package func signal(_ id: String, _ signal: Signal, sender: Cause.Sender = .request) throws(Refusal) {
        guard let entry = entries[id] else { throw .unknown }
        if entry.awaitsStart {
            entry.deferred.append(.signal(signal, sender))
            return
        }
        if entry.lifecycle.state == .pending { return stop(entry, because: .asked(sender)) }
        guard entry.remains == nil, let pidfd = entry.pidfd else { throw .noProcess }
        let result = clinux_pidfd_send_signal(pidfd.rawValue, signal.number)
        if result == 0 {
            entry.note(signal.number, sender: sender)
            recordStopping(of: entry)
        }
        guard result != -ESRCH else { throw .noProcess }
        guard result == 0 else { throw .signal(SystemError("send \(signal.name)", on: id, errno: -result)) }
    }

    /// Stops a process as its spec says: the stop signal to its whole session, SIGKILL when the grace is over.
    package func stop(_ id: String) throws(Refusal) {
        guard let entry = entries[id] else { throw .unknown }
        guard entry.lifecycle.isAlive else { throw .noProcess }
        stop(entry, because: .asked(.stop))
    }

    /// Stops all processes; each has `grace` in place of its own spec's. What isn't started yet will not be.
    package func stopAll(grace: Interval) {
        holdsStarts = true
        inSlices(Array(entries.values)) { [unowned self] entry in
            guard entry.lifecycle.isAlive else { return }
            entry.stopSpec.grace = grace
            stop(entry, because: .asked(.shutdown))
        }
    }

    /// SIGKILL to the sessions of all processes that run, and to what is left of those being stopped.
    package func killAll() {
        holdsStarts = true
        let lingering = leaders.values.filter { !$0.lifecycle.isAlive }
        inSlices(Array(entries.values) + lingering) { [unowned self] entry in
            if entry.stopReason == nil { entry.stopReason = .asked(.shutdown) }
            advance(entry, .kill)
        }
    }

    /// Does something to each of many, and lets the loop see to everything else in between.
    private func inSlices(_ all: [ProcessEntry], from first: Int = 0, _ body: @escaping (ProcessEntry) -> Void) {
        let end = loop.now + Self.slice
        var next = first
        while next < all.count, loop.now < end {
            body(all[next])
            next += 1
        }
        guard next < all.count else { return }
        loop.soon { [unowned self] in inSlices(all, from: next, body) }
    }

    func stop(_ entry: ProcessEntry, because reason: StopReason) {
        guard entry.lifecycle.isAlive else { return }
        if entry.stopReason == nil { entry.stopReason = reason }
        advance(entry, .stop)
    }

    // MARK: Carrying out

    /// What the event sets off, now or when the parent has answered what decides over it.
    func advance(_ entry: ProcessEntry, _ event: Lifecycle.Event) {
        if entry.awaitsStart || entry.isCollecting {
            entry.deferred.append(.event(event))
        } else {
            let former = entry.lifecycle.state
            perform(entry.lifecycle.handle(event), for: entry)
            if entry.lifecycle.state != former, !entry.hasEndedUnasked(after: former) { recordStopping(of: entry) }
        }
    }

    /// The parent has answered.
    func resume(_ entry: ProcessEntry) {
        guard !entry.deferred.isEmpty else { return }
        let deferred = entry.deferred
        entry.deferred = []
        for deferred in deferred {
            switch deferred {
            case .event(let event): advance(entry, event)
            case .signal(let signal, let sender): try? self.signal(entry.id, signal, sender: sender)
            }
        }
    }

    func perform(_ actions: [Lifecycle.Action], for entry: ProcessEntry) {
        for action in actions {
            switch action {
            case .cancelStart:
                entry.launch?.cancel()
                if let launch = entry.launch { entry.adopt(launch.captures) }
                entry.launch = nil
                fail(entry, [entry.cancellation])
            case .signalSession:
                send(entry.stopSpec.signal.number, toSessionOf: entry, sender: entry.stopSender)
            case .killSession:
                killSession(entry)
            case .surveySession:
                survey(entry)
            case .armSurvey:
                armSurvey(entry)
            case .armGrace:
                let end = entry.graceEnd ?? loop.now + entry.stopSpec.grace
                entry.graceEnd = end
                entry.graceTimer = loop.at(end) { [unowned self, entry] in
                    advance(entry, .graceOver)
                }
            case .disarmGrace:
                if let timer = entry.graceTimer { loop.cancel(timer) }
                entry.graceTimer = nil
            case .reap:
                reap(entry)
            }
        }
    }

    /// The leader at once, through its pidfd; the rest of the session as soon as it is found.
    private func send(_ signum: CInt, toSessionOf entry: ProcessEntry, sender: Cause.Sender) {
        if let pidfd = entry.pidfd {
            if clinux_pidfd_send_signal(pidfd.rawValue, signum) == 0 { entry.note(signum, sender: sender) }
        }
        sweeper.order(.signal(signum), of: entry.pid, leaderIsGone: entry.isReaped) { _ in }
    }

    private func killSession(_ entry: ProcessEntry) {
        if let pidfd = entry.pidfd, clinux_pidfd_send_signal(pidfd.rawValue, SIGKILL) == 0 {
            entry.note(SIGKILL, sender: entry.stopSender)
        }
        order(.signal(SIGKILL), for: entry) { [unowned self] _ in
            advance(entry, .swept)
        }
    }

    private func survey(_ entry: ProcessEntry) {
        order(.survey, for: entry) { [unowned self] members in
            advance(entry, .surveyed(survivors: members > 0))
        }
    }

    /// A member that uses its grace to end is noticed soon, and one that doesn't is not asked after all the time.
    private func armSurvey(_ entry: ProcessEntry) {
        let delay = entry.surveyDelay
        entry.surveyDelay = min(Interval(nanoseconds: delay.nanoseconds * 2), .seconds(1))
        loop.at(loop.now + delay) { [unowned self, entry] in
            // The state may have moved on since.
            guard entry.lifecycle.state == .lingering else { return }
            advance(entry, .surveyDue)
        }
    }

    /// Orders something of the sweeper; only the answer to the last order counts.
    private func order(_ wish: SessionScan.Wish, for entry: ProcessEntry, then: @escaping (Int) -> Void) {
        entry.sweepTicket += 1
        let ticket = entry.sweepTicket
        sweeper.order(wish, of: entry.pid, leaderIsGone: entry.isReaped) { members in
            if entry.sweepTicket == ticket { then(members) }
        }
    }

    // MARK: The end of a leader

    func leaderExited(_ entry: ProcessEntry) {
        guard entry.remains == nil, !entry.isCollecting, let parent = entry.parent else { return }
        if let token = entry.exitToken { loop.unwatch(token) }
        entry.exitToken = nil
        let (wall, instant) = (WallTime.now, loop.now)
        let reaps = entry.lifecycle.endsWithLeader
        entry.isCollecting = true
        parent.collect(entry.child, reaps: reaps) { [unowned self] collection in
            entry.isCollecting = false
            switch collection {
            case .ended(let ending):
                entry.isReaped = reaps
                (entry.stop, entry.stopInstant) = (wall, instant)
                conclude(entry, ending)
            case .notYet: awaitTracer(entry)
            case .lost(let reason): lose(entry, reason)
            }
            resume(entry)
        }
    }

    func conclude(_ entry: ProcessEntry, _ ending: Ending) {
        entry.remains = ProcessEntry.Remains(ending)
        disarmTimeout(entry)
        recordEnd(of: entry, ending)
        advance(entry, .leaderExited)
        entry.pidfd = nil
        settle(entry)
    }

    /// Nobody will ever know how it ended.
    func lose(_ entry: ProcessEntry, _ reason: String) {
        entry.isLost = true
        entry.errors.append("lost: \(reason)")
        entry.stop = .now
        entry.stopInstant = loop.now
        disarmTimeout(entry)
        perform(entry.lifecycle.handle(.lost), for: entry)
        recordFailure(of: entry)
        leaders[entry.pid] = nil
        entry.pidfd = nil
        settle(entry)
    }

    /// A keeper has ended. Its children are ours now, if it was a child of ours and we are who reaps orphans.
    func noteEnd(of keeper: KeeperParent, heir: OwnParent) {
        let lost = LostParent("the keeper that it was a child of was killed, so nobody knows how it ended")
        var (inherited, lostCount) = (0, 0)
        for entry in Array(entries.values) + Array(leaders.values) where entry.parent === keeper && entry.pid > 0 {
            if heir.isParent(of: entry.child) {
                entry.parent = heir
                inherited += 1
            } else {
                entry.parent = lost
                if entry.lifecycle.isAlive { lostCount += 1 }
            }
        }
        log.warn(
            "the processes of a keeper that is gone",
            ["inherited": .integer(inherited), "lost_when_they_end": .integer(lostCount)])
    }

    /// Seldom worth more than a look now and then.
    private func awaitTracer(_ entry: ProcessEntry) {
        guard !entry.awaitsTracer else { return }
        entry.awaitsTracer = true
        loop.at(loop.now + Self.tracerPatience) { [unowned self] in
            entry.awaitsTracer = false
            leaderExited(entry)
        }
    }

    func reap(_ entry: ProcessEntry) {
        if !entry.isReaped { entry.parent?.reap(entry.child) }
        entry.isReaped = true
        leaders[entry.pid] = nil
        if entries[entry.id] !== entry { entry.parent?.forget(entry.child) }
        if entry.isFinal { announceQuiet() }
    }

    /// Waits until all that the process wrote has been taken in; then its result is final.
    func settle(_ entry: ProcessEntry, isNews: Bool = true) {
        var waitsFor = 1
        let settled = { [unowned self] in
            waitsFor -= 1
            guard waitsFor == 0 else { return }
            entry.isFinal = true
            reduceBudget(of: entry, to: entry.descriptorsKept)
            for descriptor in entry.descriptors { descriptor.capture?.output?.finish() }
            finished(entry, isNews: isNews)
        }
        for descriptor in entry.descriptors {
            guard let output = descriptor.capture?.output else { continue }
            waitsFor += 1
            output.settle(then: settled)
        }
        settled()
    }
}

extension ProcessEntry {
    /// What is said of one that was ended before its start.
    fileprivate var cancellation: String {
        if case .timeout(let interval) = stopReason {
            return "timed out after \(interval.shortText) before it was started"
        }
        return "cancelled before it was started"
    }

    /// Whether its end says all that there is to be on record.
    fileprivate func hasEndedUnasked(after former: Lifecycle.State) -> Bool {
        former == .running && lifecycle.state == .ended && stopReason == nil && lastSignal == nil
    }

    /// On whose behalf we end it.
    fileprivate var stopSender: Cause.Sender {
        switch stopReason {
        case .asked(let sender): sender
        case .timeout, .limit, nil: .stop
        }
    }
}
