internal import CLinux
internal import Glibc

/// Finds the processes of sessions by reading all of `/proc`, and signals them.
///
/// Takes about 10 µs for each process of the machine, so it runs on a worker
/// thread, for many sessions at a time. The caller holds every session's leader
/// unreaped meanwhile: then a session's number can't have come to mean another.
/// Where the leader has been reaped, it means the same as long as a member lives
/// and no process has that number: the kernel gives it to nobody before.
struct SessionScan: Sendable {
    /// What is wanted of one session.
    enum Wish: Equatable, Sendable {
        /// Signal every member but the leader, who has got it already; continue whoever is stopped.
        case signal(CInt)
        /// Only look.
        case survey
    }

    /// Looks at the whole machine until nobody new is found, at most this often: a fork bomb must not keep the thread
    /// for ever. What it leaves over is for another scan.
    private static let rounds = 5

    struct Findings: Sendable {
        /// By session: how many living members other than the leader were found.
        var members: [pid_t: Int]
        /// Whether the last look found nobody new.
        var isComplete: Bool
    }

    /// By session: what is wanted.
    let wishes: [pid_t: Wish]
    /// Those whose leaders have been reaped.
    var leaderless: Set<pid_t> = []

    func run() -> Findings {
        var isComplete = false
        var found: [pid_t: Set<pid_t>] = [:]
        for _ in 0..<Self.rounds {
            var news = false
            let taken = leaderless.filter { ProcFile.stat.read($0) != nil }
            forEachLivingMember { member, wish in
                if taken.contains(member.session) { return }
                guard found[member.session, default: []].insert(member.pid).inserted,
                    case .signal(let signum) = wish
                else { return }
                // At once, not after the round: one that keeps forking and goes on in its child would be gone by then.
                let signals = Self.signals(signum, for: member)
                if !signals.isEmpty { Self.send(signals, to: member) }
                if !member.isLeader { news = true }
            }
            // A member that was found may have forked behind the scan's back, even if it was gone before its signal.
            if !news {
                isComplete = true
                break
            }
        }
        for session in found.keys { found[session]?.remove(session) }
        return Findings(members: found.mapValues(\.count), isComplete: isComplete)
    }

    /// One process, as far as it matters here.
    struct Member: Equatable {
        let pid: pid_t
        let session: pid_t
        let state: UInt8
        let threads: Int

        /// From the bytes of `/proc/PID/stat`; the command in it ends with the last `)`.
        init?(pid: pid_t, stat: [UInt8]) {
            guard let close = stat.lastIndex(of: UInt8(ascii: ")")) else { return nil }
            // After the command: state (field 3), ppid, pgrp, session, and further on num_threads (field 20).
            let fields = stat[(close + 1)...].prefix(400).split(separator: UInt8(ascii: " "), maxSplits: 18)
            guard fields.count > 17, let state = fields[0].first,
                let session = pid_t(String(decoding: fields[3], as: UTF8.self)),
                let threads = Int(String(decoding: fields[17], as: UTF8.self))
            else { return nil }
            self.pid = pid
            self.session = session
            self.state = state
            self.threads = threads
        }

        /// A main thread that has ended shows as a zombie, as long as others of its process run.
        var isAlive: Bool { (state != UInt8(ascii: "Z") || threads > 1) && state != UInt8(ascii: "X") }
        var isStopped: Bool { state == UInt8(ascii: "T") }
        var isLeader: Bool { pid == session }
    }

    private func forEachLivingMember(_ body: (Member, Wish) -> Void) {
        Self.forEachProcess { pid in
            guard let stat = ProcFile.stat.read(pid), let member = Member(pid: pid, stat: stat), member.isAlive,
                let wish = wishes[member.session]
            else { return }
            body(member, wish)
        }
    }

    /// Calls `body` with the number of each process that `/proc` lists, the highest first: those are mostly the
    /// newest, and one that lives for a moment only, and goes on in its child, has to be looked at soon.
    static func forEachProcess(_ body: (pid_t) -> Void) {
        for pid in processes().reversed() { body(pid) }
    }

    private static func processes() -> [pid_t] {
        guard let directory = opendir("/proc") else { return [] }
        defer { closedir(directory) }
        var pids: [pid_t] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if let pid = pid_t(name) { pids.append(pid) }
        }
        return pids
    }

    /// What `member` gets. A stopped process would get a signal only once something else continues it; SIGKILL
    /// needs no help.
    private static func signals(_ signum: CInt, for member: Member) -> [CInt] {
        let own = member.isLeader ? [] : [signum]
        return member.isStopped && signum != SIGKILL ? own + [SIGCONT] : own
    }

    /// Through a pidfd, and only if the process behind it still belongs to the session:
    /// between the scan and now the number may have gone to another.
    private static func send(_ signals: [CInt], to member: Member) {
        let pidfd = clinux_pidfd_open(member.pid)
        guard pidfd >= 0 else { return }
        defer { close(pidfd) }
        guard let stat = ProcFile.stat.read(member.pid), let now = Member(pid: member.pid, stat: stat),
            now.session == member.session, now.isAlive
        else { return }
        for signum in signals { _ = clinux_pidfd_send_signal(pidfd, signum) }
    }
}
