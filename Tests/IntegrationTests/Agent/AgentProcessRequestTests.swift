import Glibc
import ProcCore
import TestSupport
import Testing

/// Requests about one process: its result, signals to it, and its deletion.
@Suite struct AgentProcessRequestTests {
    static let sleeper = SpecText.spec(["/bin/sleep", "1000"])

    @Test func everyRequestAboutAnUnknownProcessSaysSo() throws {
        let scheduler = try Scheduler()
        let (_, peer) = try scheduler.agent()
        try peer.expectUnknown(["type": "ProcResultRequest", "proc_id": "nope"])
        try peer.expectUnknown(["type": "ProcSignalRequest", "proc_id": "nope", "signum": 15])
        try peer.expectUnknown(["type": "ProcSignalRequest", "proc_id": "nope", "signum": 0])
        try peer.expectUnknown(Peer.outputRequest("nope", "stdout"))
        try peer.expectUnknown(["type": "ProcDeleteRequest", "proc_id": "nope"])
    }

    @Test func aResultIsAnsweredWhileItRunsAndAfterwards() throws {
        let scheduler = try Scheduler()
        let (_, peer) = try scheduler.agent()
        let pid = try #require(try peer.begin("a", Self.sleeper)["pid"]?.number)
        let running = try peer.askResult(of: "a")
        #expect(running["state"] == "running" && running["status"] == .null && running["rusage"] == .null)
        #expect(running[path: "proc_stat", "pid"]?.number == pid && running[path: "proc_stat", "comm"] == "sleep")
        #expect(running[path: "proc_statm", "size"]?.number ?? 0 > 0)
        peer.signal("a", 9)
        let ended = try peer.result("terminated", of: "a")
        let again = try peer.askResult(of: "a")
        #expect(again.with("times", .null) == ended.with("times", .null))
        #expect(again[path: "times", "stop"] == ended[path: "times", "stop"])
        #expect(again[path: "times", "elapsed"] == ended[path: "times", "elapsed"])
        #expect(again["proc_statm"] == .null && again[path: "proc_stat", "state"] == "Z")
    }

    @Test func theListHasEveryProcessWhateverItsState() throws {
        let scheduler = try Scheduler()
        let (_, peer) = try scheduler.agent()
        try peer.begin("running", Self.sleeper)
        _ = try peer.run("ended", SpecText.spec(["/bin/true"]))
        _ = try peer.run("failed", SpecText.spec(["/no/such/program"]))
        peer.send(["type": "ProcidListRequest"])
        let list = try peer.next("ProcidList")
        #expect(list.keySet == ["type", "proc_ids"])
        #expect(list["proc_ids"]?.items?.count == 3)
        #expect(Set(list["proc_ids"]?.texts ?? []) == ["running", "ended", "failed"])
    }

    // MARK: Signals

    @Test(arguments: [(15, "SIGTERM"), (9, "SIGKILL"), (10, "SIGUSR1"), (64, "SIGRTMIN+30")])
    func aSignalIsDeliveredAndHasNoAnswerOfItsOwn(signum: Int, name: String) throws {
        let scheduler = try Scheduler()
        let (_, peer) = try scheduler.agent()
        try peer.begin("a", Self.sleeper)
        peer.signal("a", .int(Int64(signum)))
        let ended = try peer.result("terminated", of: "a")
        #expect(ended[path: "status", "signum"]?.number == signum && ended[path: "status", "signal"]?.text == name)
        #expect(ended[path: "status", "exit_code"] == .null)
        try peer.nothingMore()
    }

    @Test func aSignalThatTheProcessCatchesLetsItGoOn() throws {
        let scheduler = try Scheduler()
        let (_, peer) = try scheduler.agent()
        let command = "trap 'echo caught' USR1; echo ready; while :; do sleep 1000 & wait; done"
        try peer.begin("a", SpecText.shell(command, SpecText.capture()))
        _ = try peer.output("a", count: 6)
        peer.signal("a", 10)
        #expect(try peer.output("a", count: 13) == Array("ready\ncaught\n".utf8))
        #expect(try peer.askResult(of: "a")["state"] == "running")
    }

    @Test func aSignalToAProcessThatHasEndedIsRefusedInTheWordsThatClientsMatch() throws {
        let scheduler = try Scheduler()
        let (_, peer) = try scheduler.agent()
        _ = try peer.run("ended", SpecText.spec(["/bin/true"]))
        _ = try peer.run("failed", SpecText.spec(["/no/such/program"]))
        for id in ["ended", "failed"] as [Value] {
            for signum in [0, 9, 15] as [Value] {
                let request: Value = ["type": "ProcSignalRequest", "proc_id": id, "signum": signum]
                #expect(try peer.refusal(of: request) == "no process")
            }
        }
    }

    @Test func signalZeroReachesNobodyAndIsNotAnswered() throws {
        let scheduler = try Scheduler()
        let (_, peer) = try scheduler.agent()
        try peer.begin("a", Self.sleeper)
        peer.signal("a", 0)
        #expect(try peer.nothingMore() == ["a"])
        #expect(try peer.askResult(of: "a")["state"] == "running")
    }

    static let wrongNumbers: [Value] = [
        65, -1, 15.0, "15", "SIGTERM", .null, true, [15], .uint(.max), .int(1 << 32 + 15), .binary([15]),
    ]

    @Test(arguments: wrongNumbers)
    func whatIsNoNumberOfASignalIsRefusedAndNothingIsSent(signum: Value) throws {
        let scheduler = try Scheduler()
        let (_, peer) = try scheduler.agent()
        try peer.begin("a", Self.sleeper)
        let request: Value = ["type": "ProcSignalRequest", "proc_id": "a", "signum": signum]
        let text = try peer.refusal(of: request)
        #expect(text.hasPrefix("signum: ") && text.hasSuffix("is not the number of a signal, from 0 to 64"))
        #expect(try peer.refusal(of: request.without("signum")) == #""signum" is missing"#)
        #expect(try peer.askResult(of: "a")["state"] == "running")
    }

    @Test func aSignalReachesItsOwnProcessOnly() throws {
        let scheduler = try Scheduler()
        let (_, peer) = try scheduler.agent()
        for id in ["a", "b", "c"] { try peer.begin(id, Self.sleeper) }
        peer.signal("b", 15)
        _ = try peer.result("terminated", of: "b")
        for id in ["a", "c"] { #expect(try peer.askResult(of: id)["state"] == "running") }
    }

    // MARK: Deletion

    @Test func aProcessThatRunsIsNotDeleted() throws {
        let scheduler = try Scheduler()
        let (_, peer) = try scheduler.agent()
        let pid = try #require(try peer.begin("a", Self.sleeper)["pid"]?.number)
        let request: Value = ["type": "ProcDeleteRequest", "proc_id": "a"]
        #expect(try peer.refusal(of: request) == "process running: a")
        #expect(try peer.nothingMore() == ["a"] && LiveProcess.isAlive(pid_t(pid)))
    }

    @Test func aProcessThatIsDeletedIsUnknownFromThenOn() throws {
        let scheduler = try Scheduler()
        let (_, peer) = try scheduler.agent()
        _ = try peer.run("a", SpecText.spec(["/bin/echo", "text"], SpecText.capture()))
        _ = try peer.run("failed", SpecText.spec(["/no/such/program"]))
        for id in ["a", "failed"] as [Value] {
            let request: Value = ["type": "ProcDeleteRequest", "proc_id": id]
            peer.send(request)
            #expect(try peer.next() == ["type": "ProcDelete", "proc_id": id])
            try peer.expectUnknown(request)
            try peer.expectUnknown(["type": "ProcResultRequest", "proc_id": id])
        }
        try peer.expectUnknown(Peer.outputRequest("a", "stdout"))
        #expect(try peer.nothingMore() == [])
    }
}
