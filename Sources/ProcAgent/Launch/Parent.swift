internal import CKeeper
internal import CLinux
internal import Glibc
internal import ProcCore
internal import ProcIO

/// The parent of processes: whoever starts them is told by the kernel how they ended.
protocol Parent: AnyObject {
    /// Whether more than enough starts are under way; `whenReady` is called when that is over.
    var isBusy: Bool { get }
    var whenReady: () -> Void { get set }

    /// Whether it can start a process of this spec.
    func takes(_ spec: ProcessSpec) -> Bool

    /// Starts a process; `then` is called once, perhaps before this returns.
    func launch(_ plan: LaunchPlan, then: @escaping (Result<Launched, StartFailure>) -> Void)

    /// Asks how a process ended whose pidfd says that it has; `then` is called once, perhaps before this returns.
    ///
    /// - Parameter reaps: Whether its zombie is to go. As long as that stays, its pid can't come to mean another.
    func collect(_ child: Child, reaps: Bool, then: @escaping (Collection) -> Void)

    /// Lets a zombie go that has been collected.
    func reap(_ child: Child)

    /// Lets everything go that is held of a reaped process.
    func forget(_ child: Child)

    /// Has a descriptor held for a process; `then` is called, perhaps at once, when it will stay whatever becomes of us.
    func hold(_ held: HeldDescriptor, for token: UInt64, then: @escaping () -> Void)

    func drop(_ tag: HoldTag, of token: UInt64)
}

/// A process that has been started.
struct Child: Equatable, Sendable {
    let token: UInt64
    let pid: pid_t
}

/// What is there when a process has been started.
struct Launched: Sendable {
    let pid: pid_t
    /// Readable when the process has ended (pidfd_open(2)).
    let pidfd: SharedFD
}

/// What a parent says of a process that has ended.
enum Collection: Sendable {
    case ended(Ending)
    /// The end isn't shown yet: a debugger sees it first.
    case notYet
    /// Nobody knows any more; a clause for people.
    case lost(String)
}

/// What the kernel said of a process when it had ended.
struct Ending: Sendable {
    let status: WaitStatus
    let usage: ResourceUsage
    /// The text of `/proc/PID/stat`; empty where it couldn't be read.
    let stat: [UInt8]
    /// When a keeper saw that it had ended.
    var seen: (wall: WallTime, instant: Instant)?
}

extension Parent {
    func takes(_ spec: ProcessSpec) -> Bool { true }
}

extension ResourceUsage {
    init(_ usage: rusage) {
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
