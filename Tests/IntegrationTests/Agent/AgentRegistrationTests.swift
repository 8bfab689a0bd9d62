import CLinux
import Glibc
import ProcCore
import TestSupport
import Testing

/// How an agent introduces itself.
@Suite struct AgentRegistrationTests {
    @Test func registerHasTheKeysOfTheProtocolAndFeatures() throws {
        let scheduler = try Scheduler()
        _ = try scheduler.startAgent()
        let register = try scheduler.accept().hearRegistration()
        #expect(
            register.keySet == [
                "type", "conn", "proc", "proc_ids", "access_token", "shutdown_state", "features",
            ])
        #expect(register["conn"]?.keySet == ["conn_id", "group_id", "restricted_exe"])
        #expect(
            register["proc"]?.keySet == [
                "pid", "ppid", "uid", "euid", "username", "gid", "egid", "groupname", "hostname",
            ])
    }

    @Test func registerSaysWhoTheAgentIs() throws {
        let scheduler = try Scheduler()
        let agent = try scheduler.startAgent()
        let register = try scheduler.accept().hearRegistration()
        let proc = try #require(register["proc"])
        #expect(proc["pid"]?.number == Int(agent.pid))
        #expect(proc["ppid"]?.number == Int(getpid()))
        #expect(proc["uid"]?.number == Int(getuid()) && proc["euid"]?.number == Int(geteuid()))
        #expect(proc["gid"]?.number == Int(getgid()) && proc["egid"]?.number == Int(getegid()))
        #expect(proc["username"]?.text == getpwuid(getuid()).map { String(cString: $0.pointee.pw_name) })
        #expect(proc["groupname"]?.text == getgrgid(getgid()).map { String(cString: $0.pointee.gr_name) })
        var host = [CChar](repeating: 0, count: 256)
        gethostname(&host, host.count)
        #expect(
            proc["hostname"]?.text
                == String(decoding: host.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }

    @Test func anAgentThatHasJustBegunKnowsNoProcessesAndIsActive() throws {
        let scheduler = try Scheduler()
        _ = try scheduler.startAgent()
        let register = try scheduler.accept().hearRegistration()
        #expect(register["proc_ids"] == [])
        #expect(register["shutdown_state"] == "active")
        #expect(register["conn"]?["restricted_exe"] == .null)
        #expect(register["access_token"]?.text == Scheduler.token)
        #expect(register["features"]?.texts?.contains("push") == true)
    }

    @Test func theConnectionsNameIsARandomUUIDUnlessItIsGiven() throws {
        var names: Set<String> = []
        for _ in 0..<2 {
            let scheduler = try Scheduler()
            _ = try scheduler.startAgent()
            let name = try #require(try scheduler.accept().hearRegistration()[path: "conn", "conn_id"]?.text)
            let parts = name.split(separator: "-", omittingEmptySubsequences: false)
            #expect(parts.map(\.count) == [8, 4, 4, 4, 12] && parts[2].hasPrefix("4"), "\(name)")
            #expect(name.allSatisfy { $0 == "-" || ($0.isHexDigit && !$0.isUppercase) }, "\(name)")
            names.insert(name)
        }
        #expect(names.count == 2)
        let scheduler = try Scheduler()
        _ = try scheduler.startAgent(["--conn-id", "mine"])
        #expect(try scheduler.accept().hearRegistration()[path: "conn", "conn_id"]?.text == "mine")
    }

    static let groups: [(options: [String], environment: [String: String?], group: String)] = [
        (["--group", "one"], [:], "one"),
        (["--group-id", "two"], [:], "two"),
        ([], ["PROCSTAR_GROUP_ID": "three"], "three"),
        (["--group", "four"], ["PROCSTAR_GROUP_ID": "three"], "four"),
        ([], [:], "default"),
    ]

    @Test(arguments: groups)
    func theGroupComesFromTheOptionOrTheEnvironment(
        options: [String], environment: [String: String?], group: String
    ) throws {
        let scheduler = try Scheduler()
        _ = try scheduler.startAgent(options, environment: environment, without: ["--group"])
        #expect(try scheduler.accept().hearRegistration()[path: "conn", "group_id"]?.text == group)
    }

    static let places: [(host: String, hostVariable: String)] = [
        ("127.0.0.1", "PROCSTAR_AGENT_HOST"), ("localhost", "PROCSTAR_AGENT_HOST"),
        ("127.0.0.1", "PROCSTAR_AGENT_HOSTNAME"),
    ]

    @Test(arguments: places)
    func theServerMayStandInTheEnvironment(host: String, hostVariable: String) throws {
        let scheduler = try Scheduler()
        _ = try scheduler.startAgent(
            environment: [hostVariable: host, "PROCSTAR_AGENT_PORT": "\(scheduler.port)"],
            without: ["--agent-host", "--agent-port"])
        #expect(try scheduler.accept().hearRegistration().type == "Register")
    }

    @Test func anExecutableThatAllAreRestrictedToIsNamed() throws {
        let scheduler = try Scheduler()
        let (_, peer) = try scheduler.agent(["--restrict-exe", "/bin/true"])
        #expect(peer.registration[path: "conn", "restricted_exe"] == "/bin/true")
        let (_, ended) = try peer.run("a", SpecText.spec(["/bin/echo"]))
        #expect(ended["errors"]?.texts == ["restricted executable: /bin/echo"])
        #expect(try peer.run("b", SpecText.spec(["/bin/true"])).ended["state"] == "terminated")
    }

    @Test func withoutATokenItIsEmptyAndWarnedAbout() throws {
        let scheduler = try Scheduler()
        let agent = try scheduler.startAgent(["--log-level", "warn"], environment: ["PROCSTAR_AGENT_TOKEN": nil])
        #expect(try scheduler.accept().hearRegistration()["access_token"] == "")
        try agent.waitForLog("token")
    }

    @Test func aTokenMayComeFromAFile() throws {
        let folder = TemporaryDirectory()
        let file = folder.write("from a file\n", to: "token", mode: 0o600)
        for (options, environment) in [
            (["--token-file", file], [:]), ([], ["PROCSTAR_AGENT_TOKEN_FILE": file]),
        ] as [([String], [String: String?])] {
            let scheduler = try Scheduler()
            _ = try scheduler.startAgent(
                options, environment: environment.merging(["PROCSTAR_AGENT_TOKEN": nil]) { a, _ in a })
            #expect(try scheduler.accept().hearRegistration()["access_token"] == "from a file")
        }
    }

    @Test func nothingIsSaidBetweenRegisterAndRegistered() throws {
        let scheduler = try Scheduler()
        _ = try scheduler.startAgent()
        let peer = try scheduler.accept()
        try peer.hearRegistration()
        // The round trip shows that the agent had its turn.
        try peer.expectPong()
        #expect(!peer.hasMessages)
    }

    @Test func whatFollowsRegisteredAtOnceIsServed() throws {
        let scheduler = try Scheduler()
        _ = try scheduler.startAgent()
        let peer = try scheduler.accept()
        try peer.register()
        try peer.start("a", SpecText.spec(["/bin/true"]))
        _ = try peer.result("running", of: "a")
        _ = try peer.result("terminated", of: "a")
    }

    @Test func fieldsThatTheAgentDoesNotKnowAreIgnored() throws {
        let scheduler = try Scheduler()
        _ = try scheduler.startAgent()
        let peer = try scheduler.accept()
        try peer.hearRegistration()
        peer.send(["type": "Registered", "server": ["version": 3], "features": ["sorcery"]])
        peer.send(["type": "ProcidListRequest", "colour": "green"])
        #expect(try peer.next() == ["type": "ProcidList", "proc_ids": []])
    }
}
