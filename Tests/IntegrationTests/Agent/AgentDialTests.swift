import Glibc
import ProcCore
import ProcIO
import TestSupport
import Testing

/// Attempts that end before there is a WebSocket: what the log says of them, and that there is another.
@Suite struct AgentDialTests {
    @Test(arguments: ["127.0.0.1", "localhost"])
    func aCertificateThatNobodyVouchesForIsSaidToBe(host: String) throws {
        let scheduler = try Scheduler()
        let problem = "self-signed, not trusted"
        let agent = try scheduler.startAgent(
            ["--agent-host", host, "--connect-count-max", "2", "--log-level", "warn"],
            environment: ["PROCSTAR_AGENT_CERT": nil])
        try agent.expectExit(1)
        #expect(agent.log.contains(problem), "\(agent.log)")
        // Once, since it stays the same.
        #expect(agent.log.split(separator: problem).count == 2, "\(agent.log)")
        #expect(!scheduler.hasArrivals)
    }

    static let certificates: [(wish: TestCertificate.Wish, problem: String)] = [
        (.init(names: ["DNS:other.example"]), #"certificate is for "other.example", not "127.0.0.1""#),
        (.init(names: ["IP:127.0.0.1"], validity: .past), "certificate expired on 2021-02-03 04:05:06 UTC"),
        (.init(names: ["IP:127.0.0.1"], validity: .future), "certificate not yet valid until 2090-01-02 03:04:05 UTC"),
    ]

    @Test(arguments: certificates)
    func aCertificateThatIsWrongIsSaidToBe(wish: TestCertificate.Wish, problem: String) throws {
        let scheduler = try Scheduler(certificate: try .selfSigned(wish))
        let agent = try scheduler.startAgent(["--connect-count-max", "1", "--log-level", "warn"])
        try agent.expectExit(1)
        #expect(agent.log.contains(problem), "\(agent.log)")
    }

    @Test func aServerThatRefusesTheUpgradeIsNamedWithItsStatus() throws {
        let scheduler = try Scheduler(judge: { _ in
            .refuse(Refusal(status: 503, reason: "Service Unavailable", text: "come back later\n"))
        })
        let agent = try scheduler.startAgent(["--connect-count-max", "2", "--log-level", "warn"])
        try agent.expectExit(1)
        #expect(agent.log.contains("503"), "\(agent.log)")
    }

    @Test func cutsAnywhereInTheHandshakesAreTriedAgain() throws {
        let scheduler = try Scheduler()
        let relay = try Relay(to: scheduler)
        _ = try scheduler.startAgent(port: relay.port)
        // What it takes to get there, without what follows.
        let first = try scheduler.accept()
        let whole = relay.passed
        let parts = Relay.Way.allCases.flatMap { way in
            (0..<6).map { (way, max((whole[way] ?? 0) * $0 / 6, 1)) }
        }
        relay.allowance = [parts[0].0: parts[0].1]
        first.abort()
        for (index, (way, _)) in parts.enumerated() {
            try scheduler.wait("a connection is cut") { relay.allowance[way] == 0 }
            relay.allowance = index + 1 < parts.count ? [parts[index + 1].0: parts[index + 1].1] : [:]
            relay.cut()
        }
        let peer = try scheduler.acceptLiving()
        try peer.register()
        #expect(try peer.nothingMore() == [])
    }

    @Test(arguments: [SIGTERM, SIGUSR1, SIGQUIT])
    func anAttemptThatIsUnderWayDoesNotKeepTheAgentFromEnding(signum: CInt) throws {
        let scheduler = try Scheduler()
        let relay = try Relay(to: scheduler)
        relay.isStalled = true
        let agent = try scheduler.startAgent(port: relay.port)
        try scheduler.wait("it dials") { relay.connections > 0 }
        let start = scheduler.loop.now
        agent.signal(signum)
        try agent.expectExit(0)
        #expect(scheduler.loop.now.since(start) < .seconds(5))
    }

    @Test func aServerThatSpeaksNoTLSIsNamed() throws {
        let scheduler = try Scheduler(isSecure: false)
        let agent = try scheduler.startAgent(["--connect-count-max", "1"])
        try agent.expectExit(1)
        #expect(agent.log.contains("peer doesn't speak TLS"), "\(agent.log)")
    }
}
