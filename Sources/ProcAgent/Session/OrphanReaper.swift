internal import CKeeper
internal import CLinux
internal import Glibc
internal import ProcCore
internal import ProcIO

/// Reaps descendants that outlived their parent and came to us, who are their
/// subreaper (or PID 1 of a container).
///
/// SIGCHLD tells that some child has ended; several deliveries merge into one, so
/// it names one child at most. A sweep finds the others. It costs time in
/// proportion to the number of children, so sweeps keep a distance that bounds
/// their share of the processor, however many run.
final class OrphanReaper {
    /// Sweeps take at most one part in this many of the time.
    private static let share: UInt64 = 100
    private static let shortestDistance = Interval.milliseconds(20)
    /// How long one sweep may hold up the loop; what it doesn't get to is left for the next.
    private static let longestSweep = Interval.milliseconds(5)

    /// What is to become of a zombie.
    enum Claim {
        /// Nobody's: it can be reaped.
        case orphan
        /// It was the leader of a process of ours, and has been reaped now.
        case reaped
        /// It is such a leader, and its zombie is kept on purpose.
        case kept
    }

    private let loop: EventLoop
    private let worker: Worker
    private let claim: (pid_t) -> Claim
    private var signals: SignalSource?
    /// Whether a child has ended since the last sweep began.
    private var isDue = false
    /// Whether a sweep has been scheduled and isn't over. One at a time: the scan that may belong to it takes
    /// long on a crowded machine, and must not queue up on the thread that others use.
    private var isUnderWay = false
    private var notBefore = Instant(nanoseconds: 0)

    /// - Parameter claim: Asked about each child that has ended. SIGCHLD must be blocked.
    init(loop: EventLoop, worker: Worker, claim: @escaping (pid_t) -> Claim) throws(SystemError) {
        self.loop = loop
        self.worker = worker
        self.claim = claim
        signals = try SignalSource([SIGCHLD], loop: loop) { [unowned self] _ in
            isDue = true
            sweepIfDue()
        }
    }

    private func sweepIfDue() {
        guard isDue, !isUnderWay else { return }
        isUnderWay = true
        loop.at(max(notBefore, loop.now + Self.shortestDistance)) { [unowned self] in
            isDue = false
            sweep()
        }
    }

    private func sweep() {
        let start = loop.now
        while true {
            guard loop.now.since(start) < Self.longestSweep else {
                isDue = true
                return finish(since: start)
            }
            let pid = clinux_any_zombie()
            guard pid > 0 else { return finish(since: start) }
            switch claim(pid) {
            case .orphan: reap(pid)
            case .reaped: break
            // It hides those behind it.
            case .kept: return scanForOthers(since: start)
            }
        }
    }

    /// Keeps a distance before the next sweep.
    private func finish(since start: Instant) {
        let now = loop.now
        notBefore = now + Interval(nanoseconds: now.since(start).nanoseconds * Self.share)
        isUnderWay = false
        sweepIfDue()
    }

    private func reap(_ pid: pid_t) {
        var status: CInt = 0
        var usage = rusage()
        _ = clinux_reap(pid, &status, &usage)
    }

    /// Lists our zombies from `/proc` instead, off the loop.
    private func scanForOthers(since start: Instant) {
        let me = getpid()
        worker.run {
            var zombies: [pid_t] = []
            SessionScan.forEachProcess { pid in
                guard let stat = ProcFile.stat.read(pid), let parent = ZombieParent(stat: stat)?.pid, parent == me
                else { return }
                zombies.append(pid)
            }
            return zombies
        } then: { [self] zombies in
            for pid in zombies where claim(pid) == .orphan { reap(pid) }
            finish(since: start)
        }
    }
}

/// The parent of a process that has ended, from the bytes of its `/proc/PID/stat`.
struct ZombieParent {
    let pid: pid_t

    /// Nil when it hasn't ended.
    init?(stat: [UInt8]) {
        guard let close = stat.lastIndex(of: UInt8(ascii: ")")) else { return nil }
        let fields = stat[(close + 1)...].prefix(32).split(separator: UInt8(ascii: " "))
        guard fields.count > 1, fields[0].elementsEqual([UInt8(ascii: "Z")]),
            let parent = pid_t(String(decoding: fields[1], as: UTF8.self))
        else { return nil }
        pid = parent
    }
}
