internal import ProcCore
internal import ProcIO

extension AgentOptions {
    /// The least that makes sense of `--max-message`.
    private static let smallestMaxMessage = 1 << 10
    /// What a keeper takes is a little more.
    private static let longestKeep = Interval.seconds(1_000_000_000)

    /// Takes the value of an option that is the agent's own.
    mutating func set(_ option: OptionName, to value: GivenValue) throws(UsageError) {
        switch option {
        case .agentHost: host = try value.host()
        case .agentPort: port = try value.port()
        case .groupID: groupID = value.text
        case .connID: connID = value.text
        case .tokenFile: tokenFile = value.text
        case .agentCert: certificate = value.text
        case .connectIntervalStart: reconnect.backoff.start = try value.interval()
        case .connectIntervalMult: reconnect.backoff.factor = try value.number("a factor: a number, 1 or more", from: 1)
        case .connectIntervalMax: reconnect.backoff.max = try value.interval()
        case .connectCountMax: reconnect.failures = try value.count()
        case .agentReadTimeout:
            readTimeout = try value.interval()
            guard readTimeout > .zero else { throw value.isNot("a time above 0: every connection would end at once") }
        case .maxMessage:
            maxMessage = try ByteSize.parse(value.text, for: option)
            guard maxMessage >= Self.smallestMaxMessage else { throw value.isNot("enough: 1k is the least") }
        case .wsCompression: compression = try value.choice()
        case .waitTimeout: waitTimeout = try value.interval()
        case .stateDir: stateDirectory = value.text
        case .keep:
            keep = try value.interval()
            guard keep <= Self.longestKeep else { throw value.isNot("a time that a keeper counts: 1e9 at most") }
        case .print, .output, .exit, .pretty, .summary, .restrictExe, .captureDir, .captureMemory, .captureMemoryTotal,
            .compressAbove, .maxAttached, .agent, .wait, .check, .noKeeper, .logLevel, .logFormat, .help, .version:
            preconditionFailure("\(option.spelling) isn't about the agent's connection")
        }
    }

    /// Takes from the environment what the command line hasn't said.
    mutating func complete(
        given: Set<OptionName>, variable: (String) -> GivenValue?
    ) throws(UsageError) {
        if !given.contains(.agentHost) {
            guard let value = variable("PROCSTAR_AGENT_HOST") ?? variable("PROCSTAR_AGENT_HOSTNAME") else {
                throw UsageError("no server to connect to: give --agent-host HOST, or set PROCSTAR_AGENT_HOST")
            }
            host = try value.host()
        }
        if !given.contains(.agentPort), let value = variable("PROCSTAR_AGENT_PORT") { port = try value.port() }
        if !given.contains(.groupID), let value = variable("PROCSTAR_GROUP_ID") { groupID = value.text }
        if !given.contains(.tokenFile) { tokenFile = variable("PROCSTAR_AGENT_TOKEN_FILE")?.text }
        if !given.contains(.agentCert) { certificate = variable("PROCSTAR_AGENT_CERT")?.text }
        credentialsDirectory = variable("CREDENTIALS_DIRECTORY")?.text
        if !given.contains(.stateDir) { stateDirectory = variable("PROCSTAR_STATE_DIR")?.text }
        if !given.contains(.keep), stateDirectory != nil { keep = Self.longKeep }
    }
}
