import Glibc
import ProcCore
import TestSupport
import Testing

/// What nobody but the scheduler is to see.
@Suite struct AgentSecretsTests {
    static func holds(_ bytes: [UInt8], _ text: String) -> Bool {
        String(decoding: bytes.map { $0 == 0 ? 0x0a : $0 }, as: UTF8.self).contains(text)
    }

    @Test func theTokenIsNotInTheAgentsArgumentsNorItsEnvironment() throws {
        let scheduler = try Scheduler()
        let (agent, peer) = try scheduler.agent()
        let environment = try agent.procFile("environ")
        #expect(Self.holds(environment, "PATH="), "the file is there")
        #expect(!Self.holds(environment, Scheduler.token))
        #expect(!Self.holds(try agent.procFile("cmdline"), Scheduler.token))
        try peer.nothingMore()
    }

    static let inherits: [Value] = [
        true, false, ["PATH", "PROCSTAR_AGENT_TOKEN", "PROCSTAR_AGENT_CERT", "PROCSTAR_AGENT_KEY"],
    ]

    @Test(arguments: inherits)
    func childrenNeverInheritIt(inherit: Value) throws {
        let scheduler = try Scheduler()
        let agent = try scheduler.startAgent(environment: ["PROCSTAR_AGENT_KEY": "/some/key.pem", "OTHER": "seen"])
        let peer = try scheduler.accept()
        try peer.register()
        let specs = try Value.specs([("a", SpecText.spec(["/usr/bin/env"], SpecText.capture()))])
        let spec = try #require(specs["a"]).with("env", ["inherit": inherit])
        peer.send(["type": "ProcStartRequest", "specs": ["a": spec]])
        _ = try peer.result("running", of: "a")
        let text = try #require(try peer.result("terminated", of: "a").captured("stdout"))
        #expect(!text.contains(Scheduler.token) && !text.contains("PROCSTAR_AGENT"), "\(text)")
        #expect(text.contains("OTHER=seen") == (inherit == true))
        withExtendedLifetime(agent) {}
    }

    @Test func aSpecMaySetTheVariables() throws {
        let scheduler = try Scheduler()
        let (_, peer) = try scheduler.agent()
        let spec = SpecText.spec(
            ["/usr/bin/env"], SpecText.capture() + #", "env": {"vars": {"PROCSTAR_AGENT_TOKEN": "another"}}"#)
        let (_, ended) = try peer.run("a", spec)
        #expect(ended.captured("stdout")?.contains("PROCSTAR_AGENT_TOKEN=another\n") == true)
    }

    @Test func logsHoldNeitherTokenNorEnvironmentNorOutputAtAnyLevel() throws {
        let scheduler = try Scheduler()
        let (agent, peer) = try scheduler.agent(["--log-level", "trace"], features: ["push"])
        let fds =
            #""fds": {"stdout": {"capture": {"mode": "memory", "encoding": "utf-8"}}, "#
            + #""stderr": {"capture": {"mode": "tempfile"}}}"#
        let spec = SpecText.shell(
            "printf out; printf put-17; { printf out; printf put-18; } >&2",
            #"\#(fds), "env": {"vars": {"PASSWORD": "password-23"}, "report": true}"#)
        _ = try peer.run("a", spec)
        _ = try peer.askResult(of: "a")
        for fd in ["stdout", "stderr"] { _ = try peer.askOutput("a", fd) }
        peer.send(["type": "ProcSubscribeRequest", "proc_id": "a", "output": ["stdout": [:], "stderr": [:]]])
        _ = try peer.skip(to: "the final result") { $0["final"] == true }
        // What is refused is quoted to the scheduler, and not to the log.
        let wrong: Value = [
            "type": "ProcStartRequest",
            "specs": ["b": ["argv": [], "env": ["vars": ["PASSWORD": "password-24"]]]],
        ]
        _ = try peer.refusal(of: wrong)
        _ = try peer.refusal(of: ["type": "Bogus", "access_token": "token-25"])
        try agent.waitForLog("Bogus")
        let log = agent.log
        #expect(log.contains("ProcStartRequest") && log.contains("ProcFdData") && log.contains("Register"))
        for secret in [Scheduler.token, "password-23", "password-24", "token-25", "output-17", "output-18"] {
            #expect(!log.contains(secret), "\(secret) in \(log)")
        }
        // Not as base64 either.
        #expect(!log.contains("b3V0cHV0LTE"))
    }

    /// Specs with a value of a variable where none is expected.
    static let misplaced = [
        #"{"argv": ["/bin/true"], "env": {"vars": {"PIN": 471100}}}"#,
        #"{"argv": ["/bin/true"], "env": {"vars": {"PIN": ["471100"]}}}"#,
        #"{"argv": ["/bin/true"], "env": {"vars": "PIN=471100"}}"#,
        #"{"argv": ["/bin/true"], "env": "PIN=471100"}"#,
        #"{"argv": ["/bin/true"], "env": ["PIN=471100"]}"#,
    ]

    @Test func aRefusalThatQuotesAValueOfTheEnvironmentIsNotLoggedWithIt() throws {
        let scheduler = try Scheduler()
        let (agent, peer) = try scheduler.agent(["--log-level", "trace"])
        for spec in Self.misplaced {
            _ = try peer.refusal(of: ["type": "ProcStartRequest", "specs": try .specs([("a", spec)])])
        }
        #expect(agent.log.contains("a start request is refused"))
        #expect(!agent.log.contains("471100"), "\(agent.log)")
    }

    @Test func aWrongTokenIsNotLoggedEither() throws {
        let scheduler = try Scheduler()
        let agent = try scheduler.startAgent(
            ["--log-level", "trace"], environment: ["PROCSTAR_AGENT_TOKEN": "wrong-token-29"])
        let peer = try scheduler.accept()
        #expect(try peer.hearRegistration()["access_token"] == "wrong-token-29")
        peer.abort()
        try agent.waitForLog("token may be wrong")
        #expect(!agent.log.contains("wrong-token-29"))
    }

    @Test func aTokenFileThatOthersMayReadIsRefused() throws {
        let scheduler = try Scheduler()
        let folder = TemporaryDirectory()
        let file = folder.write("too open\n", to: "token", mode: 0o644)
        let agent = try scheduler.startAgent(["--token-file", file])
        try agent.expectExit(2)
        #expect(agent.log.contains(file) && agent.log.contains("chmod 600"), "\(agent.log)")
        #expect(!agent.log.contains("too open"))
    }
}
