import Glibc
import ProcCore
import ProcIO
import TestSupport
import Testing

/// The end of agents that nobody listens to, or that end by themselves.
@Suite struct AgentLonelyShutdownTests {
    static let sleeper = SpecText.spec(["/bin/sleep", "1000"])
    /// Far longer than any test waits.
    static let patient = ["--connect-interval-start", "600", "--connect-interval-max", "600"]

    /// An agent that has lost its scheduler and waits for its next try, maybe with a process.
    static func lonely(
        _ scheduler: Scheduler, with spec: String? = nil, _ options: [String] = patient
    ) throws -> (agent: AgentProcess, process: pid_t?) {
        let (agent, peer) = try scheduler.agent(options)
        let pid = try spec.flatMap { try peer.begin("a", $0)["pid"]?.number }
        // So that it knows that it is registered.
        try peer.nothingMore()
        scheduler.closePort()
        peer.abort()
        try agent.waitForLog("lost")
        return (agent, pid.map { pid_t($0) })
    }

    @Test(arguments: [SIGTERM, SIGINT, SIGQUIT, SIGUSR1])
    func withoutAConnectionAndProcessesItEndsAtOnce(signum: CInt) throws {
        let scheduler = try Scheduler()
        let (agent, _) = try Self.lonely(scheduler)
        agent.signal(signum)
        try agent.expectExit(0)
    }

    @Test(arguments: [SIGTERM, SIGQUIT])
    func withoutAConnectionProcessesAreEndedAndNobodyIsWaitedFor(signum: CInt) throws {
        let scheduler = try Scheduler()
        let (agent, process) = try Self.lonely(scheduler, with: Self.sleeper)
        agent.signal(signum)
        try agent.expectExit(0)
        #expect(LiveProcess.stat(try #require(process)) == nil)
    }

    @Test func theLastTryBeforeTheEndReachesASchedulerThatIsBack() throws {
        let scheduler = try Scheduler()
        let (agent, _) = try Self.lonely(scheduler, with: Self.sleeper)
        try scheduler.openPort()
        agent.signal(SIGTERM)
        let peer = try scheduler.accept()
        try peer.register()
        #expect(peer.registeredIDs == ["a"] && peer.registration["shutdown_state"] == "idling")
        #expect(try peer.askResult(of: "a")["state"] == "terminated")
        try peer.delete("a")
        try AgentShutdownTests.expectGoodbye(agent, peer)
    }

    @Test func aDrainWithoutAConnectionWaitsUntilItsProcessesAreFetched() throws {
        let scheduler = try Scheduler()
        let (agent, process) = try Self.lonely(scheduler, with: SpecText.spec(["/bin/sleep", "1000"]), [])
        agent.signal(SIGUSR1)
        kill(try #require(process), SIGKILL)
        try scheduler.openPort()
        let peer = try scheduler.accept()
        try peer.register()
        #expect(peer.registeredIDs == ["a"] && peer.registration["shutdown_state"] == "idling")
        try scheduler.wait("it has ended") { try peer.askResult(of: "a")["state"] == "terminated" }
        try peer.delete("a")
        try AgentShutdownTests.expectGoodbye(agent, peer)
    }

    @Test(arguments: [SIGTERM, SIGQUIT, SIGUSR1])
    func anAgentThatNeverReachedAnybodyEndsToo(signum: CInt) throws {
        let scheduler = try Scheduler()
        scheduler.closePort()
        let agent = try scheduler.startAgent(Self.patient)
        try agent.waitForLog("Connection refused")
        agent.signal(signum)
        try agent.expectExit(0)
    }

    @Test(arguments: [SIGTERM, SIGUSR1])
    func anAgentThatIsNotAnsweredEndsToo(signum: CInt) throws {
        let scheduler = try Scheduler()
        let agent = try scheduler.startAgent()
        // Its Register lies there.
        let peer = try scheduler.accept()
        try peer.hearRegistration()
        agent.signal(signum)
        try agent.expectExit(0)
    }

    @Test func aSchedulerThatGoesWhileItIsWaitedForIsNotWaitedForAnyMore() throws {
        let scheduler = try Scheduler()
        let (agent, peer) = try scheduler.agent(Self.patient)
        try peer.begin("a", Self.sleeper)
        agent.signal(SIGTERM)
        _ = try peer.skip(to: "the result") { $0.type == "ProcResult" }
        let start = scheduler.loop.now
        scheduler.closePort()
        peer.abort()
        try agent.expectExit(0)
        #expect(scheduler.loop.now.since(start) < .seconds(4))
    }

    @Test func aNetworkThatStallsDoesNotKeepTheAgentFromEnding() async throws {
        let status = try await apart {
            let scheduler = try Scheduler()
            let relay = try Relay(to: scheduler)
            let agent = try scheduler.startAgent(port: relay.port)
            let peer = try scheduler.accept()
            try peer.register()
            try peer.begin("a", SpecText.shell("echo x; exec sleep 1000", SpecText.capture()))
            relay.isStalled = true
            agent.signal(SIGTERM)
            // 5 s for the processes to be deleted, 5 s for the close to be answered.
            try scheduler.wait("the agent exits", within: 40) { agent.hasEnded }
            return agent.status
        }
        #expect(status == 0)
    }

    // MARK: Its own end

    @Test func theLastFailedAttemptEndsTheProcessesAndTheAgentWithStatusOne() throws {
        let scheduler = try Scheduler()
        let (agent, process) = try Self.lonely(scheduler, with: Self.sleeper, ["--connect-count-max", "2"])
        try agent.expectExit(1)
        #expect(LiveProcess.stat(try #require(process)) == nil)
    }

    @Test func withWaitItExitsWhenEveryProcessHasBeenDeleted() throws {
        let scheduler = try Scheduler()
        let (agent, peer) = try scheduler.agent(["--wait"])
        #expect(try peer.nothingMore() == [], "it waits for work first")
        _ = try peer.run("a", SpecText.spec(["/bin/true"]))
        try peer.begin("b", Self.sleeper)
        try peer.delete("a")
        #expect(try peer.nothingMore() == ["b"])
        peer.signal("b", 15)
        _ = try peer.result("terminated", of: "b")
        #expect(try peer.nothingMore() == ["b"])
        try peer.delete("b")
        let last = try peer.skip(to: "done") { $0["shutdown_state"] == "done" }
        #expect(last.type == "ShutDown")
        try peer.expectClose(1000)
        try agent.expectExit(0)
    }

    @Test func withWaitAndATimeoutItExitsWhenNoWorkComes() throws {
        let scheduler = try Scheduler()
        let (agent, peer) = try scheduler.agent(["--wait", "--wait-timeout", "0.5"])
        _ = try peer.skip(to: "done") { $0["shutdown_state"] == "done" }
        try peer.expectClose(1000)
        try agent.expectExit(0)
    }

    @Test func workThatIsNotStartedYetIsWorkToo() throws {
        let scheduler = try Scheduler()
        let (agent, peer) = try scheduler.agent(["--wait", "--wait-timeout", "0.5"])
        let folder = TemporaryDirectory()
        try peer.start("a", try AgentStartTests.blocked(in: folder))
        scheduler.turn(for: .seconds(1))
        #expect(try peer.nothingMore() == ["a"])
        let writer = open(folder.path("fifo"), O_WRONLY | O_CLOEXEC)
        close(writer)
        for state in ["running", "terminated"] { _ = try peer.result(state, of: "a") }
        try peer.delete("a")
        _ = try peer.skip(to: "done") { $0["shutdown_state"] == "done" }
        try agent.expectExit(0)
    }

    @Test func workThatCameInTimeIsNotCutShortByTheTimeout() throws {
        let scheduler = try Scheduler()
        let (agent, peer) = try scheduler.agent(["--wait", "--wait-timeout", "1"])
        let (_, ended) = try peer.run("a", SpecText.shell("sleep 1.5; echo done", SpecText.capture()))
        #expect(ended.captured("stdout") == "done\n")
        try peer.delete("a")
        _ = try peer.skip(to: "done") { $0["shutdown_state"] == "done" }
        try agent.expectExit(0)
    }
}
