import CLinux
import Glibc
import ProcCore
import ProcIO
import TestSupport
import Testing

/// How a process ended, as its result tells it.
@Suite struct ResultsStatusTests {
    @Test func everyExitCodeIsReported() throws {
        let codes = 0...255
        let results = try Procstar.results(
            SpecText.document(codes.map { ("c\($0)", SpecText.spec(["/bin/sh", "-c", "exit \($0)"])) }))
        for code in codes {
            let result = try #require(results["c\(code)"])
            #expect(
                result["status"]
                    == .map([
                        .init("status", .int(Int64(code << 8))), .init("exit_code", .int(Int64(code))),
                        .init("signum", .null), .init("signal", .null), .init("core_dump", .bool(false)),
                    ]))
            #expect(result[path: "cause", "type"]?.text == "exited" && result["state"]?.text == "terminated")
            #expect(result[path: "proc_stat", "exit_code"]?.number == code << 8)
        }
    }

    /// All that end a process by default.
    static let deadly = (1...31).filter { signal in
        ![SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGWINCH].contains(CInt(signal))
    }

    @Test func everySignalThatKillsIsReported() throws {
        let signals = Self.deadly + [34, 40, 64]
        let results = try Procstar.results(
            SpecText.document(signals.map { ("s\($0)", SpecText.shell("ulimit -c 0; kill -\($0) $$; exit 99")) }))
        for signal in signals {
            let result = try #require(results["s\(signal)"])
            let status = try #require(result["status"])
            let name = try #require(Signal(signal)).name
            #expect(status["status"]?.number == signal && status["signum"]?.number == signal, "\(status)")
            #expect(status["signal"]?.text == name && status["exit_code"]?.isNull == true)
            #expect(status["core_dump"]?.flag == false)
            #expect(
                result["cause"]
                    == .map([
                        .init("type", .string("signalled")), .init("signal", .string(name)), .init("sender", .null),
                    ]))
        }
    }

    @Test func signalsThatDoNotKillChangeNothing() throws {
        let harmless = [SIGCHLD, SIGCONT, SIGURG, SIGWINCH]
        let results = try Procstar.results(
            SpecText.document(harmless.map { ("s\($0)", SpecText.shell("kill -\($0) $$; exit 3")) }))
        for signal in harmless { #expect(results[path: "s\(signal)", "status", "exit_code"]?.number == 3) }
    }

    /// Where the kernel writes cores to files, rather than to a program.
    static let writesCores: Bool = {
        guard let pattern = contents(of: "/proc/sys/kernel/core_pattern") else { return false }
        return pattern.first.map { $0 != UInt8(ascii: "|") && $0 != UInt8(ascii: "/") && $0 != 10 } ?? false
    }()

    @Test(.enabled(if: writesCores, "core_pattern names a program or a folder"))
    func aCoreDumpIsReported() throws {
        let directory = TemporaryDirectory()
        let results = try Procstar.results(
            SpecText.document(
                SpecText.shell(
                    "ulimit -c unlimited && kill -SEGV $$", "\"cwd\": \(SpecText.quoted(directory.path))")))
        let result = try #require(results["p"])
        #expect(result[path: "status", "status"]?.number == Int(SIGSEGV) | 0x80, "\(result)")
        #expect(
            result[path: "status", "core_dump"]?.flag == true && result[path: "status", "signal"]?.text == "SIGSEGV")
        #expect(result[path: "cause", "type"]?.text == "signalled")
        #expect(result[path: "proc_stat", "exit_code"]?.number == Int(SIGSEGV) | 0x80)
    }

    @Test func aProcessThatCannotStartHasTheStatusThatClientsRead() throws {
        let results = try Procstar.results(
            SpecText.document([
                ("p", SpecText.spec(["/no/such/program"], SpecText.capture())), ("q", SpecText.spec(["/bin/true"])),
            ]))
        let result = try #require(results["p"])
        #expect(result["state"]?.text == "error" && result["pid"]?.isNull == true && result["rusage"]?.isNull == true)
        #expect(result["errors"] == .array([.string("execve failed: /no/such/program: No such file or directory")]))
        #expect(result[path: "status", "status"]?.number == 16128 && result[path: "status", "exit_code"]?.number == 63)
        #expect(result[path: "cause", "type"]?.text == "start-failure")
        #expect(result.captured("stdout") == "")
        #expect(results[path: "q", "status", "exit_code"]?.number == 0)
    }
}

/// Why a process ended, where it was we who ended it.
@Suite struct ResultsCauseTests {
    @Test func theEndOfATimeoutIsToldAsSuchWhateverTheStatus() throws {
        let results = try Procstar.results(
            SpecText.document([
                ("obeys", SpecText.spec(["/bin/sleep", "60"], "\"timeout\": 0.1")),
                ("exits", SpecText.shell("trap 'exit 7' TERM; while :; do sleep 0.01; done", "\"timeout\": 0.1")),
                ("in time", SpecText.spec(["/bin/true"], "\"timeout\": 50")),
            ]))
        let cause = Value.map([.init("type", .string("timeout")), .init("seconds", .double(0.1))])
        #expect(results[path: "obeys", "cause"] == cause && results[path: "exits", "cause"] == cause)
        #expect(results[path: "obeys", "status", "signal"]?.text == "SIGTERM")
        #expect(results[path: "exits", "status", "exit_code"]?.number == 7)
        #expect(results[path: "in time", "cause", "type"]?.text == "exited")
        #expect((results[path: "obeys", "times", "elapsed"]?.real ?? 0) >= 0.1)
    }

    @Test func aShutdownIsNamedAsTheSender() throws {
        let run = try Procstar.start(
            SpecText.document([
                ("obeys", SpecText.spec(["/bin/sleep", "60"])),
                ("exits", SpecText.shell("trap 'exit 5' TERM; echo ready >&2; while :; do sleep 0.01; done")),
            ]), ["--print", "--log-level", "info"])
        #expect(run.waitForError("ready\n") && run.waitForError("started processes from specs"))
        run.signal(SIGTERM)
        let ended = run.finish()
        #expect(ended.exitCode == 0, "\(ended.errorText)")
        let results = try JSONReader.read(ended.output)
        #expect(
            results[path: "obeys", "cause"]
                == .map([
                    .init("type", .string("signalled")), .init("signal", .string("SIGTERM")),
                    .init("sender", .string("shutdown")),
                ]))
        #expect(results[path: "exits", "cause", "type"]?.text == "exited")
        #expect(results[path: "exits", "status", "exit_code"]?.number == 5)
    }

    @Test(arguments: [SIGQUIT, SIGTERM])
    func aHastyEndKillsAndSaysSo(second: CInt) throws {
        let run = try Procstar.start(
            SpecText.document(SpecText.shell("trap '' TERM; echo ready >&2; while :; do sleep 0.01; done")))
        #expect(run.waitForError("ready\n"))
        if second == SIGTERM { run.signal(SIGINT) }
        run.signal(second)
        let ended = run.finish()
        #expect(ended.exitCode == 0, "\(ended.errorText)")
        let result = try #require(try JSONReader.read(ended.output)["p"])
        #expect(result[path: "status", "signal"]?.text == "SIGKILL")
        #expect(result[path: "cause", "type"]?.text == "signalled")
        #expect(result[path: "cause", "sender"]?.text == "shutdown")
    }

    @Test func aProcessThatWaitsForAnOpenIsCancelledByAShutdown() throws {
        let directory = TemporaryDirectory()
        let fifo = directory.path("fifo")
        try #require(mkfifo(fifo, 0o600) == 0)
        let run = try Procstar.start(
            SpecText.document(
                SpecText.spec(["/bin/cat"], "\"fds\": {\"stdin\": {\"file\": {\"path\": \(SpecText.quoted(fifo))}}}")),
            ["--print", "--log-level", "info"])
        #expect(run.waitForError("started processes from specs"))
        run.signal(SIGTERM)
        let ended = run.finish()
        let result = try #require(try JSONReader.read(ended.output)["p"])
        #expect(
            result["cause"] == .map([.init("type", .string("cancelled")), .init("sender", .string("shutdown"))]))
        #expect(result["state"]?.text == "error" && result[path: "status", "exit_code"]?.number == 63)
    }

    @Test func anotherOnesSignalHasNoSender() throws {
        let results = try Procstar.results(SpecText.document(SpecText.shell("(kill -INT $$) & wait")))
        #expect(
            results[path: "p", "cause"]
                == .map([
                    .init("type", .string("signalled")), .init("signal", .string("SIGINT")), .init("sender", .null),
                ]))
    }

    @Test func whatApsisSendsRunsAndSaysWhatIsNotEnforced() throws {
        let slice =
            #""systemd_properties": {"slice": {"tasks_accounting": true, "memory_accounting": true, "memory_max": null, "memory_swap_max": 0}}"#
        let run = try Procstar.run(
            SpecText.document([
                ("p", SpecText.spec(["/bin/true"], slice)), ("q", SpecText.spec(["/bin/true"], slice)),
            ]), ["--print"])
        let results = try JSONReader.read(run.output)
        for id in ["p", "q"] {
            #expect(results[path: id, "state"]?.text == "terminated" && results[path: id, "errors"] == .array([]))
            #expect(results[path: id, "cgroup_accounting"]?.isNull == true)
            #expect(results[path: id, "unenforced"]?.texts == ["memory_swap_max"])
        }
        // Logged once, not for each process.
        #expect(run.errorText.split(separator: "\n").count { $0.contains("memory_swap_max") } == 1, "\(run.errorText)")
    }

    @Test func runtimeMaxIsATimeoutAndTheShorterOfTwoCounts() throws {
        func scope(_ microseconds: Int) -> String {
            "\"systemd_properties\": {\"scope\": {\"runtime_max_usec\": \(microseconds)}}"
        }
        let results = try Procstar.results(
            SpecText.document([
                ("p", SpecText.spec(["/bin/sleep", "60"], scope(100_000))),
                ("q", SpecText.spec(["/bin/sleep", "60"], scope(60_000_000) + ", \"timeout\": 0.1")),
                ("r", SpecText.spec(["/bin/sleep", "60"], scope(100_000) + ", \"timeout\": 60")),
            ]))
        for id in ["p", "q", "r"] {
            #expect(
                results[path: id, "cause"] == .map([.init("type", .string("timeout")), .init("seconds", .double(0.1))]))
            #expect(results[path: id, "unenforced"]?.texts == [])
        }
    }
}
