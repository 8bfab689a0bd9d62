internal import ProcIO

extension LocalOptions {
    /// - Parameters:
    ///   - environment: For `TMPDIR`, the default of `--capture-dir`.
    init(input: Input, environment: [String: String]) {
        self.init(input: input)
        if let directory = environment["TMPDIR"], !directory.isEmpty { engine.captureDirectory = directory }
    }
}

extension Command {
    /// Parses a command line, without the program's own name in front.
    ///
    /// `--help` and `--version` count where they stand: what follows them isn't looked at.
    static func parse(_ arguments: [String], environment: [String: String]) throws(UsageError) -> Command {
        var options = LocalOptions(input: .standardInput, environment: environment)
        var input: String?
        var exits = false
        var given: Set<OptionName> = []

        var scanner = OptionScanner(arguments)
        while let item = try scanner.next() {
            switch item {
            case .operand(let text):
                guard input == nil else { throw UsageError("more than one INPUT: \(input ?? "") and \(text)") }
                guard !text.isEmpty else { throw UsageError("INPUT is empty") }
                input = text
            case .flag(.help): return .help
            case .flag(.version): return .version
            case .flag(let option), .option(let option, _):
                guard given.insert(option).inserted || option.isRepeatable else {
                    throw UsageError("option \(option.spelling) is given twice")
                }
                if option == .exit { exits = true }
                if case .option(_, let value) = item { try options.set(option, to: value) }
                if case .flag = item { options.set(option) }
            }
        }

        guard let input else { throw UsageError("no INPUT: name a spec file, or - for standard input") }
        guard exits || options.delivery.print || options.delivery.output != nil else {
            throw UsageError(
                "nothing says what to do when the processes have ended: add --print, --output PATH or --exit")
        }
        options.delivery.exit = true
        options.input = input == "-" ? .standardInput : .file(input)
        return .local(options)
    }
}

extension LocalOptions {
    fileprivate mutating func set(_ flag: OptionName) {
        if flag == .print { delivery.print = true }
        if flag == .pretty { delivery.pretty = true }
        if flag == .summary { delivery.summary = true }
    }

    fileprivate mutating func set(_ option: OptionName, to value: String) throws(UsageError) {
        guard !value.isEmpty else { throw UsageError("option \(option.spelling) has an empty value") }
        switch option {
        case .output:
            guard value != "-" else { throw UsageError("--output writes a file; for standard output use --print") }
            delivery.output = value
        case .restrictExe: engine.restrictExe.append(value)
        case .captureDir: engine.captureDirectory = value
        case .captureMemory: engine.captureMemory = try ByteSize.parse(value, for: option)
        case .captureMemoryTotal: engine.captureMemoryTotal = try ByteSize.parse(value, for: option)
        case .compressAbove: engine.compressAbove = value == "off" ? nil : try ByteSize.parse(value, for: option)
        case .maxAttached: engine.maxAttached = try ByteSize.parse(value, for: option)
        case .logLevel: engine.logLevel = try Self.choice(value, of: option)
        case .logFormat: engine.logFormat = try Self.choice(value, of: option)
        case .print, .exit, .pretty, .summary, .help, .version: preconditionFailure("\(option.spelling) has a value")
        }
    }

    private static func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ value: String, of option: OptionName
    ) throws(UsageError) -> Choice {
        if let choice = Choice(rawValue: value) { return choice }
        let known = Choice.allCases.map(\.rawValue).joined(separator: ", ")
        throw UsageError("option \(option.spelling): \"\(value)\" is not one of \(known)")
    }
}
