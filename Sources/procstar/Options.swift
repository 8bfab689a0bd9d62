internal import ProcIO

/// What a command line asks for.
enum Command: Equatable {
    case help
    case version
    /// Processes from a spec, then the results.
    case local(LocalOptions)
    /// Processes for a scheduler.
    case agent(AgentOptions)
    /// One try at all that an agent needs.
    case agentCheck(AgentOptions)
    /// A new version in the place of an agent that runs.
    case upgrade(UpgradeTarget)
    /// The question of an agent whether this program could take its place.
    case handOverCheck(HandOverCheck)
}

/// Where a spec comes from.
enum Input: Equatable {
    case standardInput
    case file(String)
}

/// The options of a run in local mode: processes from a spec, then the results.
struct LocalOptions: Equatable {
    var input: Input
    var delivery = DeliveryOptions()
    var engine = EngineOptions()
}

/// What becomes of the results when nothing runs any more.
struct DeliveryOptions: Equatable {
    /// Whether the results go to standard output.
    var print = false
    /// The file that the results go to.
    var output: String?
    /// Whether procstar exits then. It does when the results go anywhere.
    var exit = false
    /// Whether results are written with line breaks and indentation.
    var pretty = false
    /// Whether summary lines are written even where nobody seems to watch.
    var summary = false
}

/// How processes are run and watched, whoever asked for them.
struct EngineOptions: Equatable {
    /// Patterns of what may be started, as they were given; empty when anything may.
    var restrictExe: [String] = []

    /// The directory of capture files.
    var captureDirectory = "/tmp"
    /// Finished captures above this many bytes are compressed; nil: none are.
    var compressAbove: Int? = 16 << 10
    /// Output above this many bytes isn't attached to a result.
    var maxAttached = 256 << 20
    /// A memory capture goes on in a file above this many bytes…
    var captureMemory = 16 << 20
    /// …and so does the next one when all together are above this many.
    var captureMemoryTotal = 256 << 20

    var logLevel = LogLevel.warn
    var logFormat = LogFormat.text
}

/// Something wrong with a command line, or with a variable that stands for an option. The program exits with status 2.
struct UsageError: Error, Equatable, CustomStringConvertible {
    /// What is wrong and what would do.
    let problem: String

    init(_ problem: String) { self.problem = problem }

    var description: String { "\(problem); see procstar --help" }
}
