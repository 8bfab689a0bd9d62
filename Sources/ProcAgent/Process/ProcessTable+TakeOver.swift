internal import CLinux
internal import Glibc
internal import ProcCore
internal import ProcIO

// Going on with the processes of an agent before.
extension ProcessTable {
    /// Takes over what a former agent has left, if there is anything. To be called before anything is started.
    package func takeOver() {
        guard let estate = custody?.takeEstate() else { return }
        takeOver(estate)
        guard !entries.isEmpty else { return }
        log.info(
            "took over the processes of an agent before",
            ["count": .integer(entries.count), "unfinished": .integer(unfinishedCount)])
    }

    private func takeOver(_ estate: Estate) {
        var pending: [Heir] = []
        var partners: [PipeName: PartnerEnd] = [:]
        for process in estate.image.processes {
            let heir: Heir
            do {
                heir = Heir(process, spec: try SpecDecoder.decode(process.accepted.spec), inheritance)
            } catch {
                log.error(
                    "can't read the spec of a process on record",
                    ["proc_id": .string(process.accepted.id), "error": .string("\(error)")])
                continue
            }
            guard admit(heir.entry) else { continue }
            switch Legacy(process, in: estate) {
            case .pending: pending.append(heir)
            case .kept(let kept, let begun):
                for (tag, descriptor) in kept.held {
                    guard case .partner(let fd) = tag, let name = heir.pipeName(fd) else { continue }
                    partners[name] = PartnerEnd(descriptor: descriptor, holder: kept.child.token, tag: tag)
                }
                takeOver(heir, kept, begun)
            case .failed(let failed): takeOver(heir, failed)
            case .remembered(let begun, let ended): takeOver(heir, begun, ended, loss: estate.loss)
            case .lost: loseBefore(heir, estate.loss)
            }
        }
        for child in estate.children.values where estate.image[token: child.child.token] == nil { letGo(child) }
        var requests = Dictionary(grouping: pending, by: \.process.accepted.request)
        // In the order in which they came.
        for heir in pending {
            if let heirs = requests.removeValue(forKey: heir.process.accepted.request) { takeOver(heirs, partners) }
        }
    }

    /// It had been deleted, and the keeper hadn't heard of it.
    private func letGo(_ kept: KeptChild) {
        parent.reap(kept.child)
        parent.forget(kept.child)
    }

    /// The connection to a keeper was lost, and is there again. What it was asked meanwhile has been asked again, but
    /// for starts: those have failed, so what came of them is ended.
    func noteReturn(of keeper: KeeperParent, with children: [KeptChild]) {
        let known = Set(entries.values.map(\.token)).union(leaders.values.map(\.token))
        for kept in children where !known.contains(kept.child.token) || failedToStart(kept.child.token) {
            guard case .running(let pidfd) = kept.state else {
                keeper.reap(kept.child)
                keeper.forget(kept.child)
                continue
            }
            _ = clinux_pidfd_send_signal(pidfd.rawValue, SIGKILL)
        }
    }

    private func failedToStart(_ token: UInt64) -> Bool {
        entries.values.contains { $0.token == token && $0.pid == 0 && $0.isFinal }
    }

    // MARK: One that is there

    private func takeOver(_ heir: Heir, _ kept: KeptChild, _ begun: LedgerRecord.Begun) {
        let entry = heir.entry
        let process = heir.process
        entry.parent = parent
        entry.pid = kept.child.pid
        entry.set(begun)
        entry.set(process.stopping, ended: process.ended)
        restoreCaptures(of: heir, from: kept)
        budget.takeAnyway(entry.descriptorsKept + 1)
        entry.budgeted = entry.descriptorsKept + 1
        for descriptor in entry.descriptors { descriptor.capture?.output?.begin() }
        switch (kept.state, process.ended) {
        case (.running(let pidfd), nil):
            entry.pidfd = pidfd
            armTimeout(entry)
            watch(entry)
            perform(entry.lifecycle.resumption, for: entry)
        case (.running, let ended?):
            // The record says more than the keeper: it was collected, and its keeper replaced since.
            takeOverEnd(of: entry, ended, isReaped: false)
        case (.ended(_, let isReaped), let ended?):
            takeOverEnd(of: entry, ended, isReaped: isReaped)
        case (.ended(let ending, let isReaped), nil):
            entry.isReaped = isReaped
            leaders[entry.pid] = entry
            (entry.stop, entry.stopInstant) = ending.seen ?? (.now, loop.now)
            conclude(entry, ending)
        }
    }

    /// The end has been told, and what is left of its session may still be looked after.
    private func takeOverEnd(of entry: ProcessEntry, _ ended: LedgerRecord.Ended, isReaped: Bool) {
        entry.isReaped = isReaped
        entry.set(ended)
        leaders[entry.pid] = entry
        if entry.lifecycle.state == .ended {
            reap(entry)
        } else {
            perform(entry.lifecycle.resumption, for: entry)
        }
        settle(entry, isNews: false)
    }

    private func restoreCaptures(of heir: Heir, from kept: KeptChild) {
        var held: [Int: [UInt8: SharedFD]] = [:]
        for (tag, descriptor) in kept.held {
            if case .capture(let position, let slot) = tag { held[position, default: [:]][slot] = descriptor }
        }
        for (position, fd) in heir.spec.fds.enumerated() {
            guard case .capture(let capture) = fd.spec else { continue }
            let output = resources.captures.restore(
                CaptureParameters(capture), label: "fd \(fd.name.number) of \(heir.entry.id)",
                held: held[position] ?? [:], record: heir.process.captures[position],
                holder: CaptureCustody(of: position, heir.entry, self))
            heir.entry.descriptors[position].capture?.output = output
        }
    }

    // MARK: One that is gone

    private func takeOver(_ heir: Heir, _ failed: LedgerRecord.Failed) {
        let entry = heir.entry
        entry.pid = heir.process.pid ?? 0
        if let begun = heir.process.begun { entry.set(begun) }
        entry.set(heir.process.stopping, ended: nil)
        entry.errors = failed.errors
        entry.stopReason = failed.reason
        entry.isLost = failed.isLost
        entry.stop = failed.stop
        entry.stopInstant = failed.stopInstant
        finishUnheard(entry)
    }

    private func takeOver(
        _ heir: Heir, _ begun: LedgerRecord.Begun, _ ended: LedgerRecord.Ended, loss: String
    ) {
        let entry = heir.entry
        entry.pid = heir.process.pid ?? 0
        entry.set(begun)
        entry.set(heir.process.stopping, ended: ended)
        entry.set(ended)
        entry.isReaped = true
        for descriptor in entry.descriptors where descriptor.capture != nil {
            entry.readFailures[descriptor.number] = "lost: \(loss)"
        }
        finishUnheard(entry)
    }

    private func loseBefore(_ heir: Heir, _ loss: String) {
        let entry = heir.entry
        if let begun = heir.process.begun { entry.set(begun) }
        // Nobody can say whether it was started where that isn't on record; it is not started again, then.
        entry.pid = heir.process.pid ?? 0
        let whereabouts = heir.process.pid.map { ", as process \($0)" } ?? ""
        entry.errors = ["lost\(whereabouts): \(loss)"]
        entry.isLost = true
        entry.stop = .now
        entry.stopInstant = loop.now
        log.error("a process is lost", ["proc_id": .string(entry.id), "reason": .string(loss)])
        recordFailure(of: entry)
        finishUnheard(entry)
    }

    /// Of what happened before, nobody is told.
    private func finishUnheard(_ entry: ProcessEntry) {
        entry.lifecycle.restore(.ended)
        entry.isFinal = true
        unfinishedCount -= 1
    }

    // MARK: Those that haven't been started

    /// Has the rest of a request started.
    private func takeOver(_ heirs: [Heir], _ partners: [PipeName: PartnerEnd]) {
        let heirs = heirs.sorted { $0.process.accepted.index < $1.process.accepted.index }
        let legacy = PipeLegacy(heirs)
        let pipes = RequestPipes(legacy.pipes, budget: budget)
        for end in legacy.orphans {
            guard let partner = partners[end.name] else {
                pipes.drop(end.role.partner, end.partner)
                continue
            }
            pipes.restore(end.role, end.end, partner.descriptor)
            let parent = parent
            pipes.whenPartnerDrops(of: end.role.partner, end.partner) { parent.drop(partner.tag, of: partner.holder) }
        }
        startQueue.add(StartQueue.Batch(heirs.map(\.member), pipes: pipes))
        scheduleSlice()
    }

    /// False when its id is taken.
    private func admit(_ entry: ProcessEntry) -> Bool {
        guard entries[entry.id] == nil else { return false }
        entries[entry.id] = entry
        unfinishedCount += 1
        return true
    }
}

/// A process on record, and its entry here.
struct Heir {
    let process: LedgerProcess
    let spec: ProcessSpec
    let entry: ProcessEntry

    init(_ process: LedgerProcess, spec: ProcessSpec, _ inheritance: Inheritance) {
        self.process = process
        self.spec = spec
        entry = ProcessEntry(
            StartRequest.Entry(id: process.accepted.id, spec: spec, document: process.accepted.spec),
            token: process.token, inheritance: inheritance)
        entry.descriptorsKept = spec.descriptorsKept
    }

    var member: StartQueue.Member {
        StartQueue.Member(
            entry: entry,
            process: StartRequest.Entry(id: entry.id, spec: spec, document: process.accepted.spec))
    }

    /// Nil for an fd that is no pipe.
    func pipeName(_ fd: CInt) -> PipeName? {
        process.accepted.pipes.first { $0.fd == fd }.map { PipeName(request: process.accepted.request, pipe: $0.pipe) }
    }
}

/// One pipe among those of all requests.
struct PipeName: Hashable {
    let request: UInt64
    let pipe: Int
}

/// A pipe's end that is held for a process which has yet to be started.
struct PartnerEnd {
    let descriptor: SharedFD
    /// The process for which it is held.
    let holder: UInt64
    let tag: HoldTag
}

/// The pipes of those processes of a request that haven't been started.
struct PipeLegacy {
    /// An end whose other end belongs to a process that has been started, or is gone.
    struct Orphan {
        let name: PipeName
        let role: RequestPipes.Role
        let end: RequestPipes.End
        /// Stands for the other end.
        let partner: RequestPipes.End
    }

    private(set) var pipes: [StartRequest.Pipe] = []
    private(set) var orphans: [Orphan] = []

    init(_ heirs: [Heir]) {
        var ends: [PipeName: [RequestPipes.Role: RequestPipes.End]] = [:]
        for (index, heir) in heirs.enumerated() {
            for fd in heir.spec.fds {
                guard let role = fd.spec.pipeRole, let name = heir.pipeName(fd.name.number) else { continue }
                ends[name, default: [:]][role] = RequestPipes.End(process: index, fd: fd.name.number)
            }
        }
        for (name, ends) in ends {
            // No process of the batch has a number below 0, and no other pipe this one.
            let absent = RequestPipes.End(process: -1 - name.pipe, fd: 0)
            pipes.append(StartRequest.Pipe(writer: ends[.writer] ?? absent, reader: ends[.reader] ?? absent))
            for (role, end) in ends where ends[role.partner] == nil {
                orphans.append(Orphan(name: name, role: role, end: end, partner: absent))
            }
        }
    }
}
