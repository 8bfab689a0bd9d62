internal import ProcIO

/// Every option that procstar has. The raw value is its long name.
///
/// The parser and the help page both read this, so neither can know an option that the other doesn't.
enum OptionName: String, CaseIterable {
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

    /// The one-letter form.
    var short: Character? {
        switch self {
        case .print: "p"
        case .output: "o"
        case .exit: "x"
        case .help: "h"
        case .version: "V"
        case .pretty, .summary, .restrictExe, .captureDir, .captureMemory, .captureMemoryTotal, .compressAbove,
            .maxAttached, .logLevel, .logFormat:
            nil
        }
    }

    /// What stands for the value in the help page; nil for an option without one.
    var placeholder: String? {
        switch self {
        case .print, .exit, .pretty, .summary, .help, .version: nil
        case .output: "PATH"
        case .restrictExe: "PATTERN"
        case .captureDir: "DIR"
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
        case .print, .exit, .pretty, .summary, .help, .version: true
        case .output, .captureDir, .captureMemory, .captureMemoryTotal, .compressAbove, .maxAttached, .logLevel,
            .logFormat:
            false
        }
    }

    /// The heading that it stands under in the help page.
    var group: OptionGroup {
        switch self {
        case .print, .output, .exit, .pretty, .summary: .results
        case .restrictExe: .processes
        case .captureDir, .captureMemory, .captureMemoryTotal, .compressAbove, .maxAttached: .output
        case .logLevel, .logFormat: .log
        case .help, .version: .other
        }
    }

    /// What it does, for the help page.
    var summary: String {
        switch self {
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
    case processes = "Processes"
    case output = "Captured output"
    case log = "Log, on standard error"
    case other = "Other"
}
