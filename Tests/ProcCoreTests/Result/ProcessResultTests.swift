import ProcCore
import Testing

@Suite struct ProcessResultTests {
    static let scale = ProcStatTests.scale
    static let start = WallTime(nanoseconds: 1_795_172_329_388_255_272)
    static let now = WallTime(nanoseconds: 1_795_172_331_888_255_273)

    static func result(_ phase: ProcessResult.Phase) -> ProcessResult {
        ProcessResult(phase: phase, start: start, now: now, elapsed: .milliseconds(2500))
    }

    static func running() throws -> ProcessResult {
        let stat = try #require(ProcStatTests.parse(KernelText.busyStat))
        let status = try #require(ProcStatusTests.parse(KernelText.busyStatus))
        return result(
            .running(
                .init(
                    pid: 8927, stat: stat, statm: status.memory,
                    usage: RunningUsage(stat: stat, status: status))))
    }

    static func ended(_ status: WaitStatus = WaitStatus(raw: 768), _ cause: Cause = .exited) -> ProcessResult {
        let stat = ProcStatTests.parse(KernelText.zombieStat)
        let usage = ResourceUsage(
            utime: .init(seconds: 1, microseconds: 0), stime: .init(seconds: 0, microseconds: 200_000),
            maxrssKiB: 48 << 10, minflt: 1, majflt: 2, nswap: 0, inblock: 0, oublock: 0, nvcsw: 3, nivcsw: 4)
        return result(
            .ended(.init(pid: 5748, stat: stat, stop: now, status: status, usage: usage, cause: cause)))
    }

    static func keys(_ value: Value) -> [String] {
        guard case .map(let members) = value else { return [] }
        return members.map(\.key)
    }

    static let known = [
        "state", "errors", "pid", "proc_stat", "proc_statm", "cgroup_accounting", "times", "status", "rusage", "fds",
    ]

    @Test func ourKeysFollowTheKnownOnes() throws {
        for result in [Self.result(.starting), try Self.running(), Self.ended()] {
            #expect(
                Self.keys(result.value(scale: Self.scale)) == Self.known + ["cwd", "usage", "cause", "unenforced"])
        }
    }

    @Test func theEnvironmentIsThereOnlyWhenAskedFor() {
        var result = Self.ended()
        result.environment = [.init("A", .string("1")), .init("B", .text([0xff]))]
        result.cwd = "/srv"
        let value = result.value(scale: Self.scale)
        #expect(Self.keys(value) == Self.known + ["cwd", "env", "usage", "cause", "unenforced"])
        #expect(value["env"]?.text == #"{"A":"1","B":text[255]}"#)
        #expect(value["cwd"] == .string("/srv"))
    }

    @Test func beforeTheSpawnItRunsWithoutAPid() {
        let value = Self.result(.starting).value(scale: Self.scale)
        #expect(value["state"] == .string("running"))
        for key in ["pid", "proc_stat", "proc_statm", "status", "rusage", "usage", "cause", "cgroup_accounting", "cwd"]
        {
            #expect(value[key] == .null, "\(key)")
        }
        #expect(
            value["times"]?.text == """
                {"start":"2026-11-20T10:58:49.388255272+00:00","now":"2026-11-20T10:58:51.888255273+00:00",\
                "stop":null,"elapsed":2.5}
                """)
    }

    @Test func aRunningProcessShowsItsFiguresAndNoEnd() throws {
        let value = try Self.running().value(scale: Self.scale)
        #expect(value["state"] == .string("running"))
        #expect(value["pid"] == .int(8927))
        #expect(value["proc_stat"]?["comm"] == .string("evil) R 9 (x"))
        #expect(value["proc_statm"]?["text"] == .int(4096))
        #expect(value["usage"]?["nivcsw"] == .int(35))
        #expect(value["status"] == .null && value["rusage"] == .null && value["cause"] == .null)
    }

    @Test func anEndedProcessShowsItsEndAndNoMemory() {
        let value = Self.ended().value(scale: Self.scale)
        #expect(value["state"] == .string("terminated"))
        #expect(value["pid"] == .int(5748))
        #expect(value["proc_stat"]?["state"] == .string("Z"))
        #expect(value["status"]?["exit_code"] == .int(3))
        #expect(value["rusage"]?["maxrss"] == .int(48 << 20))
        #expect(value["times"]?["stop"] == .string("2026-11-20T10:58:51.888255273+00:00"))
        #expect(value["cause"]?.text == #"{"type":"exited"}"#)
        #expect(value["proc_statm"] == .null && value["usage"] == .null)
    }

    @Test func whatFailedToStartHasAStatusAndNoPid() {
        var result = Self.result(.failed(at: Self.now, .startFailure))
        result.errors = ["execve failed: /no/such: No such file or directory"]
        result.fds = [.init("stdout", .detached(length: 0, encoding: .base64))]
        result.unenforced = ["memory_max"]
        let value = result.value(scale: Self.scale)
        #expect(value["state"] == .string("error"))
        #expect(value["errors"] == .array([.string("execve failed: /no/such: No such file or directory")]))
        #expect(value["pid"] == .null && value["proc_stat"] == .null && value["rusage"] == .null)
        #expect(value["status"] == WaitStatus.notStarted.value)
        #expect(value["times"]?["stop"] == .string("2026-11-20T10:58:51.888255273+00:00"))
        #expect(value["fds"]?["stdout"]?["length"] == .int(0))
        #expect(value["cause"]?.text == #"{"type":"start-failure"}"#)
        #expect(value["unenforced"] == .array([.string("memory_max")]))
    }

    @Test func fdsAreSortedByTheTextOfTheirKeys() throws {
        var result = Self.result(.starting)
        result.fds = ["stdin", "stdout", "stderr", "7", "10"].map { .init($0, nil) }
        let fds = try #require(result.value(scale: Self.scale)["fds"])
        #expect(fds.text == #"{"10":null,"7":null,"stderr":null,"stdin":null,"stdout":null}"#)
    }

    @Test func cgroupFiguresPassThrough() {
        var result = Self.ended()
        result.cgroupAccounting = .map([.init("pids", .null)])
        #expect(result.value(scale: Self.scale)["cgroup_accounting"]?.text == #"{"pids":null}"#)
    }
}
