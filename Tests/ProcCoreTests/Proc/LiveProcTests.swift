import Glibc
import ProcCore
import TestSupport
import Testing

/// What is parsed against what the kernel answers to system calls.
@Suite struct LiveProcTests {
    static let scale: SystemScale = {
        let realtime = nanoseconds(CLOCK_REALTIME)
        return SystemScale(
            ticksPerSecond: UInt64(sysconf(CInt(_SC_CLK_TCK))), pageSize: UInt64(sysconf(CInt(_SC_PAGESIZE))),
            bootTime: WallTime(nanoseconds: realtime - nanoseconds(CLOCK_BOOTTIME)))
    }()

    static func nanoseconds(_ clock: CInt) -> Int64 {
        var now = timespec()
        clock_gettime(clock, &now)
        return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
    }

    static func stat(_ path: String) throws -> ProcStat {
        let bytes = try #require(KernelText.file(path))
        return try #require(ProcStatTests.parse(bytes), "\(String(decoding: bytes, as: UTF8.self))")
    }

    static func cpuSeconds() -> (user: Double, system: Double, minflt: UInt64) {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        return (seconds(usage.ru_utime), seconds(usage.ru_stime), UInt64(usage.ru_minflt))
    }

    @Test func ownNumbersAgreeWithTheSystemCalls() throws {
        let before = Self.cpuSeconds()
        let stat = try Self.stat("/proc/self/stat")
        let after = Self.cpuSeconds()

        #expect(stat.pid == getpid())
        #expect(stat.ppid == getppid())
        #expect(stat.pgrp == getpgrp())
        #expect(stat.session == getsid(0))
        #expect(stat.nice == Int64(getpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0)))
        #expect(stat.policy == UInt64(sched_getscheduler(0)))
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(__RLIMIT_RSS.rawValue), &limit)
        #expect(stat.rsslim == limit.rlim_cur)
        #expect((before.minflt...after.minflt).contains(stat.minflt))
        let tick = 1 / Double(Self.scale.ticksPerSecond)
        let user = Double(stat.utime) * tick
        let system = Double(stat.stime) * tick
        #expect(user > before.user - tick && user <= after.user + 1e-6, "\(before.user) \(user) \(after.user)")
        #expect(system > before.system - tick && system <= after.system + 1e-6)
    }

    @Test func ownMemoryAgreesWithTheSystemCalls() throws {
        let bytes = try #require(KernelText.file("/proc/self/status"))
        let status = try #require(ProcStatusTests.parse(bytes))
        let statm = status.memory
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        let peak = try #require(status.peakResident)
        // ru_maxrss also counts what the parent had before the exec, so it bounds the peak only from above; and the
        // kernel adds up what its processors counted apart, so any two figures may differ by some pages.
        let slack: UInt64 = 8 << 20
        #expect(peak <= UInt64(usage.ru_maxrss) * 1024 + slack)
        #expect(peak + slack >= statm.resident)
        #expect(statm.resident > 0 && statm.resident <= statm.size)
        #expect(statm.shared <= statm.resident)
    }

    /// A process that does nothing, so that both files tell of the same moment.
    @Test func memoryIsWhatTheStatmFileSays() throws {
        let pid = try Self.spawn(["/bin/sleep", "1000"])
        defer {
            kill(pid, SIGKILL)
            waitpid(pid, nil, 0)
        }
        func memory() throws -> (pages: [UInt64], status: ProcStatm) {
            let pages = try #require(KernelText.file("/proc/\(pid)/statm"))
            let bytes = try #require(KernelText.file("/proc/\(pid)/status"))
            let status = try #require(ProcStatusTests.parse(bytes))
            let numbers = String(decoding: pages, as: UTF8.self).dropLast().split(separator: " ").compactMap {
                UInt64($0)
            }
            // lib and dt are always 0.
            return ([0, 1, 2, 3, 5].map { numbers[$0] * Self.scale.pageSize }, status.memory)
        }
        var last = try memory()
        try eventually("both files say the same", seen: { "\(last)" }) {
            last = try memory()
            let status = last.status
            return [status.size, status.resident, status.shared, status.text, status.data] == last.pages
        }
    }

    @Test func blockedSignalsAreThoseOfTheThreadsMask() throws {
        var set = sigset_t()
        var former = sigset_t()
        sigemptyset(&set)
        for signum in [SIGHUP, SIGSYS, 34, 64] { sigaddset(&set, signum) }
        pthread_sigmask(SIG_SETMASK, &set, &former)
        defer { pthread_sigmask(SIG_SETMASK, &former, nil) }

        var stat = try Self.stat("/proc/thread-self/stat")
        #expect(stat.blocked.names == ["SIGHUP", "SIGSYS"])
        let bytes = try #require(KernelText.file("/proc/thread-self/status"))
        let status = try #require(ProcStatusTests.parse(bytes))
        stat.adoptMasks(of: status)
        #expect(stat.blocked.names == ["SIGHUP", "SIGSYS", "SIGRTMIN", "SIGRTMIN+30"])
    }

    @Test(arguments: ["evil) R 9 (x", ":-)", "a b", "a\nb\\c", ")", "R (1) S 2 3"])
    func aHostileNameComesThroughTheKernel(name: String) throws {
        let former = try #require(KernelText.file("/proc/thread-self/comm")).dropLast()
        defer { Self.rename(Array(former)) }
        try #require(Self.rename(Array(name.utf8)))

        let stat = try Self.stat("/proc/thread-self/stat")
        #expect(stat.comm == name)
        #expect(stat.state == UInt8(ascii: "R"))
        #expect(stat.ppid == getppid())
        let status = try #require(KernelText.file("/proc/thread-self/status"))
        #expect(ProcStatusTests.parse(status) != nil)
    }

    @Test func aNameThatIsNotUTF8ComesThroughTheKernel() throws {
        let former = try #require(KernelText.file("/proc/thread-self/comm")).dropLast()
        defer { Self.rename(Array(former)) }
        try #require(Self.rename([0xff, 0x29, 0xe2, 0x82]))
        #expect(try Self.stat("/proc/thread-self/stat").comm == "\u{fffd})\u{fffd}")
    }

    /// Renames the calling thread.
    @discardableResult static func rename(_ name: [UInt8]) -> Bool {
        let fd = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
        defer { close(fd) }
        return write(fd, name, name.count) == name.count
    }

    @Test(
        arguments: [
            ("exit 7", 7, nil), ("kill -TERM $$", nil, "SIGTERM"), ("kill -36 $$", nil, "SIGRTMIN+2"),
        ] as [(String, CInt?, String?)])
    func aZombieSaysWhatWaitSays(script: String, code: CInt?, signal: String?) throws {
        let before = Self.nanoseconds(CLOCK_REALTIME)
        let pid = try Self.spawn(["/bin/sh", "-c", script])
        let after = Self.nanoseconds(CLOCK_REALTIME)
        var ended = siginfo_t()
        #expect(waitid(P_PID, id_t(pid), &ended, WEXITED | WNOWAIT) == 0)
        let stat = try Self.stat("/proc/\(pid)/stat")
        var raw: CInt = 0
        var usage = rusage()
        #expect(wait4(pid, &raw, 0, &usage) == pid)

        #expect(stat.isZombie && stat.pid == pid && stat.ppid == getpid())
        #expect(stat.exitCode == raw)
        #expect(WaitStatus(raw: raw).exitCode == code)
        #expect(WaitStatus(raw: raw).signal?.name == signal)
        // The kernel counts in ticks, rounded down.
        let started = Self.scale.time(ticksAfterBoot: stat.starttime).nanoseconds
        let tick = 1_000_000_000 / Int64(Self.scale.ticksPerSecond)
        #expect(started > before - 2 * tick && started <= after + tick, "\(before) \(started) \(after)")
    }

    static func spawn(_ arguments: [String]) throws -> pid_t {
        var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
        argv.append(nil)
        defer { argv.forEach { free($0) } }
        // The threads that run tests block all signals, and children inherit that.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var pid: pid_t = 0
        try #require(posix_spawn(&pid, arguments[0], nil, &attributes, argv, environ) == 0)
        return pid
    }
}
