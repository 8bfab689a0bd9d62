internal import CLinux
package import ProcCore
package import ProcIO

/// All processes that procstar knows, running or ended, and what can be asked of them.
///
/// Belongs to the loop's thread. What it costs to start a process, or to see one
/// end, doesn't depend on how many others there are.
package final class ProcessTable {
    package struct Settings: Sendable {
        /// Attached output above this many bytes is shown as detached.
        package var maxAttached = 256 << 20
        package var capture: CaptureSettings
        package var restriction: ExecutableRestriction?
        /// Whether children that nobody knows are reaped. Only one table of a program can do that.
        package var reapsOrphans = true

        package init(capture: CaptureSettings) { self.capture = capture }
    }

    package enum Event: Equatable, Sendable {
        /// It has been started, or has failed to.
        case started(id: String)
        /// It no longer runs, or never did.
        case ended(id: String)
        case deleted(id: String)
        /// Nothing runs any more, and nothing of what ran is still being ended.
        case quiet
    }

    /// A request that can't be met, in words that clients know.
    package enum Refusal: Error, Equatable, Sendable {
        case unknown
        /// It has ended.
        case noProcess
        case running(id: String)
        case signal(SystemError)
    }

    /// How long one turn of the loop goes on starting processes before it looks at everything else.
    static let slice = Interval.milliseconds(5)

    /// Told of every event, in order, on the loop.
    package var onEvent: (Event) -> Void = { _ in }

    let loop: EventLoop
    let log: Logger
    let settings: Settings
    let resources: LaunchResources
    let sweeper: SessionSweeper
    /// Nil when processes end with us, or go on alone.
    let custody: Custody?
    let own: OwnParent
    let budget: DescriptorBudget
    private let worker: Worker
    private var reaper: OrphanReaper?

    var entries: [String: ProcessEntry] = [:]
    /// The leaders that are not reaped yet, by pid.
    var leaders: [pid_t: ProcessEntry] = [:]
    var startQueue = StartQueue()
    /// Processes that may still run, or whose end isn't told yet.
    package internal(set) var unfinishedCount = 0
    /// Everything is being stopped: what waits for its turn is cancelled rather than started.
    var holdsStarts = false

    /// - Parameters:
    ///   - inheritance: As taken before anything else was opened. SIGCHLD must be blocked.
    ///   - custody: What processes outlive us by; nil: nothing.
    package init(
        loop: EventLoop, log: Logger, inheritance: Inheritance, settings: Settings, custody: Custody? = nil
    ) throws(SystemError) {
        self.loop = loop
        self.log = log
        self.settings = settings
        worker = try Worker(loop: loop, name: "worker")
        sweeper = SessionSweeper(worker: worker)
        self.custody = custody
        own = OwnParent(fileLimit: inheritance.fileLimit)
        budget = DescriptorBudget(
            limit: inheritance.raisedFileLimit - (custody == nil ? 0 : Custody.descriptorReserve),
            inUse: try Inheritance.openDescriptors().count - (custody?.descriptorsOfEstate ?? 0))
        resources = LaunchResources(
            opener: try FileOpener(loop: loop),
            captures: try CaptureFactory(loop: loop, worker: worker, settings: settings.capture) { log.warn($0) },
            inheritance: inheritance, environment: ChildEnvironment(inherited: inheritance.environment),
            restriction: settings.restriction)
        custody?.attend(to: self)
        guard settings.reapsOrphans else { return }
        reaper = try OrphanReaper(loop: loop, worker: worker) { [unowned self] in claim($0) }
    }

    /// What the reaper may do with a zombie.
    private func claim(_ pid: pid_t) -> OrphanReaper.Claim {
        guard let leader = leaders[pid] else { return .orphan }
        // Its pidfd would have told of it in this turn or the next.
        leaderExited(leader)
        return leaders[pid] == nil ? .reaped : .kept
    }

    /// Of what is started from now on.
    var parent: any Parent { custody?.parent ?? own }

    /// Whether the parent has enough to do, or there is to be another one.
    private var mustWait: Bool { custody?.isRenewing ?? false || parent.isBusy }

    /// Starts may go on.
    func parentIsReady() { startSlice() }

    // MARK: Questions

    /// What procstar was started with.
    package var inheritance: Inheritance { resources.inheritance }

    package var ids: [String] { Array(entries.keys) }
    package func contains(_ id: String) -> Bool { entries[id] != nil }

    /// Whether nothing runs and nothing is being ended.
    package var isQuiet: Bool { unfinishedCount == 0 && leaders.isEmpty }

    /// What is known of a process now; nil when there is none of this id.
    ///
    /// - Parameter detached: Fds whose output is not attached, whatever the spec says.
    package func snapshot(_ id: String, detached: Set<CInt> = []) -> ResultSnapshot? {
        entries[id].map { ResultSnapshot($0, maxAttached: settings.maxAttached, detached: detached) }
    }

    /// Whether nothing is known any more, of processes that run or have ended.
    package var isEmpty: Bool { entries.isEmpty }

    // MARK: Starting

    /// Makes ready all that ``start(_:then:)`` needs. For a large request better on another thread.
    package static func prepare(_ request: StartRequest, _ terms: StartTerms) -> PreparedStart {
        PreparedStart(request, terms)
    }

    /// For ``prepare(_:_:)``.
    package var terms: StartTerms { StartTerms(inheritance: inheritance, isRecorded: custody != nil) }

    /// Accepts every process of a request at once and starts them in order, a slice at a time.
    ///
    /// - Parameters:
    ///   - inThisTurn: Whether the first are started at once, rather than in the next turn of the loop.
    ///   - then: Called when each has had its turn: it has been started, has failed, or waits for an open.
    package func start(_ request: PreparedStart, inThisTurn: Bool = true, then: @escaping () -> Void = {}) {
        for name in request.unenforced where log.isFirst("unenforced.\(name)") {
            log.warn("limit can't be enforced without a cgroup manager", ["limit": .string(name)])
        }
        if entries.isEmpty {
            entries = request.entries
        } else {
            entries.merge(request.entries) { former, _ in preconditionFailure("\(former.id) is taken") }
        }
        unfinishedCount += request.entries.count
        custody?.record(framed: request.records)
        startQueue.add(StartQueue.Batch(request.members, pipes: RequestPipes(request.pipes, budget: budget)))
        startQueue.whenEmpty.append(then)
        if inThisTurn { startSlice() } else { scheduleSlice() }
    }

    package func start(_ request: StartRequest, then: @escaping () -> Void = {}) {
        start(Self.prepare(request, terms), then: then)
    }

    private func startSlice() {
        guard !holdsStarts else { return }
        let end = loop.now + Self.slice
        while !mustWait, let order = startQueue.next() {
            begin(order)
            if loop.now >= end { break }
        }
        guard !startQueue.isEmpty else {
            for callback in startQueue.takeCallbacks() { callback() }
            return
        }
        scheduleSlice()
    }

    func scheduleSlice() {
        guard !startQueue.isScheduled, !mustWait else { return }
        startQueue.isScheduled = true
        loop.soon { [self] in
            startQueue.isScheduled = false
            startSlice()
        }
    }

    private func begin(_ order: StartQueue.Order) {
        let entry = order.entry
        let launch = Launch(order.process, index: order.index, pipes: order.pipes, resources: resources) {
            [self] launch, outcome in
            finishLaunch(entry, launch, outcome)
        }
        // Cancelled while it waited for its turn.
        guard entry.lifecycle.state == .pending else { return launch.cancel() }
        let wanted = order.process.spec.descriptorsNeeded
        guard budget.take(wanted) else {
            launch.cancel()
            return fail(entry, [budget.refusal])
        }
        entry.budgeted = wanted
        entry.descriptorsKept = order.process.spec.descriptorsKept
        entry.start = .now
        entry.startInstant = loop.now
        if order.process.spec.environment.report {
            entry.environment = resources.environment.members(of: order.process.spec.environment)
        }
        armTimeout(entry)
        entry.launch = launch
        let parent = parent(for: order.process.spec)
        entry.parent = parent
        recordBeginning(of: entry)
        launch.begin(entry.token, by: parent) { [unowned self] position in holder(for: entry, position) }
    }

    private func parent(for spec: ProcessSpec) -> any Parent {
        guard parent.takes(spec) else {
            if log.isFirst("own-parent") {
                log.warn("a process has too many fds for the keeper, and will end or be lost with this agent")
            }
            return own
        }
        return parent
    }

    /// Counts from here, so that an open which blocks for ever ends, too.
    func armTimeout(_ entry: ProcessEntry) {
        guard let timeout = entry.timeout else { return }
        entry.timeoutTimer = loop.at(entry.startInstant + timeout) { [unowned self, unowned entry] in
            stop(entry, because: .timeout(timeout))
        }
    }

    func disarmTimeout(_ entry: ProcessEntry) {
        if let timer = entry.timeoutTimer { loop.cancel(timer) }
        entry.timeoutTimer = nil
    }

    private func finishLaunch(_ entry: ProcessEntry, _ launch: Launch, _ outcome: Launch.Outcome) {
        entry.launch = nil
        entry.adopt(launch.captures)
        switch outcome {
        case .started(let launched):
            run(entry, launched)
        case .failed(let errors):
            // What was to end it came too late to be why.
            entry.stopReason = nil
            entry.isLost = errors.contains { if case .lost = $0 { true } else { false } }
            fail(entry, errors.map(\.description))
        }
    }

    private func run(_ entry: ProcessEntry, _ launched: Launched) {
        entry.pid = launched.pid
        entry.pidfd = launched.pidfd
        custody?.record(.spawned(token: entry.token, pid: entry.pid))
        // What its fds were opened for is the child's now.
        reduceBudget(of: entry, to: entry.descriptorsKept + 1)
        perform(entry.lifecycle.handle(.started), for: entry)
        watch(entry)
        onEvent(.started(id: entry.id))
        resume(entry)
    }

    /// Has the end of a process that runs told, and what it writes beyond a limit.
    func watch(_ entry: ProcessEntry) {
        leaders[entry.pid] = entry
        do {
            entry.exitToken = try entry.pidfd.map { pidfd throws(SystemError) in
                try loop.watch(pidfd.rawValue, for: .readable) { [unowned self, unowned entry] _ in
                    leaderExited(entry)
                }
            }
        } catch {
            // It runs, and SIGCHLD and the sweep behind it will tell of its end.
            log.error("can't watch a process", ["proc_id": .string(entry.id), "error": .string("\(error)")])
        }
        for descriptor in entry.descriptors {
            guard let capture = descriptor.capture, capture.stopsAtLimit else { continue }
            capture.output?.onLimit = { [unowned self, unowned entry] in
                stop(entry, because: .limit(fd: descriptor.number))
            }
        }
    }

    /// It could not be started, or was cancelled before.
    func fail(_ entry: ProcessEntry, _ errors: [String]) {
        disarmTimeout(entry)
        entry.errors += errors
        if entry.lifecycle.state == .pending { _ = entry.lifecycle.handle(.startFailed) }
        entry.stop = .now
        entry.stopInstant = loop.now
        for descriptor in entry.descriptors { descriptor.capture?.output?.abandon() }
        reduceBudget(of: entry, to: entry.descriptorsKept)
        entry.isFinal = true
        recordFailure(of: entry)
        onEvent(.started(id: entry.id))
        finished(entry)
    }

    // MARK: Ending

    /// Tells of an end, exactly once for each process that was accepted.
    ///
    /// - Parameter isNews: Whether no agent before us has told of it.
    func finished(_ entry: ProcessEntry, isNews: Bool = true) {
        unfinishedCount -= 1
        if isNews { onEvent(.ended(id: entry.id)) }
        announceQuiet()
    }

    func announceQuiet() {
        if isQuiet { onEvent(.quiet) }
    }

    /// Forgets an ended process and what it wrote.
    package func delete(_ id: String) throws(Refusal) {
        guard let entry = entries[id] else { throw .unknown }
        guard entry.isFinal else { throw .running(id: id) }
        entries[id] = nil
        custody?.record(.forgotten(token: entry.token))
        // Else it is when the last of its session has been ended.
        if entry.isReaped { entry.parent?.forget(entry.child) }
        for descriptor in entry.descriptors { descriptor.capture?.output?.close() }
        reduceBudget(of: entry, to: 0)
        onEvent(.deleted(id: id))
    }

    /// Gives back what the process doesn't hold any more. In the end only its captures are left.
    func reduceBudget(of entry: ProcessEntry, to count: Int) {
        guard entry.budgeted > count else { return }
        budget.give(entry.budgeted - count)
        entry.budgeted = count
    }
}

extension ChildEnvironment {
    /// The environment of a process, as its result shows it.
    fileprivate func members(of spec: EnvironmentSpec) -> [Value.Member] {
        Self.pairs(block(for: spec)).map { Value.Member($0.name, .string($0.value)) }
    }
}
