/// What may be executed: the values of `--restrict-exe`, any of which suffices.
///
/// A value is words, written as for a shell (see ``PatternWord``). The first is the absolute path of the executable,
/// compared byte by byte with the spec's `exe` or `argv[0]`. Then:
///
/// - no further word: any arguments, so `--restrict-exe /usr/bin/rsync` means what it always has;
/// - otherwise one word for each argument from `argv[1]` on; a `*` in a word stands for any run of characters;
/// - a last word `...` stands for any number of further arguments.
///
///     --restrict-exe '/usr/bin/rsync -a /data/* backup:/data/'
///     --restrict-exe '/usr/bin/git pull ...'
///
/// What the program takes for its own name, `argv[0]`, is free. Spaces always separate words: a path that holds one
/// needs quotes or a backslash within the value (`--restrict-exe '"/opt/my tool"'`), since `/opt/my tool` would
/// otherwise be two rules at once, and the wider one by accident.
package struct ExecutableRestriction: Equatable, Sendable {
    private struct Rule: Equatable {
        let executable: [UInt8]
        /// Nil when the arguments are free.
        let arguments: [PatternWord]?
        /// Whether more arguments may follow.
        let isOpen: Bool
    }

    /// Why a value of `--restrict-exe` can't be used: what was found and what would do.
    package struct Problem: Error, Equatable, CustomStringConvertible {
        package let value: String
        package let reason: String

        package var description: String { "--restrict-exe \(Quoted.text(value)): \(reason)" }
    }

    /// What the restriction says of one process.
    package enum Verdict: Equatable, Sendable {
        case allowed
        case executableRefused
        /// There are rules for the executable; none of them allows these arguments.
        case argumentsRefused
    }

    /// The values as they were given.
    package let values: [String]
    private let rules: [Rule]

    /// Nil without values: then everything may be executed.
    package init?(_ values: [String]) throws(Problem) {
        guard !values.isEmpty else { return nil }
        var rules: [Rule] = []
        for value in values { rules.append(try Self.rule(value)) }
        self.values = values
        self.rules = rules
    }

    /// Whether `executable` may be run with `argv`.
    package func verdict(executable: String, argv: [String]) -> Verdict {
        let path = Array(executable.utf8)
        let candidates = rules.filter { $0.executable == path }
        guard !candidates.isEmpty else { return .executableRefused }
        let arguments = argv.dropFirst().map { Array($0.utf8) }
        return candidates.contains { Self.allows($0, arguments) } ? .allowed : .argumentsRefused
    }

    private static func allows(_ rule: Rule, _ arguments: [[UInt8]]) -> Bool {
        guard let patterns = rule.arguments else { return true }
        guard arguments.count == patterns.count || (rule.isOpen && arguments.count > patterns.count) else {
            return false
        }
        return zip(patterns, arguments).allSatisfy { $0.matches($1) }
    }

    private static func rule(_ value: String) throws(Problem) -> Rule {
        func problem(_ reason: String) -> Problem { Problem(value: value, reason: reason) }

        let words: [PatternWord]
        do { words = try PatternWord.split(value) } catch { throw problem(error.description) }
        guard let first = words.first else {
            throw problem("empty; an absolute path is needed, such as /usr/bin/rsync")
        }
        guard let path = first.literal else {
            throw problem("a * in the executable's path; only arguments can have one (a literal * needs quotes)")
        }
        guard path.first == UInt8(ascii: "/") else {
            throw problem("not an absolute path; there is no search along PATH")
        }
        guard path.last != UInt8(ascii: "/") else { throw problem("a directory; the path of an executable is needed") }

        let arguments = words.dropFirst()
        if let ellipsis = arguments.firstIndex(where: \.isEllipsis), ellipsis != words.count - 1 {
            throw problem("... stands for all further arguments, so it has to be the last word (or quoted)")
        }
        let isOpen = arguments.last?.isEllipsis == true
        return Rule(
            executable: path, arguments: arguments.isEmpty ? nil : Array(isOpen ? arguments.dropLast() : arguments),
            isOpen: isOpen)
    }
}
