internal import CLinux
internal import Glibc
package import ProcCore
package import ProcIO

/// What outlives this program: the keeper, whose children the processes are, and the ledger, which says what they are.
package final class Custody {
    /// Descriptors that a keeper needs beside one for each process and for each that is held: docs/keeper.md, Limits.
    static let descriptorReserve = 512

    /// A keeper that ends closes its connection a moment before.
    private static let endPatience = Interval.seconds(1)

    let ledger: Ledger
    private let folder: StateFolder
    private let keep: Interval
    private let program: KeeperProgram
    private let inheritance: Inheritance
    private let loop: EventLoop
    private let log: Logger
    private let copy: LedgerCopy
    private let own: OwnParent
    private var keeper: KeeperParent?
    private var estate: Estate?
    private weak var table: ProcessTable?
    private var cannotRecord = false
    private var hasEnded = false
    /// A keeper is on its way: starts wait for it.
    private(set) var isRenewing = false

    /// Finds the keeper of the folder, or starts one, and takes what it has. The loop runs meanwhile.
    ///
    /// - Parameters:
    ///   - program: What is started if there is none.
    ///   - keep: How long a keeper waits for an agent when nothing runs.
    ///   - version: Of procstar.
    package init(
        _ folder: StateFolder, program: KeeperProgram, keep: Interval, version: String, inheritance: Inheritance,
        loop: EventLoop, log: Logger
    ) throws {
        self.folder = folder
        self.keep = keep
        self.program = program
        self.inheritance = inheritance
        self.loop = loop
        self.log = log
        own = OwnParent(fileLimit: inheritance.fileLimit)
        let worker = try Worker(loop: loop, name: "ledger")
        let warn = { (text: String) in log.warn(text) }
        let link = try Self.link(folder, program, keep, inheritance, loop)
        if let file = link.handOver.welcome.ledger {
            let (ledger, reading) = try Ledger.open(file, worker: worker, warn: warn)
            self.ledger = ledger
            estate = Estate(link.handOver, reading.image)
        } else {
            let former = try LedgerCopy.read(folder.ledgerPath)
            ledger = try Ledger(bootID: .current(), worker: worker, warn: warn)
            estate = former.map { Estate($0, isOfThisBoot: $0.header.bootID == BootID.current()) }
            if let image = estate?.image { try ledger.append(framed: LedgerRecord.encoded(image.records)) }
        }
        copy = LedgerCopy(of: ledger, at: folder.ledgerPath, loop: loop, worker: worker, warn: warn)
        ledger.onReplaced = { [unowned self] _ in
            keepLedger()
            copy.noteGrowth()
        }
        try adopt(link)
        record(.agent(LedgerRecord.Agent(pid: getpid(), version: version, time: .now)))
    }

    private static func link(
        _ folder: StateFolder, _ program: KeeperProgram, _ keep: Interval, _ inheritance: Inheritance, _ loop: EventLoop
    ) throws -> KeeperLink {
        if let link = try KeeperLink.find(folder) { return link }
        var result: Result<StartedKeeper, KeeperStartFailure>?
        program.start(listeningAt: folder.socketPath, keep: keep, inheritance: inheritance, loop: loop) { result = $0 }
        loop.run { result != nil }
        switch result {
        case .success(let started)?: return try KeeperLink(started.connection, pidfd: started.pidfd)
        case .failure(.taken(let text))?:
            // One that another agent of this folder has just started; it has ended meanwhile, else the folder were its.
            guard let link = try KeeperLink.find(folder) else { throw KeeperStartFailure.taken(text) }
            return link
        case .failure(let failure)?: throw failure
        case nil: preconditionFailure("the loop ended before its condition held")
        }
    }

    private func adopt(_ link: KeeperLink) throws {
        let keeper = KeeperParent(
            try connect(link), pid: link.handOver.welcome.pid, fileLimit: inheritance.fileLimit)
        keeper.whenReady = { [unowned self] in table?.parentIsReady() }
        self.keeper = keeper
        keepLedger()
    }

    private func connect(_ link: KeeperLink) throws(SystemError) -> KeeperConnection {
        let connection = try KeeperConnection(link.socket, loop: loop)
        // Not the link itself, which has all that was handed over.
        connection.onEnd = { [unowned self, pidfd = link.pidfd] reason in lost(pidfd, reason) }
        return connection
    }

    private func keepLedger() {
        keeper?.keep(ledger.file) { [ledger] in ledger.replacementIsHeld() }
    }

    /// Has the table take over what a former agent has left.
    func attend(to table: ProcessTable) { self.table = table }

    /// Those of what has yet to be taken over: they will count as its processes'.
    var descriptorsOfEstate: Int { estate?.descriptorCount ?? 0 }

    /// What a former agent has left, once.
    func takeEstate() -> Estate? {
        defer { estate = nil }
        return estate
    }

    // MARK: The parent

    /// Of what is started from now on.
    var parent: any Parent { keeper ?? own }

    /// The keeper that a process is, or is to be, a child of; 0 for our own.
    func keeper(of entry: ProcessEntry) -> Int32 { (entry.parent as? KeeperParent)?.pid ?? 0 }

    /// The connection has ended, and with it, most likely, the keeper.
    private func lost(_ pidfd: SharedFD, _ reason: String) {
        guard !hasEnded, let keeper else { return }
        log.error(
            "the connection to the keeper is lost", ["keeper": .integer(Int(keeper.pid)), "reason": .string(reason)])
        isRenewing = true
        // Its children have another parent when its end shows, and not before.
        KeeperEnd(pidfd, within: Self.endPatience, loop: loop) { [unowned self] hasEnded in
            if hasEnded {
                self.keeper = nil
                table?.noteEnd(of: keeper, heir: own)
                renew()
            } else {
                comeBack(to: keeper)
            }
        }.begin()
    }

    /// The keeper is there all the same, with its children.
    private func comeBack(to keeper: KeeperParent) {
        isRenewing = false
        do {
            guard let link = try KeeperLink.find(folder) else { throw KeeperError.lost("nobody listens") }
            keeper.reconnect(try connect(link))
            keepLedger()
            table?.noteReturn(of: keeper, with: link.handOver.children)
        } catch {
            log.error(
                "the keeper is out of reach", ["keeper": .integer(Int(keeper.pid)), "error": .string("\(error)")])
            self.keeper = nil
            table?.noteEnd(of: keeper, heir: own)
            renew()
        }
        table?.parentIsReady()
    }

    private func renew() {
        program.start(
            listeningAt: folder.socketPath, keep: keep, inheritance: inheritance, loop: loop
        ) { [self] result in
            isRenewing = false
            defer { table?.parentIsReady() }
            do {
                let started = try result.get()
                try adopt(KeeperLink(started.connection, pidfd: started.pidfd))
            } catch {
                log.error(
                    "no keeper: what is started from now on ends or is lost with this agent",
                    ["error": .string("\(error)")])
            }
        }
    }

    // MARK: Records

    func record(_ record: LedgerRecord) { self.record(framed: LedgerRecord.encoded([record])) }

    func record(framed bytes: [UInt8]) {
        do {
            try ledger.append(framed: bytes)
            copy.noteGrowth()
            cannotRecord = false
        } catch {
            // What is on record stays true, and lacks what is new: an agent after us would take it for unfinished.
            if !cannotRecord { log.error("can't record for an agent after this one", ["error": .string("\(error)")]) }
            cannotRecord = true
        }
    }

    // MARK: The end

    /// Nobody is to come after us.
    package func end(then: @escaping () -> Void) {
        hasEnded = true
        guard let keeper else { return then() }
        keeper.sayGoodbye { [self] in
            copy.finish(remove: true) { [self] in
                folder.release(removing: true)
                then()
            }
        }
    }
}
