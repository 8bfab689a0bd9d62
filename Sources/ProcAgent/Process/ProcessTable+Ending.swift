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
        if entry.lifecycle.state == .pending { return stop(entry, because: .asked(sender)) }
        guard entry.remains == nil, let pidfd = entry.pidfd else { throw .noProcess }
        let result = clinux_pidfd_send_signal(pidfd.rawValue, signal.number)
        if result == 0 { entry.note(signal.number, sender: sender) }
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
            perform(entry.lifecycle.handle(.kill), for: entry)
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

    func stop(_ entry: ProcessEntry, because reason: ProcessEntry.StopReason) {
        guard entry.lifecycle.isAlive else { return }
        if entry.stopReason == nil { entry.stopReason = reason }
        perform(entry.lifecycle.handle(.stop), for: entry)
    }

    // MARK: Carrying out

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
                entry.graceTimer = loop.at(loop.now + entry.stopSpec.grace) { [unowned self, entry] in
                    perform(entry.lifecycle.handle(.graceOver), for: entry)
                }
            case .disarmGrace:
                if let timer = entry.graceTimer { loop.cancel(timer) }
                entry.graceTimer = nil
            case .collect:
                collect(entry)
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
        sweeper.order(.signal(signum), of: entry.pid) { _ in }
    }

    private func killSession(_ entry: ProcessEntry) {
        if let pidfd = entry.pidfd, clinux_pidfd_send_signal(pidfd.rawValue, SIGKILL) == 0 {
            entry.note(SIGKILL, sender: entry.stopSender)
        }
        order(.signal(SIGKILL), for: entry) { [unowned self] _ in
            perform(entry.lifecycle.handle(.swept), for: entry)
        }
    }

    private func survey(_ entry: ProcessEntry) {
        order(.survey, for: entry) { [unowned self] members in
            perform(entry.lifecycle.handle(.surveyed(survivors: members > 0)), for: entry)
        }
    }

    /// A member that uses its grace to end is noticed soon, and one that doesn't is not asked after all the time.
    private func armSurvey(_ entry: ProcessEntry) {
        let delay = entry.surveyDelay
        entry.surveyDelay = min(Interval(nanoseconds: delay.nanoseconds * 2), .seconds(1))
        loop.at(loop.now + delay) { [unowned self, entry] in
            // The state may have moved on since.
            guard entry.lifecycle.state == .lingering else { return }
            perform(entry.lifecycle.handle(.surveyDue), for: entry)
        }
    }

    /// Orders something of the sweeper; only the answer to the last order counts.
    private func order(_ wish: SessionScan.Wish, for entry: ProcessEntry, then: @escaping (Int) -> Void) {
        entry.sweepTicket += 1
        let ticket = entry.sweepTicket
        sweeper.order(wish, of: entry.pid) { members in
            if entry.sweepTicket == ticket { then(members) }
        }
    }

    // MARK: The end of a leader

    func leaderExited(_ entry: ProcessEntry) {
        guard entry.remains == nil else { return }
        if let token = entry.exitToken { loop.unwatch(token) }
        entry.exitToken = nil
        guard isShown(entry.pid) else { return awaitTracer(entry) }
        entry.stop = .now
        entry.stopInstant = loop.now
        disarmTimeout(entry)
        perform(entry.lifecycle.handle(.leaderExited), for: entry)
        entry.pidfd = nil
        settle(entry)
    }

    private func awaitTracer(_ entry: ProcessEntry) {
        guard !entry.awaitsTracer else { return }
        entry.awaitsTracer = true
        loop.at(loop.now + Self.tracerPatience) { [unowned self] in
            entry.awaitsTracer = false
            leaderExited(entry)
        }
    }

    /// Whether wait(2) knows of the end already. A debugger that traces the process sees it first, and we only when
    /// that has let go: seldom worth more than a look now and then.
    private func isShown(_ pid: pid_t) -> Bool {
        var status: CInt = 0
        var usage = rusage()
        return clinux_peek(pid, &status, &usage) == pid
    }

    /// Reads what is left of the process, and leaves the zombie where it is.
    private func collect(_ entry: ProcessEntry) {
        takeRemains(of: entry, by: clinux_peek)
    }

    private func reap(_ entry: ProcessEntry) {
        if entry.remains == nil {
            takeRemains(of: entry, by: clinux_reap)
        } else {
            var status: CInt = 0
            var usage = rusage()
            let reaped = clinux_reap(entry.pid, &status, &usage)
            precondition(reaped == entry.pid, "wait4 of a zombie: \(reaped)")
        }
        leaders[entry.pid] = nil
        if entry.isFinal { announceQuiet() }
    }

    /// `/proc/PID/stat` first: there is nothing to read once the zombie is gone.
    private func takeRemains(
        of entry: ProcessEntry,
        by wait: (pid_t, UnsafeMutablePointer<CInt>, UnsafeMutablePointer<rusage>) -> CInt
    ) {
        let stat = ProcFile.stat.read(entry.pid).flatMap { ProcStat(parsing: $0.span) }
        var status: CInt = 0
        var usage = rusage()
        let found = wait(entry.pid, &status, &usage)
        precondition(found == entry.pid, "wait doesn't know of a zombie: \(found)")
        entry.remains = ProcessEntry.Remains(
            stat: stat, status: WaitStatus(raw: status), usage: ResourceUsage(usage))
    }

    /// Waits until all that the process wrote has been taken in; then its result is final.
    private func settle(_ entry: ProcessEntry) {
        var waitsFor = 1
        let settled = { [unowned self] in
            waitsFor -= 1
            guard waitsFor == 0 else { return }
            entry.isFinal = true
            reduceBudget(of: entry, to: entry.descriptorsKept)
            for descriptor in entry.descriptors { descriptor.capture?.output?.finish() }
            finished(entry)
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

    /// On whose behalf we end it.
    fileprivate var stopSender: Cause.Sender {
        switch stopReason {
        case .asked(let sender): sender
        case .timeout, .limit, nil: .stop
        }
    }
}

extension ResourceUsage {
    fileprivate init(_ usage: rusage) {
        self.init(
            utime: CPUTime(usage.ru_utime), stime: CPUTime(usage.ru_stime), maxrssKiB: Int64(usage.ru_maxrss),
            minflt: Int64(usage.ru_minflt), majflt: Int64(usage.ru_majflt), nswap: Int64(usage.ru_nswap),
            inblock: Int64(usage.ru_inblock), oublock: Int64(usage.ru_oublock), nvcsw: Int64(usage.ru_nvcsw),
            nivcsw: Int64(usage.ru_nivcsw))
    }
}

extension ResourceUsage.CPUTime {
    fileprivate init(_ time: timeval) {
        self.init(seconds: Int64(time.tv_sec), microseconds: Int64(time.tv_usec))
    }
}
