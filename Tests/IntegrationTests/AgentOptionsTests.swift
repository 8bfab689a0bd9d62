import ProcCore
import ProcIO
import Testing

@testable import procstar

@Suite struct AgentOptionsTests {
    static let anyHost = ["PROCSTAR_AGENT_HOST": "h"]

    static func agent(_ line: String, environment: [String: String] = anyHost) throws -> AgentOptions {
        guard case .agent(let options) = try OptionsTests.parse(line, environment: environment) else {
            throw UsageError("not an agent: \(line)")
        }
        return options
    }

    static func complaint(_ line: String, environment: [String: String] = anyHost) -> String {
        do { return "no error but \(try OptionsTests.parse(line, environment: environment))" } catch {
            return "\(error)"
        }
    }

    @Test func theDefaultsAreThoseThatClientsKnow() throws {
        let options = try Self.agent("--agent --agent-host scheduler.example", environment: [:])
        #expect(options == AgentOptions(host: "scheduler.example"))
        #expect(options.port == 59789 && options.groupID == "default" && options.connID == nil)
        #expect(options.reconnect.backoff.start == .seconds(1) && options.reconnect.backoff.max == .seconds(60))
        #expect(options.reconnect.backoff.factor == 2 && options.reconnect.failures == nil)
        #expect(options.readTimeout == .seconds(60) && options.waitTimeout == .seconds(600) && !options.wait)
        #expect(options.maxMessage == 64 << 20 && options.compression == .auto)
        #expect(options.tokenFile == nil && options.certificate == nil && options.input == nil)
        #expect(options.stateDirectory == nil && options.usesKeeper && options.keep == .seconds(60))
        #expect(!options.isUpgrade)
    }

    static let everything: AgentOptions = {
        var options = AgentOptions(host: "10.0.0.7")
        options.port = 1
        options.groupID = "big ones"
        options.connID = "me"
        options.reconnect.backoff.start = .milliseconds(250)
        options.reconnect.backoff.factor = 1.5
        options.reconnect.backoff.max = .seconds(2)
        options.reconnect.failures = 3
        options.readTimeout = .milliseconds(1500)
        options.maxMessage = 1 << 20
        options.compression = .off
        options.tokenFile = "t"
        options.certificate = "c"
        options.stateDirectory = "s"
        options.keep = .milliseconds(2500)
        options.wait = true
        options.waitTimeout = .zero
        options.input = .file("i")
        options.delivery = DeliveryOptions(print: true, exit: true)
        options.engine.logLevel = .info
        return options
    }()

    @Test(arguments: ["--agent", "-a"], ["--group-id", "--group"])
    func everySpellingOfAnOptionCounts(agent: String, group: String) throws {
        let arguments = [
            agent, "--agent-host", "10.0.0.7", "--agent-port", "1", group, "big ones", "--conn-id=me",
            "--connect-interval-start", "0.25", "--connect-interval-mult", "1.5", "--connect-interval-max", "2",
            "--connect-count-max", "3", "--agent-read-timeout", "1.5", "--max-message", "1M", "--ws-compression", "off",
            "--token-file", "t", "--agent-cert", "c", "--state-dir", "s", "--keep", "2.5", "-w", "--wait-timeout=0",
            "--print", "--log-level=info", "i",
        ]
        #expect(try Command.parse(arguments, environment: [:]) == .agent(Self.everything))
        #expect(try Command.parse(arguments + ["--check"], environment: [:]) == .agentCheck(Self.everything))
        #expect(try Command.parse(["agent-check"] + arguments, environment: [:]) == .agentCheck(Self.everything))
    }

    @Test func variablesStandForOptionsThatAreNotGiven() throws {
        let environment = [
            "PROCSTAR_AGENT_HOST": "h", "PROCSTAR_AGENT_HOSTNAME": "other", "PROCSTAR_AGENT_PORT": "8",
            "PROCSTAR_GROUP_ID": "g", "PROCSTAR_AGENT_CERT": "c", "PROCSTAR_AGENT_TOKEN_FILE": "t",
            "CREDENTIALS_DIRECTORY": "d", "PROCSTAR_STATE_DIR": "s", "STATE_DIRECTORY": "systemd's",
        ]
        var expected = AgentOptions(host: "h", port: 8, groupID: "g")
        expected.certificate = "c"
        expected.tokenFile = "t"
        expected.credentialsDirectory = "d"
        expected.stateDirectory = "s"
        expected.keep = .seconds(86400)
        #expect(try Self.agent("-a", environment: environment) == expected)

        let given = try Self.agent(
            "-a --agent-host H --agent-port 9 --group G --agent-cert C --token-file T --state-dir S --keep 1",
            environment: environment)
        expected = AgentOptions(host: "H", port: 9, groupID: "G")
        expected.certificate = "C"
        expected.tokenFile = "T"
        expected.credentialsDirectory = "d"
        expected.stateDirectory = "S"
        expected.keep = .seconds(1)
        #expect(given == expected)
    }

    @Test func anEmptyVariableCountsAsNotSet() throws {
        let empty = [
            "PROCSTAR_AGENT_HOST": "", "PROCSTAR_AGENT_HOSTNAME": "h", "PROCSTAR_AGENT_PORT": "",
            "PROCSTAR_GROUP_ID": "", "PROCSTAR_AGENT_CERT": "", "PROCSTAR_AGENT_TOKEN_FILE": "",
            "CREDENTIALS_DIRECTORY": "", "PROCSTAR_STATE_DIR": "",
        ]
        #expect(try Self.agent("-a", environment: empty) == AgentOptions(host: "h"))
    }

    @Test func variablesOfTheAgentDoNotTouchALocalRun() throws {
        let environment = ["PROCSTAR_AGENT_HOST": "a b", "PROCSTAR_AGENT_PORT": "x"]
        #expect(try OptionsTests.local("-x i", environment: environment) == OptionsTests.local("-x i"))
    }

    @Test func theWordOfTheCheckCountsAtTheBeginningOnly() throws {
        #expect(
            try OptionsTests.parse("agent-check --agent-host h") == OptionsTests.parse("-a --check --agent-host h"))
        #expect(try OptionsTests.local("-x agent-check").input == .file("agent-check"))
        #expect(try OptionsTests.parse("agent-check --help") == .help)
    }

    @Test(arguments: [
        ("scheduler.example", "scheduler.example"), ("10.0.0.7", "10.0.0.7"), ("::1", "::1"), ("[::1]", "::1"),
        ("fe80::1%eth0", "fe80::1%eth0"), ("bücher.example", "bücher.example"),
    ])
    func aHostIsANameOrAnAddress(text: String, host: String) throws {
        #expect(try Self.agent("-a --agent-host \(text)").host == host)
    }

    @Test(arguments: ["h:59789", "wss://h", "https://h/", "h/x", "a@b", "[::1]:80", "[]", "a\tb", "10.0.0.7:80"])
    func whatIsMoreThanAHostIsRefused(text: String) throws {
        let problem =
            "\"\(text)\" is not a host: a name or an address alone, such as scheduler.example; "
            + "the port has an option of its own; see procstar --help"
        #expect(Self.complaint("-a --agent-host \(text)") == "option --agent-host: \(problem)")
        #expect(
            Self.complaint("-a", environment: ["PROCSTAR_AGENT_HOSTNAME": text])
                == "variable PROCSTAR_AGENT_HOSTNAME: \(problem)")
    }

    @Test(arguments: ["0", "65536", "-1", "+1", "x", "1.0", "٣", "0x50"])
    func whatIsNoPortIsRefused(text: String) {
        let problem = "\"\(text)\" is not a port: a number from 1 to 65535; see procstar --help"
        #expect(Self.complaint("-a --agent-port=\(text)") == "option --agent-port: \(problem)")
        let environment = ["PROCSTAR_AGENT_HOST": "h", "PROCSTAR_AGENT_PORT": text]
        #expect(Self.complaint("-a", environment: environment) == "variable PROCSTAR_AGENT_PORT: \(problem)")
    }

    @Test(arguments: [
        ("0", 0), ("0.25", 250_000_000), (".5", 500_000_000), ("60", 60_000_000_000), ("1e-05", 10_000),
    ])
    func secondsMayBeFractions(text: String, nanoseconds: UInt64) throws {
        #expect(try Self.agent("-a -w --wait-timeout \(text)").waitTimeout.nanoseconds == nanoseconds)
    }

    @Test(
        arguments: [
            "--wait-timeout", "--connect-interval-start", "--connect-interval-max", "--agent-read-timeout", "--keep",
        ],
        ["-1", "nan", "inf", "1e999", "0x10", "5s", "1e20"])
    func whatIsNoTimeIsRefused(option: String, text: String) {
        #expect(
            Self.complaint("-a \(option)=\(text)") == "option \(option): \"\(text)\" is not a number of seconds, "
                + "such as 60 or 0.25; see procstar --help")
    }

    static let complaints: [(line: String, problem: String)] = [
        ("-a --agent-read-timeout 0", "\"0\" is not a time above 0: every connection would end at once"),
        ("-a --connect-interval-mult 0.9", "\"0.9\" is not a factor: a number, 1 or more"),
        ("-a --connect-interval-mult x", "\"x\" is not a factor: a number, 1 or more"),
        ("-a --connect-count-max 0", "\"0\" is not a number of attempts, 1 or more"),
        ("-a --connect-count-max 1.5", "\"1.5\" is not a number of attempts, 1 or more"),
        ("-a --keep 1000000001", "\"1000000001\" is not a time that a keeper counts: 1e9 at most"),
        ("-a --max-message 1023", "\"1023\" is not enough: 1k is the least"),
        ("-a --ws-compression yes", "\"yes\" is not one of on, off, auto"),
    ]

    @Test(arguments: complaints)
    func aWrongValueIsToldWhatWouldDo(line: String, problem: String) {
        let option = line.split(separator: " ")[1]
        #expect(Self.complaint(line) == "option \(option): \(problem); see procstar --help")
    }

    @Test func withoutAHostItIsToldHowToGiveOne() {
        #expect(
            Self.complaint("--agent", environment: [:])
                == "no server to connect to: give --agent-host HOST, or set PROCSTAR_AGENT_HOST; see procstar --help")
    }

    @Test(arguments: OptionName.allCases.filter(\.needsAgent))
    func whatNeedsTheAgentIsRefusedWithoutIt(option: OptionName) {
        let value =
            option.placeholder == nil
            ? "" : option == .wsCompression ? "=on" : "=2k".prefix(option == .maxMessage ? 3 : 2)
        let complaint = Self.complaint("-x \(option.spelling)\(value) i")
        #expect(complaint.hasPrefix("option \(option.spelling) needs --agent"), "\(complaint)")
    }

    @Test func aKeeperIsForgoneOnRequest() throws {
        #expect(try !Self.agent("-a --no-keeper").usesKeeper)
        // What an agent is called is remembered all the same.
        #expect(try Self.agent("-a --no-keeper --state-dir s").stateDirectory == "s")
        #expect(
            Self.complaint("-a --no-keeper --keep 1")
                == "option --keep is about a keeper, and --no-keeper wants none; see procstar --help")
    }

    @Test func waitingWithoutAnAgentIsPointedToExit() {
        #expect(
            Self.complaint("-w i") == "option --wait needs --agent: without it nobody deletes the processes that it "
                + "waits for; --exit waits until they have ended; see procstar --help")
        #expect(Self.complaint("-a --wait-timeout 1") == "option --wait-timeout needs --wait; see procstar --help")
    }

    @Test(arguments: ["--print", "--output=o", "--exit", "--pretty", "--summary"])
    func whatIsAboutASpecNeedsOne(option: String) throws {
        let name = option.prefix { $0 != "=" }
        #expect(
            Self.complaint("-a \(option)") == "option \(name) with --agent is about the processes of a spec, "
                + "and there is no INPUT; see procstar --help")
        #expect(try Self.agent("-a --exit \(option) i").delivery.exit)
    }

    @Test func howResultsLookNeedsSomewhereForThemToGo() {
        #expect(
            Self.complaint("-a --pretty i")
                == "option --pretty needs --print, --output PATH or --exit; see procstar --help")
    }

    @Test(arguments: [(60.0, 20.0), (30, 10), (0.3, 0.1), (3600, 20)])
    func aQuietServerIsAskedBeforeItIsGivenUp(timeout: Double, ping: Double) throws {
        #expect(try Self.agent("-a --agent-read-timeout \(timeout)").pingInterval == Interval(seconds: ping))
    }
}
