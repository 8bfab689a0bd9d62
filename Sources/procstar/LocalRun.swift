internal import Glibc
internal import ProcAgent
internal import ProcCore
internal import ProcIO

/// Local mode: starts the processes of a spec, waits for all of them, delivers the results.
final class LocalRun {
    private enum Phase {
        case reading
        case running
        case delivering
    }

    private let options: LocalOptions
    private let log: Logger
    private let loop: EventLoop
    private let table: ProcessTable
    private let worker: Worker
    private var files: [ResultFile] = []
    private let scale: SystemScale
    private var signalSource: SignalSource?
    private var phase = Phase.reading
    private var shutdown = Shutdown()
    /// Whether a signal has come since the results are being written.
    private var isHastened = false
    private var deadline: EventLoop.TimerID?
    private var ids: [String] = []
    private var ended = 0
    private var progress: Progress?
    private var status = ExitStatus.success

    /// Runs it all; the result is the exit status.
    static func main(_ options: LocalOptions) -> CInt {
        exitStatus {
            let run = try LocalRun(options)
            run.begin()
            run.loop.run()
            return run.status
        }
    }

    private init(_ options: LocalOptions) throws {
        self.options = options
        let settings = try options.engine.tableSettings()
        // Before anything else is opened: what is open now is what children can inherit.
        let inheritance = try Inheritance.takeOver()
        guard !options.delivery.print || inheritance.descriptors.contains(STDOUT_FILENO) else {
            throw UsageError("--print has nowhere to print to: standard output is closed")
        }
        log = Logger(
            level: options.engine.logLevel, format: options.engine.logFormat, environment: environmentVariables())
        loop = try EventLoop()
        worker = try Worker(loop: loop, name: "document")
        table = try ProcessTable(loop: loop, log: log, inheritance: inheritance, settings: settings)
        scale = .current
        signalSource = try SignalSource(handledSignals, loop: loop) { [unowned self] in received($0.signum) }
    }

    // MARK: From the spec to the processes

    private func begin() {
        let options = options
        let terms = table.terms
        worker.run {
            Result { try Preparation(options.input, options.delivery, terms) }
        } then: { [self] result in
            switch result {
            case .success(let preparation):
                files = preparation.files
                start(preparation)
            case .failure(let problem):
                complain("\(problem)")
                finish(ExitStatus.usage)
            }
        }
    }

    private func start(_ preparation: Preparation) {
        phase = .running
        ids = preparation.request.ids
        if preparation.showsProgress { progress = Progress() }
        log.erasesProgress = progress != nil
        table.onEvent = { [unowned self] in handle($0) }
        table.start(preparation.request) { [unowned self] in
            log.info("started processes from specs", ["count": .integer(ids.count)])
        }
        if table.isQuiet { deliver() }
    }

    private func handle(_ event: ProcessTable.Event) {
        switch event {
        case .started(let id):
            log.debug("started a process", ["proc_id": .string(id)])
        case .ended(let id):
            ended += 1
            log.debug("a process has ended", ["proc_id": .string(id)])
            showProgress()
        case .deleted:
            break
        case .quiet:
            act(on: .nothingRuns)
            deliver()
        }
    }

    private func showProgress() {
        let count = ProgressCount(ended: ended, running: table.unfinishedCount, total: ids.count)
        progress?.show(count, at: loop.now)
    }

    // MARK: Results

    private func deliver() {
        guard phase == .running else { return }
        phase = .delivering
        log.info(
            "all processes have ended",
            ["count": .integer(ids.count), "longest_turn": .double(loop.longestTurn.seconds)])
        progress?.end()
        log.erasesProgress = false
        let document = ResultDocument(
            to: files, pretty: options.delivery.pretty,
            wantsSummary: options.delivery.summary || isatty(STDERR_FILENO) == 1, scale: scale)
        ResultDelivery(ids, of: table, worker: worker, document: document) { [self] outcome in
            writeSummary(outcome)
        }.begin()
    }

    private func writeSummary(_ outcome: ResultDocument.Outcome) {
        worker.run {
            ResultFile.standardError.tell(outcome.summary)
        } then: { [self] in
            for problem in outcome.problems { complain("results are lost: \(problem)") }
            finish(outcome.problems.isEmpty ? ExitStatus.success : ExitStatus.failure)
        }
    }

    private func finish(_ status: CInt) {
        self.status = status
        loop.stop()
    }

    // MARK: Signals

    private func received(_ signum: CInt) {
        // They mean something to an agent only.
        guard signum != SIGUSR1, signum != SIGUSR2 else { return }
        switch phase {
        case .reading: die(of: signum)
        case .running: shutDown(signum)
        case .delivering: hasten(signum)
        }
    }

    private func shutDown(_ signum: CInt) {
        switch signum {
        case SIGTERM, SIGINT, SIGHUP: act(on: .terminate)
        case SIGQUIT: act(on: .kill)
        default: break
        }
    }

    private func act(on event: Shutdown.Event) {
        for action in shutdown.handle(event, at: loop.now) {
            switch action {
            case .stopAll:
                log.info("shutting down: stopping all processes", ["grace": .double(Shutdown.terminateGrace.seconds)])
                table.stopAll(grace: Shutdown.terminateGrace)
            case .killAll:
                log.info("shutting down: killing all processes")
                table.killAll()
            case .wakeAt(let instant):
                if let deadline { loop.cancel(deadline) }
                deadline = loop.at(instant) { [unowned self] in act(on: .deadlineReached) }
            case .exit:
                if let deadline { loop.cancel(deadline) }
                deliver()
            }
        }
    }

    /// The first signal that comes while results are written loses none of them: it was sent to end the processes.
    /// Another one is somebody's who doesn't want to wait for the results' reader.
    private func hasten(_ signum: CInt) {
        if isHastened { die(of: signum) }
        isHastened = true
    }

    /// Ends as a program does that doesn't handle the signal.
    private func die(of signum: CInt) {
        progress?.end()
        signal(signum, SIG_DFL)
        raise(signum)
        SignalSource.unblock([signum])
    }
}
