internal import CLinux
internal import ProcCore
internal import ProcIO

/// One process in the table: what was asked for, what became of it so far.
///
/// Many thousands of these live at a time, so what only the start needs (argv,
/// environment, fd specs) is not kept.
final class ProcessEntry {
    /// One fd of the spec.
    struct Descriptor {
        let number: CInt
        /// Nil for one that isn't captured.
        var capture: CapturedOutput?

        init(_ entry: FdEntry) {
            number = entry.name.number
            if case .capture(let spec) = entry.spec { capture = CapturedOutput(spec) }
        }
    }

    /// What the kernel said of the process when it had ended.
    struct Remains {
        let stat: ProcStat?
        let status: WaitStatus
        let usage: ResourceUsage

        init(_ ending: Ending) {
            stat = ProcStat(parsing: ending.stat.span)
            status = ending.status
            usage = ending.usage
        }
    }

    enum Deferred {
        case event(Lifecycle.Event)
        case signal(Signal, Cause.Sender)
    }

    let id: String
    /// Its own name among all processes of all times; an id can be used again.
    let token: UInt64
    var lifecycle: Lifecycle
    var stopSpec: StopSpec
    let timeout: Interval?
    let unenforced: [String]
    var directory: String?
    var environment: [Value.Member]?
    var descriptors: [Descriptor]
    var errors: [String] = []
    /// Why captured output could not be read back, by fd.
    var readFailures: [CInt: String] = [:]

    /// The start that is under way.
    var launch: Launch?
    /// Its parent has been asked how it ended.
    var isCollecting = false
    /// What has happened while its parent was asked for something.
    var deferred: [Deferred] = []
    /// Whoever started it, or is to; nil until its turn has come.
    var parent: (any Parent)?
    var pid: pid_t = 0
    var pidfd: SharedFD?
    var exitToken: EventLoop.Token?
    /// How many descriptors the table's budget counts for it.
    var budgeted = 0
    /// How many of those its captures hold for as long as it is known.
    var descriptorsKept = 0

    /// When it was accepted; then when it was started.
    var start: WallTime
    var startInstant: Instant
    var stop: WallTime?
    var stopInstant: Instant?
    var remains: Remains?
    /// Its zombie is gone.
    var isReaped = false
    /// It was or may have been started, and nobody can say how it ended.
    var isLost = false
    /// Nothing of the result will change any more, but for output that descendants add.
    var isFinal = false

    var stopReason: StopReason?
    /// The last signal that we sent to the leader before its end, and for whom.
    var lastSignal: LedgerRecord.SentSignal?
    var timeoutTimer: EventLoop.TimerID?
    var graceTimer: EventLoop.TimerID?
    /// When its grace is over, if it has one.
    var graceEnd: Instant?
    /// How long until the session is looked at again.
    var surveyDelay = Interval.milliseconds(50)
    /// Its end is withheld by a debugger, and looked for now and then.
    var awaitsTracer = false
    /// Names the order to the sweeper whose answer counts; earlier ones have been overtaken.
    var sweepTicket = 0

    init(_ process: StartRequest.Entry, token: UInt64, inheritance: Inheritance) {
        let spec = process.spec
        id = process.id
        self.token = token
        unenforced = spec.systemd.unenforced
        timeout = [spec.timeout, spec.systemd.runtime].compactMap(\.self).min()
        directory = spec.workingDirectory ?? inheritance.directory
        lifecycle = Lifecycle(killsOrphans: spec.orphans == .kill)
        stopSpec = spec.stop
        descriptors = spec.fds.map { Descriptor($0) }
        start = .now
        startInstant = .now
    }

    /// Takes over the captures that a launch has made, whatever became of it; they are named by their position.
    func adopt(_ captures: [Int: any OutputCapture]) {
        for (position, output) in captures { descriptors[position].capture?.output = output }
    }

    /// Whether its parent is at starting it.
    var awaitsStart: Bool { launch?.isSpawning ?? false }

    var child: Child { Child(token: token, pid: pid) }

    /// Remembers a signal of ours. What others of its session get after the leader's end didn't end it.
    func note(_ signum: CInt, sender: Cause.Sender) {
        if remains == nil { lastSignal = LedgerRecord.SentSignal(signum: signum, sender: sender) }
    }

    /// What ended it, once that is known.
    var cause: Cause {
        guard let remains else {
            if isLost { return .lost }
            if case .asked(let sender) = stopReason { return .cancelled(sender: sender) }
            if case .timeout(let interval) = stopReason { return .timeout(interval) }
            return .startFailure
        }
        switch stopReason {
        case .timeout(let interval): return .timeout(interval)
        case .limit(let fd): return .limit(fd: FdName.canonical(fd))
        case .asked, nil: break
        }
        guard let signal = remains.status.signal else { return .exited }
        let sender = lastSignal.flatMap { $0.signum == signal.number ? $0.sender : nil }
        return .signalled(signal, sender: sender)
    }
}

/// A captured fd and how results show it.
struct CapturedOutput {
    /// Nil until it is made, and for ever when the start failed before.
    var output: (any OutputCapture)?
    let isAttached: Bool
    let isText: Bool
    let stopsAtLimit: Bool
    /// What of it stays as it is while the process runs.
    let settled: Settled

    enum Settled {
        case everything
        /// The first so many bytes; a mark of what was cut follows, which changes.
        case head(UInt64)
        case nothing
    }

    init(_ spec: CaptureSpec) {
        isAttached = spec.attached
        isText = spec.encoding == .utf8
        stopsAtLimit = spec.limit?.onLimit == .stop
        settled =
            switch spec.limit?.keep {
            case nil: .everything
            case .head: .head(spec.limit?.bytes ?? .max)
            case .tail, .both: .nothing
            }
    }

    var encoding: FdResult.Encoding { isText ? .utf8 : .base64 }
}
