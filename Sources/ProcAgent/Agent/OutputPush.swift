internal import ProcCore
internal import ProcIO

/// A subscription of the scheduler that is being served; ``Subscription`` decides what is sent when.
final class OutputPush {
    /// One message at most; more of them give others their turn.
    private static let largest: UInt64 = 256 << 10

    /// How often one looks for what descendants write when the process itself has ended.
    private static let lateLookInterval = Interval.seconds(1)

    private unowned let session: SchedulerSession
    private let id: String
    private let request: ReceivedMessage
    private var subscription: Subscription
    private let fds: [FdName]
    /// What limited captures held when the process had ended: what descendants write changes them once more.
    private var finalOutputs: [FdName: ReadableOutput] = [:]
    /// Of captures in files, which don't tell of their growth.
    private var looks: Set<FdName> = []
    private var timer: EventLoop.TimerID?
    private var isLookDue = false
    private var isOver = false
    /// Told ever since the outbox was full; the session's to change.
    var awaitsRoom = false
    private var hasEnded = false
    private var failed: Set<FdName> = []

    /// Why there is no subscription.
    enum Refusal: Error {
        case output(FdName, ProcessTable.OutputRefusal)
        case terms(SpecError)
    }

    /// - Parameter predecessor: The subscription to the same process that this one replaces.
    init(
        _ id: String, _ terms: SubscriptionTerms, _ request: ReceivedMessage, replacing predecessor: OutputPush?,
        in session: SchedulerSession
    ) throws(Refusal) {
        self.id = id
        self.request = request
        self.session = session
        fds = terms.output.map(\.fd)
        let table = session.table
        // Asked beforehand, since what is wrong with an fd has answers of its own.
        var lengths: [FdName: UInt64] = [:]
        for fd in fds {
            do throws(ProcessTable.OutputRefusal) {
                lengths[fd] = try table.output(of: id, fd: fd.number).settledLength
            } catch {
                throw .output(fd, error)
            }
        }
        do throws(SpecError) {
            subscription = try Subscription(
                terms, isRunning: table.isUnfinished(id), owesFinalResult: predecessor?.owesFinalResult ?? false,
                at: session.loop.now
            ) { fd in lengths[fd] ?? 0 }
        } catch {
            throw .terms(error)
        }
        hasEnded = !table.isUnfinished(id)
        if hasEnded { holdFinalOutputs() }
    }

    var owesFinalResult: Bool { subscription.owesFinalResult }

    func begin() {
        watch()
        pump()
    }

    /// Nothing is sent any more.
    func end() {
        isOver = true
        if let timer { session.loop.cancel(timer) }
        timer = nil
        for fd in fds { session.table.watchOutput(of: id, fd: fd.number, nil) }
    }

    // MARK: What has happened

    func acknowledge(_ fd: FdName, to offset: UInt64) throws(SpecError) {
        try subscription.acknowledge(fd, to: offset)
        pump()
    }

    /// The process has been started: only now there is something that tells of its output.
    func processStarted() {
        watch()
        lookSoon()
    }

    func processEnded() {
        hasEnded = true
        holdFinalOutputs()
        look()
        subscription.processEnded()
        pump()
    }

    private func holdFinalOutputs() {
        for fd in fds {
            guard let output = try? session.table.output(of: id, fd: fd.number), output.isLimited else { continue }
            finalOutputs[fd] = output
        }
    }

    private func watch() {
        looks = []
        for fd in fds {
            let tells = session.table.watchOutput(of: id, fd: fd.number) { [weak self] in self?.lookSoon() }
            if !tells { looks.insert(fd) }
        }
    }

    /// At the end of this turn of the loop: growth is told in the midst of the capture's work.
    private func lookSoon() {
        guard !isLookDue else { return }
        isLookDue = true
        session.loop.soon { [weak self] in
            guard let self, !isOver else { return }
            isLookDue = false
            look()
            pump()
        }
    }

    private func look() {
        for fd in fds {
            do throws(ProcessTable.OutputRefusal) {
                let output = try output(fd)
                subscription.outputGrew(fd, to: output.settledLength)
                // What is compressed has no writer any more.
                if output.snapshot.gzip != nil { looks.remove(fd) }
            } catch {
                fail(fd, error)
            }
        }
    }

    private func output(_ fd: FdName) throws(ProcessTable.OutputRefusal) -> ReadableOutput {
        if let output = finalOutputs[fd] { return output }
        return try session.table.output(of: id, fd: fd.number)
    }

    private func fail(_ fd: FdName, _ refusal: ProcessTable.OutputRefusal) {
        guard case .unreadable(let reason) = refusal, !failed.contains(fd) else { return }
        failed.insert(fd)
        subscription.outputFailed(fd)
        session.outbox.post(request.refusal(reason))
    }

    // MARK: What is sent

    /// Sends what may be sent now.
    func pump() {
        guard !isOver else { return }
        while true {
            guard session.outbox.isLight else { return session.pumpLater(self) }
            guard let message = subscription.next(at: session.loop.now, largest: Self.largest) else { break }
            switch message {
            case .output(let fd, let range): send(fd, range)
            case .result: sendResult(isFinal: false)
            case .finalResult: sendResult(isFinal: true)
            }
            if isOver { return }
        }
        schedule()
    }

    private func send(_ fd: FdName, _ range: Range<UInt64>) {
        guard !failed.contains(fd) else { return }
        do throws(ProcessTable.OutputRefusal) {
            let output = try output(fd)
            let message = OutputMessage(.pushed, procID: id, fd: fd, range: range, encoding: output.encoding)
            session.write(
                message, type: .pushed, output, from: range.lowerBound, of: id, fd, in: session.outbox.reserve(),
                // Nothing follows a piece that is missing.
                isWanted: { [weak self] in self?.failed.contains(fd) == false }
            ) { [weak self] reason in
                guard let self, !isOver, !failed.contains(fd) else { return nil }
                failed.insert(fd)
                subscription.outputFailed(fd)
                return request.refusal(reason)
            }
        } catch {
            fail(fd, error)
        }
    }

    private func sendResult(isFinal: Bool) {
        session.writeResult(
            of: id, in: session.outbox.reserve(), detached: Set(fds.map(\.number)), isFinal: isFinal)
    }

    /// The next time when something may have to be sent although nothing tells of it.
    private func schedule() {
        if let timer { session.loop.cancel(timer) }
        timer = nil
        let now = session.loop.now
        let look = looks.isEmpty ? nil : now + (hasEnded ? Self.lateLookInterval : Subscription.lookInterval)
        guard let next = [look, subscription.wakeAt].compactMap(\.self).min() else { return }
        timer = session.loop.at(next) { [weak self] in
            guard let self, !isOver else { return }
            timer = nil
            self.look()
            pump()
        }
    }
}

// Subscriptions, as the scheduler asks for them.
extension SchedulerSession {
    func subscribe(to id: String, _ terms: SubscriptionTerms, _ received: ReceivedMessage) {
        guard table.contains(id) else { return outbox.post(.procUnknown(procID: id)) }
        do throws(OutputPush.Refusal) {
            let push = try OutputPush(id, terms, received, replacing: pushes[id], in: self)
            pushes[id]?.end()
            pushes[id] = push
            push.begin()
        } catch {
            switch error {
            case .output(let fd, let refusal): outbox.post(Self.answer(to: refusal, of: id, fd, received))
            case .terms(let error): outbox.post(received.refusal("\(error)"))
            }
        }
    }

    func unsubscribe(from id: String, _ received: ReceivedMessage) {
        guard table.contains(id) else { return outbox.post(.procUnknown(procID: id)) }
        guard let push = pushes[id] else { return outbox.post(received.refusal("not subscribed: \(id)")) }
        let owesFinalResult = push.owesFinalResult
        endPush(of: id)
        if owesFinalResult { postResult(of: id) }
    }

    func acknowledge(_ id: String, _ fd: FdName, _ offset: UInt64, _ received: ReceivedMessage) {
        guard table.contains(id) else { return outbox.post(.procUnknown(procID: id)) }
        // One that was under way when its subscription ended.
        guard let push = pushes[id] else { return }
        do throws(SpecError) {
            try push.acknowledge(fd, to: offset)
        } catch {
            outbox.post(received.refusal("\(error)"))
        }
    }

    /// Pumps a subscription as soon as answers leave again.
    func pumpLater(_ push: OutputPush) {
        guard !push.awaitsRoom else { return }
        push.awaitsRoom = true
        waitingPushes.append(push)
    }

    func pumpWaiting() {
        // One that isn't done when there is no room any more waits behind the others.
        while outbox.isLight, !waitingPushes.isEmpty {
            let push = waitingPushes.removeFirst()
            push.awaitsRoom = false
            push.pump()
        }
    }

    func endPush(of id: String) { pushes.removeValue(forKey: id)?.end() }

    /// What becomes of the processes, from `Register` on.
    func tell(_ event: ProcessTable.Event) {
        switch event {
        case .started(let id):
            postResult(of: id)
            pushes[id]?.processStarted()
        case .ended(let id):
            if let push = pushes[id] { push.processEnded() } else { postResult(of: id) }
        case .deleted(let id): endPush(of: id)
        case .quiet: break
        }
    }
}
