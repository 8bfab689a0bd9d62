import Glibc
import ProcCore
import ProcIO
import TestSupport
import Testing

/// Registrations that come to nothing.
@Suite struct AgentUnregisteredTests {
    /// What a server may say in place of `Registered`.
    static let wrong: [(name: String, bytes: [UInt8])] = [
        ("a request", MessagePackWriter.bytes(of: ["type": "ProcidListRequest"])),
        (
            "a start",
            MessagePackWriter.bytes(of: ["type": "ProcStartRequest", "specs": ["a": ["argv": ["/bin/true"]]]])
        ),
        ("an unknown type", MessagePackWriter.bytes(of: ["type": "Welcome"])),
        ("no message", [0xc1]),
        ("nothing", []),
    ]

    @Test(arguments: wrong)
    func anyFirstMessageButRegisteredEndsTheConnectionAndHasNoEffect(name: String, bytes: [UInt8]) throws {
        let scheduler = try Scheduler()
        _ = try scheduler.startAgent()
        let first = try scheduler.accept()
        try first.hearRegistration()
        first.sendRaw(bytes)
        first.send(["type": "Registered"])
        _ = try first.waitForEnd()
        #expect(!first.hasMessages, "it was answered")
        let second = try scheduler.accept()
        try second.register()
        #expect(try second.nothingMore() == [])
    }

    @Test func aServerThatNeverRegistersIsLeftAfterTenSecondsWhichCountsAsAFailure() async throws {
        let (seconds, status) = try await apart {
            let scheduler = try Scheduler()
            let agent = try scheduler.startAgent(["--connect-count-max", "1"])
            let peer = try scheduler.accept()
            try peer.hearRegistration()
            let start = scheduler.loop.now
            _ = try peer.waitForEnd(within: 40)
            let seconds = scheduler.loop.now.since(start).seconds
            try scheduler.wait("the agent exits") { agent.hasEnded }
            return (seconds, agent.status)
        }
        #expect(seconds > 9 && seconds < 20, "\(seconds)")
        #expect(status == 1 << 8)
    }

    @Test func aServerThatNeverFinishesTheHandshakeIsLeftToo() async throws {
        let status = try await apart {
            let scheduler = try Scheduler()
            let relay = try Relay(to: scheduler)
            relay.isStalled = true
            let agent = try scheduler.startAgent(["--connect-count-max", "1"], port: relay.port)
            try scheduler.wait("the agent gives up", within: 60) { agent.hasEnded }
            return agent.status
        }
        #expect(status == 1 << 8)
    }

    @Test func aServerThatHangsUpWithoutAWordIsTriedAgainAndTheLogSaysThatTheTokenMayBeWrong() throws {
        let scheduler = try Scheduler()
        let agent = try scheduler.startAgent(["--log-level", "warn"])
        for _ in 0..<3 {
            let peer = try scheduler.accept()
            try peer.hearRegistration()
            peer.abort()
        }
        try agent.waitForLog("token may be wrong")
        try scheduler.accept().register()
        // Once for a reason that stays the same, not once for each try.
        #expect(agent.log.split(separator: "token may be wrong").count == 2, "\(agent.log)")
    }

    @Test func aCloseWithACodeIsTriedAgainToo() throws {
        let scheduler = try Scheduler()
        _ = try scheduler.startAgent()
        let peer = try scheduler.accept()
        try peer.hearRegistration()
        peer.close(1008)
        let again = try scheduler.accept()
        try again.register()
        try again.nothingMore()
    }

    @Test func aSecondRegisteredIsUnexpectedAndNothingElseHappens() throws {
        let scheduler = try Scheduler()
        let (_, peer) = try scheduler.agent()
        #expect(try peer.refusal(of: ["type": "Registered"]) == "unexpected")
        #expect(try peer.refusal(of: ["type": "Registered", "features": ["push"]]) == "unexpected")
        // The features stay as they were, too.
        let text = try peer.refusal(of: ["type": "ProcSubscribeRequest", "proc_id": "a"])
        #expect(text == #"unknown message type "ProcSubscribeRequest""#)
        try peer.nothingMore()
    }

    @Test func afterSoManyFailuresInARowTheAgentExitsWithOne() throws {
        let scheduler = try Scheduler()
        scheduler.closePort()
        let agent = try scheduler.startAgent(["--connect-count-max", "3", "--log-level", "warn"])
        try agent.expectExit(1)
        #expect(agent.log.contains("Connection refused"))
    }

    @Test func aRegistrationBeginsTheCountAnew() throws {
        let scheduler = try Scheduler()
        let agent = try scheduler.startAgent(["--connect-count-max", "2"])
        for _ in 0..<3 {
            let failed = try scheduler.accept()
            try failed.hearRegistration()
            failed.abort()
            let peer = try scheduler.accept()
            try peer.register()
            try peer.nothingMore()
            peer.abort()
        }
        #expect(!agent.hasEnded)
        scheduler.closePort()
        try agent.expectExit(1)
    }
}
