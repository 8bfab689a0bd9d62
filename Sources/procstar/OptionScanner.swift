/// Splits a command line into options and operands, without knowing what they mean.
///
/// Long options are `--name`, `--name value` or `--name=value`; short ones can
/// be bundled (`-px`), and the last of a bundle may have its value attached or
/// next (`-pofile`, `-po file`, `-o=file`). `--` ends the options; `-` is an operand.
struct OptionScanner {
    enum Item: Equatable {
        case flag(OptionName)
        case option(OptionName, String)
        case operand(String)
    }

    private var rest: ArraySlice<String>
    /// The letters of a bundle that are still to be looked at.
    private var bundle: Substring = ""
    private var optionsHaveEnded = false

    init(_ arguments: [String]) { rest = arguments[...] }

    /// The next item; nil at the end.
    mutating func next() throws(UsageError) -> Item? {
        if !bundle.isEmpty { return try nextOfBundle() }
        guard let argument = rest.popFirst() else { return nil }
        if optionsHaveEnded || argument == "-" || !argument.hasPrefix("-") { return .operand(argument) }
        if argument == "--" {
            optionsHaveEnded = true
            return try next()
        }
        if argument.hasPrefix("--") { return try long(argument.dropFirst(2)) }
        bundle = argument.dropFirst()
        return try nextOfBundle()
    }

    private mutating func long(_ text: Substring) throws(UsageError) -> Item {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard let option = OptionName.named(String(parts[0])) else {
            throw OptionSuggestion.unknown("--\(parts[0])")
        }
        let attached = parts.count == 2 ? String(parts[1]) : nil
        guard option.placeholder == nil else {
            if let attached { return .option(option, attached) }
            return .option(option, try nextValue(of: option, as: option.spelling))
        }
        guard attached == nil else { throw UsageError("option \(option.spelling) takes no value") }
        return .flag(option)
    }

    private mutating func nextOfBundle() throws(UsageError) -> Item {
        let letter = bundle.removeFirst()
        guard let option = OptionName.allCases.first(where: { $0.short == letter }) else {
            throw OptionSuggestion.unknown("-\(letter)")
        }
        if option.placeholder == nil {
            guard !bundle.hasPrefix("=") else { throw UsageError("option -\(letter) takes no value") }
            return .flag(option)
        }
        defer { bundle = "" }
        if bundle.isEmpty { return .option(option, try nextValue(of: option, as: "-\(letter)")) }
        return .option(option, String(bundle.hasPrefix("=") ? bundle.dropFirst() : bundle))
    }

    /// The argument after an option. One that looks like an option is taken for a forgotten value, not for a file of
    /// that name.
    private mutating func nextValue(of option: OptionName, as spelling: String) throws(UsageError) -> String {
        let wanted = option.placeholder ?? ""
        guard let value = rest.first else { throw UsageError("option \(spelling) needs a value, \(wanted)") }
        guard !value.hasPrefix("-") || value == "-" else {
            throw UsageError(
                "option \(spelling) needs a value, \(wanted), and \(value) looks like an option; "
                    + "if it is meant, write \(option.spelling)=\(value)")
        }
        rest.removeFirst()
        return value
    }
}
