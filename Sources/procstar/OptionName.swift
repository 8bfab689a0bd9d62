internal import ProcIO

/// Every option that procstar has. The raw value is its long name.
///
/// The parser and the help page both read this, so neither can know an option that the other doesn't.
enum OptionName: String, CaseIterable {
    case agent
    case agentHost = "agent-host"
    case agentPort = "agent-port"
    case groupID = "group-id"
    case connID = "conn-id"
    case tokenFile = "token-file"
    case agentCert = "agent-cert"
    case wait
    case waitTimeout = "wait-timeout"
    case check
    case stateDir = "state-dir"
    case noKeeper = "no-keeper"
    case keep
    case connectIntervalStart = "connect-interval-start"
    case connectIntervalMult = "connect-interval-mult"
    case connectIntervalMax = "connect-interval-max"
    case connectCountMax = "connect-count-max"
    case agentReadTimeout = "agent-read-timeout"
    case maxMessage = "max-message"
    case wsCompression = "ws-compression"
    case print
    case output
    case exit
    case pretty
    case summary
    case restrictExe = "restrict-exe"
    case captureDir = "capture-dir"
    case captureMemory = "capture-memory"
    case captureMemoryTotal = "capture-memory-total"
    case compressAbove = "compress-above"
    case maxAttached = "max-attached"
    case logLevel = "log-level"
    case logFormat = "log-format"
    case help
    case version

    /// As it is typed.
    var spelling: String { "--\(rawValue)" }

    /// Another long name for the same.
    var alias: String? { self == .groupID ? "group" : nil }

    /// By its long name or its alias, without the dashes.
    static func named(_ name: String) -> OptionName? {
        OptionName(rawValue: name) ?? allCases.first { $0.alias == name }
    }

    /// The one-letter form.
    var short: Character? {
        switch self {
        case .agent: "a"
        case .wait: "w"
        case .print: "p"
        case .output: "o"
        case .exit: "x"
        case .help: "h"
        case .version: "V"
        case .pretty, .summary, .restrictExe, .captureDir, .captureMemory, .captureMemoryTotal, .compressAbove,
            .maxAttached, .logLevel, .logFormat, .agentHost, .agentPort, .groupID, .connID, .tokenFile, .agentCert,
            .waitTimeout, .check, .stateDir, .noKeeper, .keep, .connectIntervalStart, .connectIntervalMult,
            .connectIntervalMax, .connectCountMax, .agentReadTimeout, .maxMessage, .wsCompression:
            nil
        }
    }

    /// What stands for the value in the help page; nil for an option without one.
    var placeholder: String? {
        switch self {
        case .print, .exit, .pretty, .summary, .agent, .wait, .check, .noKeeper, .help, .version: nil
        case .agentHost: "HOST"
        case .agentPort: "PORT"
        case .groupID, .connID: "ID"
        case .tokenFile, .agentCert: "FILE"
        case .waitTimeout, .keep, .connectIntervalStart, .connectIntervalMax, .agentReadTimeout: "SECS"
        case .connectIntervalMult: "FACTOR"
        case .connectCountMax: "N"
        case .maxMessage: "SIZE"
        case .wsCompression: WebSocketConnection.Compression.allCases.map(\.rawValue).joined(separator: "|")
        case .output: "PATH"
        case .restrictExe: "PATTERN"
        case .captureDir, .stateDir: "DIR"
        case .captureMemory, .captureMemoryTotal, .maxAttached: "SIZE"
        case .compressAbove: "SIZE|off"
        case .logLevel: "LEVEL"
        case .logFormat: "FORMAT"
        }
    }

    /// Whether it may be given several times.
    var isRepeatable: Bool {
        switch self {
        case .restrictExe: true
        // Switches: twice is as good as once.
        case .print, .exit, .pretty, .summary, .agent, .wait, .check, .noKeeper, .help, .version: true
        case .output, .captureDir, .captureMemory, .captureMemoryTotal, .compressAbove, .maxAttached, .logLevel,
            .logFormat, .agentHost, .agentPort, .groupID, .connID, .tokenFile, .agentCert, .waitTimeout,
            .stateDir, .keep, .connectIntervalStart, .connectIntervalMult, .connectIntervalMax, .connectCountMax,
            .agentReadTimeout, .maxMessage, .wsCompression:
            false
        }
    }

    /// The heading that it stands under in the help page.
    var group: OptionGroup {
        switch self {
        case .agent, .agentHost, .agentPort, .groupID, .connID, .tokenFile, .agentCert, .wait, .waitTimeout, .check:
            .agent
        case .stateDir, .noKeeper, .keep: .keeper
        case .connectIntervalStart, .connectIntervalMult, .connectIntervalMax, .connectCountMax, .agentReadTimeout,
            .maxMessage, .wsCompression:
            .connection
        case .print, .output, .exit, .pretty, .summary: .results
        case .restrictExe: .processes
        case .captureDir, .captureMemory, .captureMemoryTotal, .compressAbove, .maxAttached: .output
        case .logLevel, .logFormat: .log
        case .help, .version: .other
        }
    }

    /// Whether it means nothing without `--agent`.
    var needsAgent: Bool {
        switch group {
        case .agent, .keeper, .connection: self != .agent
        case .results, .processes, .output, .log, .other: false
        }
    }

    /// What it does, for the help page.
    var summary: String {
        switch self {
        case .agent: "connect to a scheduler and run what it asks for"
        case .agentHost: "the scheduler's host"
        case .agentPort: "its port (default: 59789)"
        case .groupID: "the group that the agent joins; also --group (default: default)"
        case .connID: "the agent's name for the scheduler; at random if not given"
        case .tokenFile: "read the access token from this file"
        case .agentCert: "trust the certificates in this PEM file, too"
        case .wait: "exit when all processes that ever came have been deleted"
        case .waitTimeout: "with --wait: exit when no work comes for this long (default: 600)"
        case .check: "try once all that an agent needs, and say what is missing"
        case .stateDir: "what outlives the agent is found here by the next one, which has the same name"
        case .noKeeper: "run processes as children of the agent, which end with it"
        case .keep: "how long a keeper waits for an agent when nothing runs; 60 if not given, with --state-dir 86400"
        case .connectIntervalStart: "the first wait between two attempts to connect (default: 1)"
        case .connectIntervalMult: "each wait is this much longer than the one before (default: 2)"
        case .connectIntervalMax: "the longest wait (default: 60)"
        case .connectCountMax: "stop after so many failed attempts in succession"
        case .agentReadTimeout: "connect anew when nothing was received for this long (default: 60)"
        case .maxMessage: "the longest message that is taken (default: 64M)"
        case .wsCompression: "compress what is sent: always, never, or where it pays (default: auto)"
        case .print: "print the results when nothing runs any more, and exit"
        case .output: "the same, written to a file"
        case .exit: "exit when nothing runs any more"
        case .pretty: "write results with line breaks and indentation"
        case .summary: "a line for each process, on standard error, even if that is no terminal"
        case .restrictExe: "start nothing but this executable; may be given several times, and with patterns"
        case .captureDir: "where capture files go (default: $TMPDIR, else /tmp)"
        case .captureMemory: "how much of a memory capture is kept in memory; the rest goes to a file (default: 16M)"
        case .captureMemoryTotal: "the same for all memory captures together (default: 256M)"
        case .compressAbove: "compress finished captures above this size (default: 16k)"
        case .maxAttached: "output above this size is not put into results (default: 256M)"
        case .logLevel: LogLevel.allCases.map(\.rawValue).joined(separator: ", ") + " (default: warn)"
        case .logFormat: LogFormat.allCases.map(\.rawValue).joined(separator: " or ") + " (default: text)"
        case .help: "print this page"
        case .version: "print the version"
        }
    }
}

/// The headings of the help page, in order.
enum OptionGroup: String, CaseIterable {
    case results = "Results"
    case agent = "Agent"
    case keeper = "Agent's keeper"
    case connection = "Agent's connection"
    case processes = "Processes"
    case output = "Captured output"
    case log = "Log, on standard error"
    case other = "Other"
}
