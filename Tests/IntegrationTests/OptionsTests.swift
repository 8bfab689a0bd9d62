import ProcIO
import Testing

@testable import procstar

@Suite struct OptionsTests {
    static func parse(_ line: String, environment: [String: String] = [:]) throws -> Command {
        try Command.parse(line.split(separator: " ").map(String.init), environment: environment)
    }

    static func local(_ line: String, environment: [String: String] = [:]) throws -> LocalOptions {
        guard case .local(let options) = try parse(line, environment: environment) else {
            throw UsageError("not a local run: \(line)")
        }
        return options
    }

    /// The complaint about a command line that must not parse.
    static func complaint(_ line: String) -> String {
        complaint(line.split(separator: " ").map(String.init))
    }

    static func complaint(_ arguments: [String]) -> String {
        do { return "no error but \(try Command.parse(arguments, environment: [:]))" } catch { return "\(error)" }
    }

    @Test func theDefaultsAreTheDocumentedOnes() throws {
        let engine = EngineOptions(
            restrictExe: [], captureDirectory: "/tmp", compressAbove: 16384, maxAttached: 256 << 20,
            captureMemory: 16 << 20, captureMemoryTotal: 256 << 20, logLevel: .warn, logFormat: .text)
        let delivery = DeliveryOptions(print: false, output: nil, exit: true, pretty: false, summary: false)
        #expect(
            try Self.local("-x spec.json")
                == LocalOptions(input: .file("spec.json"), delivery: delivery, engine: engine))
    }

    static let everything = LocalOptions(
        input: .standardInput,
        delivery: DeliveryOptions(print: true, output: "out", exit: true, pretty: true, summary: true),
        engine: EngineOptions(
            restrictExe: ["/bin/a", "/bin/b"], captureDirectory: "/var", compressAbove: nil, maxAttached: 1,
            captureMemory: 2048, captureMemoryTotal: 3 << 20, logLevel: .trace, logFormat: .json))

    @Test(arguments: [
        """
        --print --output out --exit --pretty --summary --restrict-exe /bin/a --restrict-exe /bin/b --capture-dir /var \
        --compress-above off --max-attached 1 --capture-memory 2k --capture-memory-total 3M --log-level trace \
        --log-format json -
        """,
        """
        - --log-format=json --log-level=trace --capture-memory-total=3MiB --capture-memory=2048 --max-attached=1B \
        --compress-above=off --capture-dir=/var --restrict-exe=/bin/a --restrict-exe=/bin/b --summary --pretty -pxo out
        """,
        """
        -pxoout --pretty --summary --restrict-exe /bin/a --log-level trace --restrict-exe=/bin/b --capture-dir /var \
        --log-format json --compress-above off --max-attached 1 --capture-memory 2KiB --capture-memory-total 3m -- -
        """,
    ])
    func everySpellingOfAnOptionCounts(line: String) throws {
        #expect(try Self.local(line) == Self.everything)
    }

    @Test func aValueMayHoldAnEqualsSignAndSpaces() throws {
        let command = try Command.parse(["-x", "--output=a=b c", "i"], environment: [:])
        guard case .local(let options) = command else {
            Issue.record("\(command)")
            return
        }
        #expect(options.delivery.output == "a=b c")
        #expect(try Self.local("-o=file i").delivery.output == "file")
    }

    @Test func twoDashesEndTheOptions() throws {
        #expect(try Self.local("-x -- --print").input == .file("--print"))
        #expect(try Self.local("-x -- --").input == .file("--"))
        #expect(try Self.local("-x -- -").input == .standardInput)
    }

    @Test func theCaptureDirectoryIsTMPDIRUnlessGiven() throws {
        #expect(try Self.local("-x i", environment: ["TMPDIR": "/scratch"]).engine.captureDirectory == "/scratch")
        #expect(try Self.local("-x i", environment: ["TMPDIR": ""]).engine.captureDirectory == "/tmp")
        #expect(try Self.local("-x --capture-dir /d i", environment: ["TMPDIR": "/s"]).engine.captureDirectory == "/d")
    }

    @Test func helpAndVersionCountWhereTheyStand() throws {
        #expect(try Self.parse("--help") == .help)
        #expect(try Self.parse("-ph --frobnicate") == .help)
        #expect(try Self.parse("spec.json --version") == .version)
        #expect(try Self.parse("-V") == .version)
        #expect(Self.complaint("--frobnicate --help").hasPrefix("unknown option --frobnicate"))
        #expect(try Self.local("-x -- --help").input == .file("--help"))
    }

    static let nothingToDo =
        "nothing says what to do when the processes have ended: "
        + "add --print, --output PATH or --exit, or --agent to serve a scheduler"

    static let complaints: [(line: String, problem: String)] = [
        ("", "no INPUT: name a spec file, or - for standard input; or give --agent to serve a scheduler"),
        ("--print", "no INPUT: name a spec file, or - for standard input; or give --agent to serve a scheduler"),
        ("spec.json", nothingToDo),
        ("--pretty i", nothingToDo),
        ("-x a b", "more than one INPUT: a and b"),
        ("--frobnicate", "unknown option --frobnicate"),
        ("-q", "unknown option -q"),
        ("-pq i", "unknown option -q"),
        ("-x -ü i", "unknown option -ü"),
        ("--pretty=yes i", "option --pretty takes no value"),
        ("-p=yes i", "option -p takes no value"),
        ("-x i --output", "option --output needs a value, PATH"),
        ("-xo", "option -o needs a value, PATH"),
        ("-x i --output=", "option --output has an empty value"),
        (
            "--output --print i",
            "option --output needs a value, PATH, and --print looks like an option; if it is meant, "
                + "write --output=--print"
        ),
        ("--output - i", "--output writes a file; for standard output use --print"),
        ("-o a -o a i", "option --output is given twice"),
        ("-x --log-level info --log-level=info i", "option --log-level is given twice"),
        ("-x --log-level loud i", "option --log-level: \"loud\" is not one of trace, debug, info, warn, error"),
        ("-x --log-format xml i", "option --log-format: \"xml\" is not one of text, json"),
    ]

    @Test(arguments: complaints)
    func aWrongCommandLineIsToldWhatWouldDo(line: String, problem: String) {
        #expect(Self.complaint(line) == problem + "; see procstar --help")
    }

    @Test func anEmptyInputIsNoInput() {
        #expect(Self.complaint(["-x", ""]) == "INPUT is empty; see procstar --help")
    }

    @Test(arguments: [
        ("--outptu", "--output"), ("--ouput", "--output"), ("--prints", "--print"), ("--restrict", "--restrict-exe"),
        ("--compres-above", "--compress-above"), ("--log-fromat=json", "--log-format"),
        ("--capture-d", "--capture-dir"),
    ])
    func aNearMissIsNamed(typed: String, meant: String) {
        let name = typed.prefix { $0 != "=" }
        #expect(Self.complaint(typed) == "unknown option \(name) (did you mean \(meant)?); see procstar --help")
    }

    @Test(arguments: ["--log", "--capture-memory-", "--frob", "--p", "--xyz", "-X"])
    func noGuessIsMadeWhereSeveralOrNoneWouldDo(typed: String) {
        #expect(Self.complaint(typed).contains("did you mean") == (typed == "--capture-memory-"))
    }

    @Test(arguments: [
        ("0", 0), ("4096", 4096), ("4096B", 4096), ("16k", 16384), ("16K", 16384), ("16KiB", 16384), ("16kib", 16384),
        ("2M", 2 << 20), ("1G", 1 << 30), ("1GiB", 1 << 30), ("3T", 3 << 40), ("9223372036854775807", Int.max),
        ("8388607T", 8_388_607 << 40),
    ])
    func sizesAreBytesOrPowersOf1024(text: String, bytes: Int) throws {
        #expect(try ByteSize.parse(text, for: .maxAttached) == bytes)
    }

    @Test(arguments: ["k", "1.5M", "-1", "+1", "16kB", "16MB", "16 k", "1e3", "0x10", "1P", "16kk", "٣"])
    func whatIsNoSizeIsRefusedWithTheRule(text: String) {
        #expect(throws: UsageError.self) { try ByteSize.parse(text, for: .maxAttached) }
        let complaint = Self.complaint(["-x", "--compress-above=\(text)", "i"])
        #expect(complaint.contains("\"\(text)\" is not a size") && complaint.contains("16KiB, or off;"))
    }

    @Test(arguments: ["9223372036854775808", "8388608T", "99999999999999999999", "9007199254740992k"])
    func aSizeBeyond63BitsIsTooLarge(text: String) {
        #expect(Self.complaint(["-x", "--max-attached", text, "i"]).contains("\(text) is too large"))
    }
}

@Suite struct OptionsHelpTests {
    @Test func everyLineFitsAndNothingTrails() {
        for line in Help.text.split(separator: "\n", omittingEmptySubsequences: false) {
            #expect(line.count < 80 && line.last != " ", "\(line)")
        }
        #expect(Help.text.hasSuffix("\n"))
    }

    @Test(arguments: OptionName.allCases)
    func everyOptionStandsInTheHelpUnderItsHeading(option: OptionName) throws {
        let section = try #require(Help.text.split(separator: option.group.rawValue + ":\n").last)
        let end = section.firstRange(of: "\n\n")?.lowerBound ?? section.endIndex
        let value = option.placeholder.map { " \($0)" } ?? ""
        let lines = section[..<end].split(separator: "\n")
        #expect(lines.contains { " \($0) ".contains(" \(option.spelling)\(value) ") }, "\(section[..<end])")
    }

    /// The defaults that the page names are those the parser has.
    @Test func theDefaultsInTheHelpAreTheParsers() throws {
        for option in OptionName.allCases {
            guard let start = option.summary.firstRange(of: "(default: ")?.upperBound, option != .captureDir else {
                continue
            }
            let value = option.summary[start...].dropLast()
            let rest = option.needsAgent ? "--agent --agent-host h --wait" : "-x i"
            #expect(
                try OptionsTests.parse("\(rest) \(option.spelling) \(value)") == OptionsTests.parse(rest), "\(option)")
        }
    }
}
