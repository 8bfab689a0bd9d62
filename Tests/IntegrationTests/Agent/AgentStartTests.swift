import Glibc
import ProcCore
import TestSupport
import Testing

/// What a start request brings about.
@Suite struct AgentStartTests {
    @Test func aProcessSendsOneResultWhenItIsStartedAndOneWhenItHasEnded() throws {
        let scheduler = try Scheduler()
        let (_, peer) = try scheduler.agent()
        try peer.start("a", SpecText.shell("echo hello; exit 3", SpecText.capture()))
        let first = try peer.next("ProcResult", "a")
        // An unmodified server takes no other keys.
        #expect(first.keySet == ["type", "proc_id", "res"])
        let started = try #require(first["res"])
        #expect(started["state"] == "running" && started["errors"] == [] && started["status"] == .null)
        #expect(started[path: "times", "stop"] == .null)
        let keeper = KeptProcesses.keepers(below: scheduler.runtimeFolder).first
        #expect(started[path: "proc_stat", "ppid"]?.number == keeper.map { Int($0) } && keeper != nil)
        let second = try peer.next("ProcResult", "a")
        #expect(second.keySet == ["type", "proc_id", "res"])
        let ended = try #require(second["res"])
        #expect(ended["state"] == "terminated" && ended["pid"] == started["pid"])
        #expect(ended[path: "status", "exit_code"] == 3 && ended[path: "status", "status"] == 768)
        #expect(ended.captured("stdout") == "hello\n")
        #expect(try peer.nothingMore() == ["a"])
    }

    @Test func aProcessThatFailsToStartSendsBothResultsInStateError() throws {
        let scheduler = try Scheduler()
        let (_, peer) = try scheduler.agent()
        let fds = #""fds": [["stdin", {"null": {}}], ["stdout", {"capture": {"attached": false}}]]"#
        let (first, second) = try peer.run("a", SpecText.spec(["/no/such/program"], fds))
        for result in [first, second] {
            #expect(result["state"] == "error" && result["pid"] == .null)
            #expect(result["errors"] == ["execve failed: /no/such/program: No such file or directory"])
            #expect(
                result["status"] == [
                    "status": 16128, "exit_code": 63, "signum": .null, "signal": .null, "core_dump": false,
                ])
            #expect(result["fds"]?["stdin"] == .null)
            #expect(result["fds"]?["stdout"] == ["type": "detached", "length": 0, "encoding": "base64"])
            #expect(result["proc_stat"] == .null && result["rusage"] == .null)
        }
        #expect(try peer.nothingMore() == ["a"])
    }

    @Test func everyFdThatFailsIsTold() throws {
        let scheduler = try Scheduler()
        let (_, peer) = try scheduler.agent()
        let fds =
            #""fds": [["stdout", {"file": {"path": "/not/a/dir/x"}}], ["5", {"dup": {"fd": 152}}]]"#
        let (_, ended) = try peer.run("a", SpecText.spec(["/bin/true"], fds))
        #expect(
            ended["errors"]?.texts == [
                "failed to set up fd 1: No such file or directory", "failed to set up fd 5: Bad file descriptor",
            ])
    }

    @Test func oneThatFailsToStartLeavesTheOthersOfItsRequestAlone() throws {
        let scheduler = try Scheduler()
        let (_, peer) = try scheduler.agent()
        try peer.start([
            ("bad", SpecText.spec(["/no/such/program"])), ("nul", SpecText.spec(["/bin/echo", "\u{0}"])),
            ("good", SpecText.spec(["/bin/echo", "fine"], SpecText.capture())),
        ])
        var states: [String: [String]] = [:]
        var last: [String: Value] = [:]
        for _ in 0..<6 {
            let message = try peer.next("ProcResult")
            let id = try #require(message.procID)
            states[id, default: []].append(message[path: "res", "state"]?.text ?? "")
            last[id] = message["res"]
        }
        #expect(states == ["bad": ["error", "error"], "nul": ["error", "error"], "good": ["running", "terminated"]])
        #expect(last["good"]?.captured("stdout") == "fine\n")
        #expect(last["nul"]?["errors"]?.texts?.first?.contains("NUL") == true)
        try peer.nothingMore()
    }

    @Test func oneThatIsMoreThanTheKernelTakesFailsAlone() throws {
        let scheduler = try Scheduler()
        let (_, peer) = try scheduler.agent()
        let long = Value.string(String(repeating: "x", count: 8 << 20))
        peer.send([
            "type": "ProcStartRequest",
            "specs": ["long": ["argv": ["/bin/true", long]], "short": ["argv": ["/bin/true"]]],
        ])
        var states: [String: [String]] = [:]
        for _ in 0..<4 {
            let message = try peer.next("ProcResult")
            states[try #require(message.procID), default: []].append(message[path: "res", "state"]?.text ?? "")
        }
        #expect(states == ["long": ["error", "error"], "short": ["running", "terminated"]])
        #expect(
            try peer.askResult(of: "long")["errors"] == ["execve failed: /bin/true: Argument list too long"])
        try peer.nothingMore()
    }

    @Test func pipesJoinProcessesOfARequest() throws {
        let scheduler = try Scheduler()
        let (_, peer) = try scheduler.agent()
        try peer.start([
            ("writer", SpecText.spec(["/bin/echo", "through"], #""fds": [["1", "pipe-write"]]"#)),
            (
                "reader",
                SpecText.spec(
                    ["/bin/cat"],
                    """
                    "fds": [["0", {"pipe-read": {"proc_id": "writer", "fd": "stdout"}}],
                            ["1", {"capture": {"mode": "memory", "encoding": "utf-8"}}]]
                    """)
            ),
        ])
        var ended: [String: Value] = [:]
        for _ in 0..<4 {
            let message = try peer.next("ProcResult")
            ended[try #require(message.procID)] = message["res"]
        }
        #expect(ended["reader"]?.captured("stdout") == "through\n")
        #expect(ended["writer"]?[path: "status", "exit_code"] == 0)
        try peer.nothingMore()
    }

    @Test func anEmptyRequestIsNoError() throws {
        let scheduler = try Scheduler()
        let (_, peer) = try scheduler.agent()
        peer.send(["type": "ProcStartRequest", "specs": [:]])
        #expect(try peer.nothingMore() == [])
    }

    @Test func anyTextIsAnIdAndComesBackAsItWas() throws {
        let scheduler = try Scheduler()
        let (_, peer) = try scheduler.agent()
        let ids = ["", "a/b\n", "ü\u{301}😀", "\u{0}", String(repeating: "long ", count: 20_000)]
        for id in ids {
            #expect(try peer.run(id, SpecText.spec(["/bin/true"])).ended["state"] == "terminated")
            #expect(try peer.askResult(of: id)["state"] == "terminated")
        }
        #expect(try peer.nothingMore() == Set(ids))
        for id in ids { try peer.delete(id) }
        #expect(try peer.nothingMore() == [])
    }

    @Test func anIdIsFreeAgainOnceItsProcessIsDeleted() throws {
        let scheduler = try Scheduler()
        let (_, peer) = try scheduler.agent()
        for text in ["first", "second"] {
            let (_, ended) = try peer.run("a", SpecText.spec(["/bin/echo", text], SpecText.capture()))
            #expect(ended.captured("stdout") == text + "\n")
            try peer.delete("a")
        }
    }

    @Test func aProcessWhoseOpenBlocksIsKnownAtOnceAndRunsWithoutAPid() throws {
        let scheduler = try Scheduler()
        let (_, peer) = try scheduler.agent()
        let folder = TemporaryDirectory()
        let spec = try Self.blocked(in: folder)
        try peer.start("a", spec)
        #expect(try peer.nothingMore() == ["a"])
        let asked = try peer.askResult(of: "a")
        #expect(asked["state"] == "running" && asked["pid"] == .null && asked["errors"] == [])
        let request: Value = ["type": "ProcDeleteRequest", "proc_id": "a"]
        #expect(try peer.refusal(of: request) == "process running: a")
        // It goes on when somebody comes.
        let writer = open(folder.path("fifo"), O_WRONLY | O_CLOEXEC)
        close(writer)
        _ = try peer.result("running", of: "a")
        _ = try peer.result("terminated", of: "a")
        try peer.nothingMore()
    }

    @Test func aSignalCancelsAProcessWhoseOpenBlocks() throws {
        let scheduler = try Scheduler()
        let (_, peer) = try scheduler.agent()
        let folder = TemporaryDirectory()
        try peer.start("a", try Self.blocked(in: folder))
        #expect(try peer.nothingMore() == ["a"])
        peer.signal("a", 15)
        for _ in 0..<2 {
            let result = try peer.result("error", of: "a")
            #expect(result["errors"]?.texts == ["cancelled before it was started"])
        }
        #expect(try peer.nothingMore() == ["a"])
    }

    /// One that waits for somebody to write to a FIFO.
    static func blocked(in folder: TemporaryDirectory) throws -> String {
        try #require(mkfifo(folder.path("fifo"), 0o600) == 0)
        let path = SpecText.quoted(folder.path("fifo"))
        return SpecText.spec(["/bin/cat"], #""fds": [["stdin", {"file": {"path": \#(path)}}]]"#)
    }
}
