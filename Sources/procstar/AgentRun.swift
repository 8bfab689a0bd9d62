internal import CLinux
internal import Glibc
internal import ProcAgent
internal import ProcCore
internal import ProcIO

/// Agent mode: serves a scheduler until it is told to end.
final class AgentRun {
    private let options: AgentOptions
    private let environmentToken: [UInt8]?
    private let log: Logger
    private let loop: EventLoop
    private let table: ProcessTable
    private let link: SchedulerLink
    private let folder: StateFolder?
    private let custody: Custody?
    private let upgrade: Upgrade?
    private var isUpgrading = false
    private let worker: Worker
    private var signalSource: SignalSource?
    private var shutdown = AgentShutdown()
    private var deadline: EventLoop.TimerID?
    /// With --wait: until when the first work has to come.
    private var workDeadline: EventLoop.TimerID?
    /// Of the spec that was given, if one was.
    private var files: [ResultFile] = []
    private var ids: [String] = []
    private var delivery = Delivery.none
    private var hasGivenUp = false
    private var status = ExitStatus.success

    /// How far the results of a spec's processes have come.
    private enum Delivery {
        /// None are wanted.
        case none
        case wanted
        case underWay
        case done
    }

    /// Runs it all; the result is the exit status.
    static func main(_ options: AgentOptions, environmentToken: [UInt8]?) -> CInt {
        exitStatus {
            let run = try AgentRun(options, environmentToken: environmentToken)
            run.begin()
            run.loop.run()
            return run.status
        }
    }

    private init(_ options: AgentOptions, environmentToken: [UInt8]?) throws {
        self.options = options
        self.environmentToken = environmentToken
        let settings = try options.engine.tableSettings()
        // Before anything that stays is opened: what is open now is what children can inherit.
        let inheritance = try Inheritance.takeOver()
        let sources = options.credentialSources
        let credentials = try Ahead {
            Result { () throws(AgentCredentials.Problem) in
                try AgentCredentials.load(sources, environmentToken: environmentToken)
            }
        }
        // Nothing is begun with what won't do. In place of another agent that has been seen to, and haste is called for.
        if !options.isUpgrade { _ = try credentials.value.get() }
        guard !options.delivery.print || inheritance.descriptors.contains(STDOUT_FILENO) else {
            throw UsageError("--print has nowhere to print to: standard output is closed")
        }
        log = Logger(
            level: options.engine.logLevel, format: options.engine.logFormat, environment: environmentVariables())
        loop = try EventLoop()
        worker = try Worker(loop: loop, name: "document")
        let keeping = try AgentCustody(
            options, inheritance: inheritance, loop: loop, log: log, environment: environmentVariables())
        (folder, custody) = (keeping.folder, keeping.custody)
        upgrade =
            keeping.custody == nil
            ? nil : try Upgrade(program: Self.program(), inheritance: inheritance, loop: loop)
        table = try ProcessTable(
            loop: loop, log: log, inheritance: inheritance, settings: settings, custody: custody)
        let granted = try credentials.value.get()
        link = try SchedulerLink(
            options.linkSettings(connID: folder?.connID), accessToken: granted.token.text, tls: granted.tls,
            loop: loop, log: log, table: table)
        signalSource = try SignalSource(handledSignals, loop: loop) { [unowned self] in received($0.signum) }
        if granted.token.isEmpty { log.warn("the access token is empty: whoever reaches the scheduler is let in") }
    }

    // MARK: Beginning

    private func begin() {
        table.onEvent = { [unowned self] in handle($0) }
        link.onEvent = { [unowned self] in handle($0) }
        table.takeOver()
        if options.isUpgrade {
            log.info("upgraded", ["version": .string(Version.number)])
            tell(.done(version: Version.number))
        }
        guard let input = options.input, !options.isUpgrade else { return serve() }
        let (delivery, terms) = (options.delivery, table.terms)
        worker.run {
            Result { try Preparation(input, delivery, terms) }
        } then: { [self] result in
            switch result {
            case .success(let preparation):
                // A signal may have ended it all in this very turn of the loop.
                guard shutdown.state == .active else { return }
                start(preparation)
                serve()
            case .failure(let problem):
                complain("\(problem)")
                finish(ExitStatus.usage)
            }
        }
    }

    private func start(_ preparation: Preparation) {
        files = preparation.files
        ids = preparation.request.ids
        if options.delivery.exit { delivery = .wanted }
        // A request is accepted as a whole, and an agent before us has accepted this one.
        guard !ids.contains(where: table.contains) else {
            return log.info("the processes of the specs are known already", ["count": .integer(ids.count)])
        }
        table.start(preparation.request) { [unowned self] in
            log.info("started processes from specs", ["count": .integer(ids.count)])
        }
    }

    private func serve() {
        link.begin()
        if options.wait, table.isEmpty {
            workDeadline = loop.at(loop.now + options.waitTimeout) { [unowned self] in
                // What is on its way to be started is work.
                guard table.isEmpty else { return }
                log.info("no work came", ["seconds": .double(options.waitTimeout.seconds)])
                act(on: .finish)
            }
        }
        if table.isQuiet { deliverIfWanted() }
    }

    // MARK: What happens

    private func handle(_ event: ProcessTable.Event) {
        note(event)
        link.tell(event)
        switch event {
        case .started:
            if let workDeadline { loop.cancel(workDeadline) }
            workDeadline = nil
        case .ended: break
        case .deleted:
            guard table.isEmpty else { return }
            act(on: .nothingLeft)
            finishIfIdle()
        case .quiet:
            act(on: .nothingRuns)
            deliverIfWanted()
            finishIfIdle()
        }
    }

    /// With --wait: ends when all has been deleted, and nothing of it is still being ended.
    private func finishIfIdle() {
        if options.wait, table.isEmpty, table.isQuiet { act(on: .finish) }
    }

    private func note(_ event: ProcessTable.Event) {
        switch event {
        case .started(let id):
            guard let account = table.account(of: id), let pid = account.pid else { return }
            log.info("started a process", ["proc_id": .string(id), "pid": .integer(pid)])
        case .ended(let id):
            guard let account = table.account(of: id) else { return }
            if let outcome = account.outcome {
                log.info(
                    "a process has ended",
                    ["proc_id": .string(id), "how": .string(outcome), "elapsed": .double(account.elapsed.seconds)])
            } else {
                log.log(
                    account.isLost ? .error : .warn,
                    account.isLost ? "a process is lost" : "a process was not started",
                    ["proc_id": .string(id), "errors": .array(account.errors.map { .string($0) })])
            }
        case .deleted(let id): log.debug("forgot a process", ["proc_id": .string(id)])
        case .quiet: break
        }
    }

    private func handle(_ event: SchedulerLink.Event) {
        switch event {
        case .registered: break
        case .lost: if case .leaving = shutdown.state { link.retry() }
        case .attemptFailed: act(on: .unreachable)
        case .givenUp:
            hasGivenUp = true
            status = ExitStatus.failure
            act(on: .terminate)
        case .stopped: leave()
        }
    }

    // MARK: Results of the spec's processes

    private func deliverIfWanted() {
        guard delivery == .wanted else { return }
        delivery = .underWay
        link.refuseStarts()
        let document = ResultDocument(
            to: files, pretty: options.delivery.pretty,
            wantsSummary: options.delivery.summary || isatty(STDERR_FILENO) == 1, scale: .current)
        ResultDelivery(ids, of: table, worker: worker, document: document) { [self] outcome in
            ResultFile.standardError.tell(outcome.summary)
            for problem in outcome.problems { complain("results are lost: \(problem)") }
            if !outcome.problems.isEmpty { status = ExitStatus.failure }
            delivery = .done
            if shutdown.state == .done { link.stop() } else { act(on: .finish) }
        }.begin()
    }

    // MARK: The end

    private func received(_ signum: CInt) {
        // All is over but for the results, and whoever reads them takes too long.
        if shutdown.state == .done, delivery == .underWay, [SIGTERM, SIGINT, SIGQUIT].contains(signum) {
            complain("results are lost: told to end before they were written")
            return finish(ExitStatus.failure)
        }
        switch signum {
        case SIGTERM, SIGINT: act(on: .terminate)
        case SIGQUIT: act(on: .kill)
        case SIGUSR1: act(on: .drain)
        case SIGHUP: reloadCredentials()
        case SIGUSR2: beginUpgrade()
        default: break
        }
    }

    private func act(on event: AgentShutdown.Event) {
        let actions = shutdown.handle(event, isQuiet: table.isQuiet, isEmpty: table.isEmpty, at: loop.now)
        for action in actions { perform(action) }
    }

    private func perform(_ action: AgentShutdown.Action) {
        switch action {
        case .announceIdling:
            log.info("shutting down: nothing is started any more")
            link.refuseStarts()
        case .stopAll:
            log.info(
                "shutting down: stopping all processes", ["grace": .double(AgentShutdown.terminateGrace.seconds)])
            table.stopAll(grace: AgentShutdown.terminateGrace)
        case .killAll:
            log.info("shutting down: killing all processes")
            table.killAll()
        case .wakeAt(let instant):
            if let deadline { loop.cancel(deadline) }
            deadline = loop.at(instant) { [unowned self] in act(on: .deadlineReached) }
        case .reconnect:
            if hasGivenUp { act(on: .unreachable) } else { link.retry() }
        case .exit:
            if let deadline { loop.cancel(deadline) }
            switch delivery {
            case .none, .done: link.stop()
            case .wanted: deliverIfWanted()
            case .underWay: break
            }
        }
    }

    private func finish(_ status: CInt) {
        self.status = status
        leave()
    }

    /// Ends, and with it what was to outlive us.
    private func leave() {
        guard let custody else { return loop.stop() }
        // Neither a keeper that doesn't answer nor a disk that hangs keeps us.
        loop.at(loop.now + .seconds(2)) { [loop] in loop.stop() }
        custody.end { [loop] in loop.stop() }
    }

    // MARK: Upgrade

    /// Where a newer version of this program is to be expected.
    private static func program() throws(SystemError) -> String {
        try OwnProgram.path(given: clinux_argument(0).map { String(cString: $0) })
    }

    private func beginUpgrade() {
        guard let upgrade, let folder else { return log.error("can't upgrade without a keeper: processes would end") }
        // Whoever asks a second time is told what comes of the first.
        guard !isUpgrading else { return }
        if let objection = upgradeObjection { return refuseUpgrade(objection) }
        isUpgrading = true
        let question = HandOverCheck(
            ledger: HandOver.ledgerVersion, keeper: HandOver.keeperVersion, folder: folder.path,
            options: programArguments())
        upgrade.check(question) { [unowned self] result in
            isUpgrading = false
            switch result {
            case .failure(let refusal): refuseUpgrade(refusal.description)
            case .success(let version):
                if let objection = upgradeObjection { return refuseUpgrade(objection) }
                log.info("upgrading", ["version": .string(version)])
                let failure = upgrade.perform(folder, accessToken: environmentToken)
                refuseUpgrade("\(failure)")
            }
        }
    }

    /// Why it can't be done now.
    private var upgradeObjection: String? {
        if shutdown.state != .active { return "the agent is shutting down" }
        if options.delivery.exit {
            return "the agent is to deliver the results of its own specs (--print, --output, --exit)"
        }
        if table.holdsOutputInMemory {
            return "there is no room on the disk for captured output, which waits in memory"
        }
        if table.hasUnkept {
            return "processes without a keeper would be lost: the agent's own children, or those of one that was killed"
        }
        return nil
    }

    private func refuseUpgrade(_ reason: String) {
        log.error("not upgraded", ["reason": .string(reason)])
        tell(.failed(reason: reason))
    }

    private func tell(_ outcome: UpgradeOutcome) {
        do throws(SystemError) {
            try folder?.tell(outcome)
        } catch {
            log.error("can't tell what has come of the upgrade", ["error": .string("\(error)")])
        }
    }

    // MARK: Credentials

    /// Reads token and trust anchors again, and comes back with them if it waits; a connection that is up stays.
    private func reloadCredentials() {
        do {
            let credentials = try AgentCredentials.load(options.credentialSources, environmentToken: environmentToken)
            link.accessToken = credentials.token.text
            link.tls = credentials.tls
            log.info("read the access token and the trust anchors again")
            link.retry()
        } catch {
            log.error("the former access token and trust anchors stay in use", ["error": .string("\(error)")])
        }
    }
}

extension AgentOptions {
    /// - Parameter connID: That of the folder, where there is one.
    fileprivate func linkSettings(connID folder: String?) -> SchedulerLink.Settings {
        let restriction = engine.restrictExe.isEmpty ? nil : engine.restrictExe.joined(separator: ", ")
        var random = SystemRandomNumberGenerator()
        let registration = Registration(
            connID: folder ?? connID ?? RandomUUID.text(using: &random), groupID: groupID, restrictedExe: restriction,
            identity: .current(), accessToken: "")
        var settings = SchedulerLink.Settings(
            endpoint: Endpoint(host: host, port: port), registration: registration)
        settings.reconnect = reconnect
        settings.compression = compression
        settings.options.maxMessage = UInt64(maxMessage)
        settings.options.readTimeout = readTimeout
        settings.options.pingInterval = pingInterval
        return settings
    }
}
