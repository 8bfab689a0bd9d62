import CLinux
import Glibc
import ProcCore
import TestSupport
import Testing

/// What a child measured of itself stands in its result.
@Suite(.enabled(if: Python.isThere, "/usr/bin/python3 is needed"))
struct ResultsFromKernelTests {
    /// Runs a script; the result, and the words that it printed.
    private func report(_ script: String) throws -> (result: Value, words: [String]) {
        let results = try Procstar.results(
            SpecText.document(SpecText.spec(Python.argv(script), SpecText.capture())))
        let result = try #require(results["p"])
        try #require(result[path: "status", "exit_code"]?.number == 0, "\(result)")
        return (result, (result.captured("stdout") ?? "").split(whereSeparator: \.isWhitespace).map(String.init))
    }

    @Test func theChildIsLeaderOfASessionOfItsOwnAndChildOfProcstar() throws {
        let run = try Procstar.start(
            SpecText.document(
                SpecText.spec(
                    Python.argv("import os; print(os.getpid(), os.getppid(), os.getsid(0), os.getpgrp())"),
                    SpecText.capture())))
        let ended = run.finish()
        let result = try #require(try JSONReader.read(ended.output)["p"])
        let pid = try #require(result["pid"]?.number)
        #expect(result.captured("stdout") == "\(pid) \(run.pid) \(pid) \(pid)\n")
        let stat = try #require(result["proc_stat"])
        #expect(stat["pid"]?.number == pid && stat["ppid"]?.number == Int(run.pid))
        #expect(stat["session"]?.number == pid && stat["pgrp"]?.number == pid)
        #expect(stat["state"]?.text == "Z" && stat["exit_signal"]?.text == "SIGCHLD")
        #expect(stat["tty_nr"] == .array([.int(0), .int(0)]) && stat["tpgid"]?.isNull == true)
        #expect(stat["nice"]?.number == 0 && stat["num_threads"]?.number == 1)
        #expect(result["proc_statm"]?.isNull == true && result["usage"]?.isNull == true)
    }

    @Test func rusageIsWhatTheChildSawAndWhatItDidSince() throws {
        let (result, words) = try report(
            """
            import resource, time
            block = bytearray(48 << 20)
            while time.process_time() < 0.15: sum(range(2000))
            for _ in range(40): time.sleep(0.0005)
            u = resource.getrusage(resource.RUSAGE_SELF)
            print(u.ru_utime, u.ru_stime, u.ru_maxrss * 1024, u.ru_minflt, u.ru_majflt, u.ru_nvcsw, u.ru_nivcsw)
            """)
        let seen = words.compactMap(Double.init)
        try #require(seen.count == 7)
        let rusage = try #require(result["rusage"])
        func figure(_ name: String) throws -> Double { try #require(rusage[name]?.amount, "\(name)") }
        // Never less than the child saw; more only by what its exit took.
        #expect(try figure("utime") >= seen[0] && figure("utime") < seen[0] + 0.2)
        #expect(try figure("stime") >= seen[1] && figure("stime") < seen[1] + 0.2)
        #expect(try figure("maxrss") >= seen[2] && figure("maxrss") < seen[2] + 8_000_000)
        // The floor is what it touched; what the spawner had before the exec is far below.
        #expect(try figure("maxrss") >= Double(48 << 20))
        #expect(try figure("minflt") >= seen[3] && figure("minflt") < seen[3] + 5000)
        #expect(try figure("majflt") >= seen[4])
        #expect(try figure("nvcsw") >= max(seen[5], 40) && figure("nivcsw") >= seen[6])
        #expect(rusage["nswap"]?.number == 0)
        #expect(rusage["inblock"]?.number != nil && rusage["oublock"]?.number != nil)
        // proc_stat counts in ticks of 10 ms.
        let stat = try #require(result["proc_stat"])
        let ticks = try #require(stat["utime"]?.real) + (try #require(stat["stime"]?.real))
        #expect(abs(ticks - (try figure("utime") + figure("stime"))) < 0.03)
        #expect(try Double(#require(stat["minflt"]?.number)) >= seen[3])
    }

    @Test func theFloorOfMaxrssIsWhatProcstarItselfHasAndLittle() throws {
        // Before the exec the child shares procstar's memory, and the kernel counts that in: so it must be little.
        let results = try Procstar.results(SpecText.document(SpecText.spec(["/bin/true"])))
        let maxrss = try #require(results[path: "p", "rusage", "maxrss"]?.number)
        #expect(maxrss > 100_000 && maxrss < 40 << 20, "\(maxrss) bytes")
    }

    @Test func timeOfReapedGrandchildrenIsInRusageAndSetApartInProcStat() throws {
        let (result, words) = try report(
            """
            import os, resource, time
            if os.fork() == 0:
                while time.process_time() < 0.12: sum(range(2000))
                os._exit(0)
            os.wait()
            own, children = (resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
            print(own.ru_utime + own.ru_stime, children.ru_utime + children.ru_stime)
            """)
        let seen = words.compactMap(Double.init)
        try #require(seen.count == 2 && seen[1] >= 0.11)
        let total =
            try #require(result[path: "rusage", "utime"]?.real) + #require(result[path: "rusage", "stime"]?.real)
        #expect(total >= seen[0] + seen[1] - 0.001 && total < seen[0] + seen[1] + 0.2)
        let children =
            try #require(result[path: "proc_stat", "cutime"]?.real) + #require(
                result[path: "proc_stat", "cstime"]?.real)
        #expect(abs(children - seen[1]) < 0.03)
    }

    @Test func starttimeIsWithin20MillisecondsOfTheStart() throws {
        // The wait for a processor comes in between: of ten one must have had luck, and none may be early.
        let specs = (0..<10).map { ("p\($0)", SpecText.spec(["/bin/true"])) }
        let results = try Procstar.results(SpecText.document(specs))
        var best = Int64.max
        for (id, _) in specs {
            let start = try #require(WallClockText.nanoseconds(results[path: id, "times", "start"]?.text))
            let kernel = try #require(WallClockText.nanoseconds(results[path: id, "proc_stat", "starttime"]?.text))
            #expect(kernel - start > -20_000_000, "\(id): \(kernel - start) ns")
            best = min(best, abs(kernel - start))
        }
        #expect(best < 20_000_000, "\(best) ns")
    }

    @Test func timesAreInOrderAndElapsedIsTheirDistance() throws {
        let before = clinux_clock_ns(CLOCK_REALTIME)
        let (result, words) = try report(
            "import time; a = time.time_ns(); time.sleep(0.05); print(a, time.time_ns())")
        let after = clinux_clock_ns(CLOCK_REALTIME)
        let seen = words.compactMap(Int64.init)
        try #require(seen.count == 2)
        func instant(_ name: String) throws -> Int64 {
            try #require(WallClockText.nanoseconds(result[path: "times", name]?.text), "\(name)")
        }
        let (start, stop, now) = try (instant("start"), instant("stop"), instant("now"))
        #expect(before <= start && start <= seen[0] && seen[1] <= stop && stop <= now && now <= after)
        let elapsed = try #require(result[path: "times", "elapsed"]?.real)
        #expect(abs(elapsed - Double(stop - start) / 1e9) < 0.005)
    }

    /// Reads the same in a name's every byte: it goes to the kernel as it is, and comes back cut to 15 bytes.
    static let names = [
        "evil) R 9 (x", ":-)", "a b", ") Z 1 1 1 (", "(", "))((", "new\nline", "Z) Z 0 0 0 0 0", "tab\there", "ünïcödé",
        #"back\slash""#, "0123456789abcdefgh",
    ]

    @Test(arguments: names)
    func aHostileNameIsShownAsItIsAndSpoilsNoOtherField(name: String) throws {
        let directory = TemporaryDirectory()
        let link = directory.path(name)
        try #require(symlink("/bin/true", link) == 0)
        let results = try Procstar.results(SpecText.document(SpecText.spec([link])))
        let result = try #require(results["p"])
        let stat = try #require(result["proc_stat"])
        #expect(stat["comm"]?.text == String(decoding: Array(name.utf8).prefix(15), as: UTF8.self))
        #expect(stat["pid"] == result["pid"] && stat["state"]?.text == "Z" && stat["session"] == result["pid"])
        #expect(stat["exit_code"]?.number == 0 && result["state"]?.text == "terminated")
    }

    @Test(arguments: names)
    func aScriptOfAHostileNameIsNamedAsTheFile(name: String) throws {
        let directory = TemporaryDirectory()
        let script = directory.write("#!/bin/sh\nexit 7\n", to: name, mode: 0o755)
        let results = try Procstar.results(SpecText.document(SpecText.spec([script])))
        let stat = try #require(results[path: "p", "proc_stat"])
        #expect(stat["comm"]?.text == String(decoding: Array(name.utf8).prefix(15), as: UTF8.self))
        #expect(stat["exit_code"]?.number == 7 << 8 && results[path: "p", "status", "exit_code"]?.number == 7)
    }

    @Test func bytesOfANameThatAreNotTextAreReplaced() throws {
        let (result, _) = try report(
            """
            import ctypes
            ctypes.CDLL(None).prctl(15, b"\\xff) Z 3 (\\xc3", 0, 0, 0)
            """)
        #expect(result[path: "proc_stat", "comm"]?.text == "\u{fffd}) Z 3 (\u{fffd}")
        #expect(result[path: "proc_stat", "pid"] == result["pid"])
    }

    @Test func aNameThatTheKernelCutsInsideALetterIsStillText() throws {
        let directory = TemporaryDirectory()
        let link = directory.path("éééééééééé")
        try #require(symlink("/bin/true", link) == 0)
        let results = try Procstar.results(SpecText.document(SpecText.spec([link])))
        #expect(results[path: "p", "proc_stat", "comm"]?.text == "ééééééé\u{fffd}")
    }
}
