import Glibc
import ProcCore
import ProcIO
import TestSupport
import Testing

/// Connections that are lost and taken up again.
@Suite struct AgentReconnectTests {
    static let sleeper = SpecText.spec(["/bin/sleep", "1000"])

    @Test func theAgentRegistersAgainUnderTheSameNameWithExactlyItsProcesses() throws {
        let scheduler = try Scheduler()
        let (_, first) = try scheduler.agent()
        try first.begin("running", Self.sleeper)
        _ = try first.run("ended", SpecText.spec(["/bin/true"]))
        _ = try first.run("failed", SpecText.spec(["/no/such/program"]))
        _ = try first.run("deleted", SpecText.spec(["/bin/true"]))
        try first.delete("deleted")
        // Read before the connection goes, so it is known though nobody was told.
        try first.start("late", Self.sleeper)
        _ = try first.result("running", of: "late")
        first.abort()
        let second = try scheduler.accept()
        try second.register()
        #expect(second.registration["conn"] == first.registration["conn"])
        #expect(second.registration["proc"] == first.registration["proc"])
        #expect(second.registration["shutdown_state"] == "active")
        #expect(second.registration["proc_ids"]?.items?.count == 4)
        #expect(second.registeredIDs == ["running", "ended", "failed", "late"])
    }

    @Test func resultsThatCameUpWithoutAConnectionAreThereWhenAskedForAndNotSentByThemselves() throws {
        let scheduler = try Scheduler()
        let (agent, first) = try scheduler.agent()
        let folder = TemporaryDirectory()
        try #require(mkfifo(folder.path("go"), 0o600) == 0)
        let spec = SpecText.shell("read line <\(folder.path("go")); echo done; exit 7", SpecText.capture())
        let pid = try #require(try first.begin("a", spec)["pid"]?.number)
        scheduler.closePort()
        first.abort()
        let writer = open(folder.path("go"), O_WRONLY | O_CLOEXEC)
        #expect(write(writer, "\n", 1) == 1)
        close(writer)
        try scheduler.wait("the process has been reaped") { LiveProcess.stat(pid_t(pid)) == nil }

        try scheduler.openPort()
        let second = try scheduler.accept()
        try second.register()
        #expect(second.registeredIDs == ["a"])
        #expect(try second.nothingMore() == ["a"])
        let result = try second.askResult(of: "a")
        #expect(result["state"] == "terminated" && result[path: "status", "exit_code"] == 7)
        #expect(result.captured("stdout") == "done\n")
        #expect(!agent.hasEnded)
    }

    @Test func aSchedulerThatComesBackFindsManyProcessesComplete() throws {
        let count = 200
        let scheduler = try Scheduler()
        let (agent, first) = try scheduler.agent(["--log-level", "info"])
        let folder = TemporaryDirectory()
        let go = folder.path("go")
        // Each writes a line, waits, and writes some more.
        let command = "echo begun; while ! [ -e \(go) ]; do sleep 0.1; done; seq 1000; exit $((RANDOM_CODE))"
        try first.start(
            (0..<count).map { index in
                let mode = index % 2 == 0 ? "memory" : "tempfile"
                return (
                    "\(index)",
                    SpecText.shell(
                        command.replacing("RANDOM_CODE", with: "\(index % 100)"), SpecText.capture(mode))
                )
            })
        _ = try first.skip(to: "the last one's start", within: 60) { $0.procID == "\(count - 1)" }
        scheduler.closePort()
        first.abort()
        folder.write("", to: "go")
        try agent.waitForLog("a process has ended", times: count, within: 60)
        try scheduler.openPort()
        let second = try scheduler.accept()
        try second.register()
        #expect(second.registeredIDs == Set((0..<count).map { "\($0)" }))
        let text = "begun\n" + (1...1000).map { "\($0)\n" }.joined()
        for index in 0..<count {
            let result = try second.askResult(of: "\(index)")
            #expect(result[path: "status", "exit_code"]?.number == index % 100 && result.captured("stdout") == text)
        }
        try second.nothingMore()
    }

    @Test func whatEndsAfterTheRegistrationIsSentByItself() throws {
        let scheduler = try Scheduler()
        let (_, first) = try scheduler.agent()
        try first.begin("a", Self.sleeper)
        first.abort()
        let second = try scheduler.accept()
        try second.register()
        second.signal("a", 15)
        #expect(try second.result("terminated", of: "a")[path: "status", "signum"] == 15)
        try second.nothingMore()
    }

    @Test func whatEndsBetweenRegisterAndRegisteredIsToldBehindIt() throws {
        let scheduler = try Scheduler()
        let (_, first) = try scheduler.agent()
        let pid = try #require(try first.begin("a", Self.sleeper)["pid"]?.number)
        first.abort()
        let second = try scheduler.accept()
        try second.hearRegistration()
        #expect(second.registeredIDs == ["a"])
        kill(pid_t(pid), SIGKILL)
        try scheduler.wait("the process has been reaped") { LiveProcess.stat(pid_t(pid)) == nil }
        try second.expectPong()
        #expect(!second.hasMessages)
        second.send(["type": "Registered"])
        #expect(try second.result("terminated", of: "a")[path: "status", "signal"] == "SIGKILL")
        try second.nothingMore()
    }

    @Test func aStartThatWasReadIsNotForgottenWhenTheConnectionGoes() throws {
        let scheduler = try Scheduler()
        let (_, first) = try scheduler.agent()
        let folder = TemporaryDirectory()
        // It is known from the moment when it is read, also while its open blocks.
        try first.start("a", try AgentStartTests.blocked(in: folder))
        try first.nothingMore()
        first.abort()
        let second = try scheduler.accept()
        try second.register()
        #expect(second.registeredIDs == ["a"])
        #expect(
            try second.refusal(of: ["type": "ProcStartRequest", "specs": ["a": ["argv": ["/bin/true"]]]])
                == "duplicate proc id: a")
    }

    @Test func aSilentServerIsLeftAfterTheReadTimeoutAndDialledAgain() throws {
        let scheduler = try Scheduler()
        let (agent, first) = try scheduler.agent(["--agent-read-timeout", "1"])
        try first.begin("a", Self.sleeper)
        // Its machine takes what comes, but nobody reads or answers it.
        first.readsInput = false
        let second = try scheduler.accept()
        try second.register()
        #expect(second.registeredIDs == ["a"])
        #expect(second.registration["conn"] == first.registration["conn"])
        try agent.waitForLog("nothing received for 1 s")
    }

    @Test func aServerThatAnswersPingsIsNotSilent() throws {
        let scheduler = try Scheduler()
        let (_, peer) = try scheduler.agent(["--agent-read-timeout", "1"])
        // Pongs come by themselves while the loop turns, and nothing else does.
        scheduler.turn(for: .seconds(3))
        #expect(peer.end == nil && !scheduler.hasArrivals)
        try peer.nothingMore()
    }

    @Test func aPingIsAnsweredWithItsPayload() throws {
        let scheduler = try Scheduler()
        let (_, peer) = try scheduler.agent()
        let payloads: [[UInt8]] = [[], [0, 1, 2, 255], Array(repeating: 9, count: 125)]
        for payload in payloads {
            let before = peer.pongs.count
            peer.ping(payload)
            try scheduler.wait("a pong") { peer.pongs.count > before }
            #expect(peer.pongs.last == payload)
        }
    }

    @Test func theAgentPingsTwentySecondsAfterItHeardTheLastOfItsServer() async throws {
        let (seconds, bytes) = try await apart {
            let scheduler = try Scheduler()
            let relay = try Relay(to: scheduler)
            _ = try scheduler.startAgent(port: relay.port)
            let peer = try scheduler.accept()
            try peer.register()
            try peer.nothingMore()
            let (start, before) = (scheduler.loop.now, relay.passed[.up] ?? 0)
            try scheduler.wait("a ping", within: 60) { relay.passed[.up] ?? 0 > before }
            return (scheduler.loop.now.since(start).seconds, (relay.passed[.up] ?? 0) - before)
        }
        #expect(seconds > 18 && seconds < 30, "\(seconds)")
        // A frame of some bytes in a record of TLS.
        #expect(bytes < 100, "\(bytes)")
    }

    @Test func aServerThatComesTwiceIsRegisteredWithOnce() throws {
        let scheduler = try Scheduler()
        let (_, first) = try scheduler.agent()
        try first.begin("a", Self.sleeper)
        // The port goes and comes while the connection stays: nothing happens.
        scheduler.closePort()
        try scheduler.openPort()
        #expect(try first.nothingMore() == ["a"])
        #expect(!scheduler.hasArrivals)
        // A close in order is a lost connection like any other.
        first.close(1001)
        let second = try scheduler.accept()
        try second.register()
        #expect(second.registeredIDs == ["a"])
        #expect(!scheduler.hasArrivals)
    }

    @Test func atSIGHUPTheTokenIsReadAgainAndTheConnectionStays() throws {
        let scheduler = try Scheduler()
        let folder = TemporaryDirectory()
        let file = folder.write(Scheduler.token, to: "token", mode: 0o600)
        let agent = try scheduler.startAgent(["--token-file", file])
        let first = try scheduler.accept()
        try first.register()
        try first.nothingMore()
        folder.write("another", to: "token", mode: 0o600)
        agent.signal(SIGHUP)
        try agent.waitForLog("again")
        try first.nothingMore()
        #expect(!scheduler.hasArrivals)
        first.abort()
        #expect(try scheduler.accept().hearRegistration()["access_token"] == "another")
    }

    @Test func waitsBetweenTriesGrowAndHaveAnEnd() throws {
        let scheduler = try Scheduler()
        _ = try scheduler.startAgent([
            "--connect-interval-start", "0.1", "--connect-interval-mult", "3", "--connect-interval-max", "0.5",
        ])
        var instants: [Instant] = []
        for _ in 0..<5 {
            let peer = try scheduler.accept()
            try peer.hearRegistration()
            instants.append(scheduler.loop.now)
            peer.abort()
        }
        let waits = zip(instants.dropFirst(), instants).map { $0.since($1).seconds }
        // Chance takes up to half of each; a busy machine adds to it.
        for (wait, least) in zip(waits, [0.05, 0.15, 0.25, 0.25]) { #expect(wait >= least, "\(waits)") }
    }
}
