internal import ProcIO

extension Command {
    /// The first argument that stands for `--agent --check`.
    static let checkWord = "agent-check"
    /// The first argument that asks for an upgrade.
    static let upgradeWord = "upgrade"

    /// Parses a command line, without the program's own name in front.
    ///
    /// `--help` and `--version` count where they stand: what follows them isn't looked at.
    ///
    /// - Parameter environment: For `TMPDIR`, the default of `--capture-dir`, and for the variables that stand for
    ///   options of the agent. Those that stand empty count as not set.
    static func parse(_ arguments: [String], environment: [String: String]) throws(UsageError) -> Command {
        if let check = try HandOverCheck(arguments) { return .handOverCheck(check) }
        if arguments.first == upgradeWord { return try upgrade(arguments.dropFirst(), environment: environment) }
        var line = CommandLineDraft(environment: environment)
        var arguments = arguments[...]
        if arguments.first == checkWord {
            arguments.removeFirst()
            line.given = [.agent, .check]
        }

        var scanner = OptionScanner(Array(arguments))
        while let item = try scanner.next() {
            switch item {
            case .operand(let text): try line.take(operand: text)
            case .flag(.help): return .help
            case .flag(.version): return .version
            case .flag(let option):
                try line.take(option)
                line.set(option)
            case .option(let option, let text):
                try line.take(option)
                try line.set(option, to: GivenValue(text, by: option))
            }
        }
        return line.given.contains(.agent) ? try line.agentCommand() : try line.localCommand()
    }
}

/// What a command line has said so far.
private struct CommandLineDraft {
    let environment: [String: String]
    var given: Set<OptionName> = []
    var input: Input?
    var delivery = DeliveryOptions()
    var engine = EngineOptions()
    /// Its host is empty until ``agentCommand()``; input, delivery and engine are those above.
    var agent = AgentOptions(host: "")

    init(environment: [String: String]) {
        self.environment = environment
        if let directory = variable("TMPDIR") { engine.captureDirectory = directory.text }
    }

    /// Nil also for a variable that is empty.
    func variable(_ name: String) -> GivenValue? {
        environment[name].flatMap { $0.isEmpty ? nil : GivenValue($0, byVariable: name) }
    }

    mutating func take(operand text: String) throws(UsageError) {
        if let input { throw UsageError("more than one INPUT: \(input.text) and \(text)") }
        guard !text.isEmpty else { throw UsageError("INPUT is empty") }
        input = text == "-" ? .standardInput : .file(text)
    }

    mutating func take(_ option: OptionName) throws(UsageError) {
        guard given.insert(option).inserted || option.isRepeatable else {
            throw UsageError("option \(option.spelling) is given twice")
        }
    }

    mutating func set(_ flag: OptionName) {
        if flag == .print { delivery.print = true }
        if flag == .pretty { delivery.pretty = true }
        if flag == .summary { delivery.summary = true }
        if flag == .wait { agent.wait = true }
        if flag == .noKeeper { agent.usesKeeper = false }
        if flag == .print || flag == .exit { delivery.exit = true }
    }

    mutating func set(_ option: OptionName, to value: GivenValue) throws(UsageError) {
        guard !value.text.isEmpty else { throw UsageError("option \(option.spelling) has an empty value") }
        switch option {
        case .output:
            guard value.text != "-" else { throw UsageError("--output writes a file; for standard output use --print") }
            delivery.output = value.text
            delivery.exit = true
        case .restrictExe: engine.restrictExe.append(value.text)
        case .captureDir: engine.captureDirectory = value.text
        case .captureMemory: engine.captureMemory = try ByteSize.parse(value.text, for: option)
        case .captureMemoryTotal: engine.captureMemoryTotal = try ByteSize.parse(value.text, for: option)
        case .compressAbove:
            engine.compressAbove = value.text == "off" ? nil : try ByteSize.parse(value.text, for: option)
        case .maxAttached: engine.maxAttached = try ByteSize.parse(value.text, for: option)
        case .logLevel: engine.logLevel = try value.choice()
        case .logFormat: engine.logFormat = try value.choice()
        case .agentHost, .agentPort, .groupID, .connID, .tokenFile, .agentCert, .connectIntervalStart,
            .connectIntervalMult, .connectIntervalMax, .connectCountMax, .agentReadTimeout, .maxMessage, .wsCompression,
            .waitTimeout, .stateDir, .keep:
            try agent.set(option, to: value)
        case .print, .exit, .pretty, .summary, .agent, .wait, .check, .noKeeper, .help, .version:
            preconditionFailure("\(option.spelling) has a value")
        }
    }

    // MARK: At the end of the line

    func localCommand() throws(UsageError) -> Command {
        if given.contains(.wait) {
            throw UsageError(
                "option --wait needs --agent: without it nobody deletes the processes that it waits for; "
                    + "--exit waits until they have ended")
        }
        if let option = OptionName.allCases.first(where: { given.contains($0) && $0.needsAgent }) {
            throw UsageError("option \(option.spelling) needs --agent")
        }
        guard let input else {
            throw UsageError(
                "no INPUT: name a spec file, or - for standard input; or give --agent to serve a scheduler")
        }
        guard delivery.exit else {
            throw UsageError(
                "nothing says what to do when the processes have ended: add --print, --output PATH or --exit, "
                    + "or --agent to serve a scheduler")
        }
        return .local(LocalOptions(input: input, delivery: delivery, engine: engine))
    }

    func agentCommand() throws(UsageError) -> Command {
        var agent = agent
        try agent.complete(given: given, variable: variable)
        for option in [OptionName.print, .output, .exit, .pretty, .summary] where given.contains(option) {
            guard input != nil else {
                throw UsageError(
                    "option \(option.spelling) with --agent is about the processes of a spec, and there is no INPUT")
            }
            guard delivery.exit else {
                throw UsageError("option \(option.spelling) needs --print, --output PATH or --exit")
            }
        }
        if given.contains(.keep), !agent.usesKeeper {
            throw UsageError("option --keep is about a keeper, and --no-keeper wants none")
        }
        if given.contains(.waitTimeout), !agent.wait { throw UsageError("option --wait-timeout needs --wait") }
        agent.input = input
        agent.delivery = delivery
        agent.engine = engine
        return given.contains(.check) ? .agentCheck(agent) : .agent(agent)
    }
}

extension Input {
    /// As it was given.
    fileprivate var text: String {
        switch self {
        case .standardInput: "-"
        case .file(let path): path
        }
    }
}
