import Glibc
import ProcCore
import ProcIO
import TestSupport
import Testing

/// What signals to an agent do, by the table of the protocol, while its scheduler listens.
@Suite struct AgentShutdownTests {
    static let sleeper = SpecText.spec(["/bin/sleep", "1000"])

    static func expect(_ state: String, from peer: Peer, at place: SourceLocation = #_sourceLocation) throws {
        #expect(
            try peer.next(at: place) == ["type": "ShutDown", "shutdown_state": .string(state)], sourceLocation: place)
    }

    /// The last of all: `done`, a close in order, status 0.
    static func expectGoodbye(
        _ agent: AgentProcess, _ peer: Peer, at place: SourceLocation = #_sourceLocation
    ) throws {
        try expect("done", from: peer, at: place)
        try peer.expectClose(1000, at: place)
        #expect(!peer.hasMessages, sourceLocation: place)
        try agent.expectExit(0, at: place)
    }

    // MARK: SIGTERM, SIGINT

    @Test(arguments: [SIGTERM, SIGINT])
    func everyProcessGetsSIGTERMAndTheSchedulerGetsItsResultsBeforeTheEnd(signum: CInt) throws {
        let scheduler = try Scheduler()
        let (agent, peer) = try scheduler.agent()
        for id in ["a", "b"] { try peer.begin(id, Self.sleeper) }
        _ = try peer.run("ended", SpecText.spec(["/bin/true"]))
        agent.signal(signum)
        try Self.expect("idling", from: peer)
        var ids: Set<String> = []
        for _ in 0..<2 {
            let message = try peer.next("ProcResult")
            #expect(message[path: "res", "status", "signal"] == "SIGTERM")
            #expect(message[path: "res", "cause", "sender"] == "shutdown")
            ids.insert(try #require(message.procID))
        }
        #expect(ids == ["a", "b"])
        // It goes on serving until everything is deleted.
        #expect(try peer.askResult(of: "ended")["state"] == "terminated")
        for id in ["a", "b", "ended"] { try peer.delete(id) }
        try Self.expectGoodbye(agent, peer)
    }

    @Test func whoeverIgnoresSIGTERMIsKilledByTheSecond() throws {
        let scheduler = try Scheduler()
        let (agent, peer) = try scheduler.agent()
        let command = "trap 'echo ignored' TERM; echo ready; while :; do sleep 1000 & wait; done"
        try peer.begin("a", SpecText.shell(command, SpecText.capture()))
        _ = try peer.output("a", count: 6)
        agent.signal(SIGTERM)
        try Self.expect("idling", from: peer)
        _ = try peer.output("a", count: 14)
        agent.signal(SIGTERM)
        let result = try peer.result("terminated", of: "a")
        #expect(result[path: "status", "signal"] == "SIGKILL" && result.captured("stdout") == "ready\nignored\n")
        try peer.delete("a")
        try Self.expectGoodbye(agent, peer)
    }

    @Test(arguments: [SIGTERM, SIGUSR1, SIGQUIT])
    func withoutProcessesItEndsAtOnce(signum: CInt) throws {
        let scheduler = try Scheduler()
        let (agent, peer) = try scheduler.agent()
        let start = scheduler.loop.now
        agent.signal(signum)
        try Self.expect("idling", from: peer)
        try Self.expectGoodbye(agent, peer)
        #expect(scheduler.loop.now.since(start) < .seconds(4))
    }

    @Test(arguments: [SIGTERM, SIGUSR1])
    func nothingIsStartedAnyMore(signum: CInt) throws {
        let scheduler = try Scheduler()
        let (agent, peer) = try scheduler.agent()
        try peer.begin(
            "a", SpecText.shell("trap '' TERM; echo ready; while :; do sleep 1000; done", SpecText.capture()))
        _ = try peer.output("a", count: 6)
        agent.signal(signum)
        try Self.expect("idling", from: peer)
        let request: Value = ["type": "ProcStartRequest", "specs": ["b": ["argv": ["/bin/true"]]]]
        #expect(try peer.refusal(of: request) == "agent shutting down: idling")
        // Also what would be refused otherwise.
        let wrong: Value = ["type": "ProcStartRequest", "specs": ["b": ["argv": []]]]
        _ = try peer.refusal(of: wrong)
        #expect(try peer.nothingMore() == ["a"])
        agent.signal(SIGQUIT)
        _ = try peer.result("terminated", of: "a")
        try peer.delete("a")
        try Self.expectGoodbye(agent, peer)
    }

    // MARK: SIGQUIT

    @Test func SIGQUITKillsAtOnceAndResultsAreServed() throws {
        let scheduler = try Scheduler()
        let (agent, peer) = try scheduler.agent()
        let spec = SpecText.shell(
            "trap 'echo asked' TERM; echo ready; while :; do sleep 1000; done", SpecText.capture())
        try peer.begin("a", spec)
        _ = try peer.output("a", count: 6)
        agent.signal(SIGQUIT)
        let message = try peer.skip(to: "the result") { $0.type == "ProcResult" }
        #expect(message[path: "res", "status", "signal"] == "SIGKILL")
        #expect(message["res"]?.captured("stdout") == "ready\n")
        #expect(try peer.askOutput("a")["data"]?.bytes == Array("ready\n".utf8))
        let request: Value = ["type": "ProcStartRequest", "specs": ["b": ["argv": ["/bin/true"]]]]
        #expect(try peer.refusal(of: request).hasPrefix("agent shutting down: "))
        try peer.delete("a")
        try Self.expectGoodbye(agent, peer)
    }

    @Test func whatIsNotDeletedIsGivenUpAfterFiveSeconds() async throws {
        let (seconds, last, status) = try await apart {
            let scheduler = try Scheduler()
            let (agent, peer) = try scheduler.agent()
            try peer.begin("a", Self.sleeper)
            agent.signal(SIGQUIT)
            _ = try peer.skip(to: "the result") { $0.type == "ProcResult" }
            let start = scheduler.loop.now
            try scheduler.wait("done", within: 40) { peer.hasMessages }
            let seconds = scheduler.loop.now.since(start).seconds
            let last = try peer.next()
            try scheduler.wait("the agent exits") { agent.hasEnded }
            return (seconds, last, agent.status)
        }
        #expect(seconds > 4 && seconds < 15, "\(seconds)")
        #expect(last == ["type": "ShutDown", "shutdown_state": "done"])
        #expect(status == 0)
    }

    @Test func whatCameBeforeTheSignalIsAnsweredBeforeTheEnd() throws {
        let scheduler = try Scheduler()
        let (agent, peer) = try scheduler.agent()
        for _ in 0..<200 { peer.send(["type": "ProcidListRequest"]) }
        // All of them have been received when the first is answered, or will be.
        _ = try peer.next("ProcidList")
        agent.signal(SIGTERM)
        var answers = 1
        _ = try peer.skip(to: "done") { message in
            if message.type == "ProcidList" { answers += 1 }
            return message["shutdown_state"] == "done"
        }
        #expect(answers == 200)
        try peer.expectClose(1000)
        try agent.expectExit(0)
    }

    // MARK: SIGUSR1

    @Test func aDrainEndsByItselfWhenTheLastProcessHasBeenDeleted() throws {
        let scheduler = try Scheduler()
        let (agent, peer) = try scheduler.agent()
        try peer.begin("runs", Self.sleeper)
        _ = try peer.run("ended", SpecText.spec(["/bin/true"]))
        agent.signal(SIGUSR1)
        try Self.expect("idling", from: peer)
        // A second one changes nothing.
        agent.signal(SIGUSR1)
        #expect(try peer.nothingMore() == ["runs", "ended"])
        #expect(try peer.askResult(of: "runs")["state"] == "running")
        try peer.delete("ended")
        peer.signal("runs", 15)
        _ = try peer.result("terminated", of: "runs")
        #expect(try peer.nothingMore() == ["runs"])
        try peer.delete("runs")
        try Self.expectGoodbye(agent, peer)
    }

    @Test func whoComesBackToADrainingAgentIsToldSo() throws {
        let scheduler = try Scheduler()
        let (agent, first) = try scheduler.agent()
        try first.begin("a", Self.sleeper)
        agent.signal(SIGUSR1)
        try Self.expect("idling", from: first)
        first.abort()
        let second = try scheduler.accept()
        try second.register()
        #expect(second.registration["shutdown_state"] == "idling")
        let request: Value = ["type": "ProcStartRequest", "specs": ["b": ["argv": ["/bin/true"]]]]
        #expect(try second.refusal(of: request) == "agent shutting down: idling")
        second.signal("a", 9)
        _ = try second.result("terminated", of: "a")
        try second.delete("a")
        try Self.expectGoodbye(agent, second)
    }

    @Test func aDrainThatBeginsWithinARegistrationIsToldBehindIt() throws {
        let scheduler = try Scheduler()
        let (agent, first) = try scheduler.agent()
        try first.begin("a", Self.sleeper)
        first.abort()
        let second = try scheduler.accept()
        #expect(try second.hearRegistration()["shutdown_state"] == "active")
        agent.signal(SIGUSR1)
        try agent.waitForLog("nothing is started any more")
        second.send(["type": "Registered"])
        try Self.expect("idling", from: second)
        #expect(try second.nothingMore() == ["a"])
    }

    @Test func SIGTERMEndsADrain() throws {
        let scheduler = try Scheduler()
        let (agent, peer) = try scheduler.agent()
        try peer.begin("a", Self.sleeper)
        agent.signal(SIGUSR1)
        try Self.expect("idling", from: peer)
        agent.signal(SIGTERM)
        let message = try peer.skip(to: "the result") { $0.type == "ProcResult" }
        #expect(message[path: "res", "status", "signal"] == "SIGTERM")
        try peer.delete("a")
        try Self.expectGoodbye(agent, peer)
    }
}
