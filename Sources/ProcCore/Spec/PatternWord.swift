/// One word of a pattern, in which an unquoted `*` matches any run of bytes.
///
/// Words are written as for a shell: spaces, tabs and newlines separate them; single quotes keep everything up to the
/// next one; in double quotes a backslash keeps `"`, `\` and `$` (and `` ` ``), and is itself before others; elsewhere
/// it keeps whatever follows. Nothing is expanded.
struct PatternWord: Equatable, Sendable {
    /// Why a text can't be split into words.
    enum Problem: Error, Equatable, CustomStringConvertible {
        case unbalancedQuote(Character)
        case danglingBackslash

        var description: String {
            switch self {
            case .unbalancedQuote(let quote): "a \(quote) without its second one (a literal one needs a backslash)"
            case .danglingBackslash: "a backslash at the end, with nothing to keep (write two for a literal one)"
            }
        }
    }

    /// The literal parts; between two of them stands a `*`. At least one, which may be empty.
    private var parts: [[UInt8]]
    /// Whether this is an unquoted `...`.
    private(set) var isEllipsis: Bool

    /// The word's text when it has no wildcard.
    var literal: [UInt8]? { parts.count == 1 ? parts[0] : nil }

    /// Whether the whole of `text` fits.
    func matches(_ text: [UInt8]) -> Bool {
        guard let first = parts.first, let last = parts.last, parts.count > 1 else { return text == parts[0] }
        guard text.count >= first.count + last.count, text.starts(with: first), text.suffix(last.count) == last[...]
        else { return false }
        // The leftmost place for each inner part leaves the most room for the rest.
        var rest = text[first.count..<(text.count - last.count)]
        for part in parts.dropFirst().dropLast() {
            guard let found = rest.firstRange(of: part) else { return false }
            rest = rest[found.upperBound...]
        }
        return true
    }

    /// Splits `text` into words.
    static func split(_ text: String) throws(Problem) -> [PatternWord] {
        var splitter = Splitter(rest: Array(text.utf8)[...])
        return try splitter.words()
    }

    private struct Splitter {
        var rest: ArraySlice<UInt8>
        private var parts: [[UInt8]] = [[]]
        /// Whether a word has begun; an empty pair of quotes is a word too.
        private var inWord = false
        private var isQuoted = false

        init(rest: ArraySlice<UInt8>) { self.rest = rest }

        mutating func words() throws(Problem) -> [PatternWord] {
            var words: [PatternWord] = []
            while let byte = rest.popFirst() {
                switch byte {
                case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"):
                    finish(&words)
                case UInt8(ascii: "'"):
                    try takeSingleQuoted()
                case UInt8(ascii: "\""):
                    try takeDoubleQuoted()
                case UInt8(ascii: "\\"):
                    guard let kept = rest.popFirst() else { throw .danglingBackslash }
                    take(kept, quoted: true)
                case UInt8(ascii: "*"):
                    inWord = true
                    parts.append([])
                default:
                    take(byte, quoted: false)
                }
            }
            finish(&words)
            return words
        }

        private mutating func take(_ byte: UInt8, quoted: Bool) {
            inWord = true
            isQuoted = isQuoted || quoted
            parts[parts.count - 1].append(byte)
        }

        private mutating func takeSingleQuoted() throws(Problem) {
            (inWord, isQuoted) = (true, true)
            while let byte = rest.popFirst() {
                if byte == UInt8(ascii: "'") { return }
                take(byte, quoted: true)
            }
            throw .unbalancedQuote("'")
        }

        private mutating func takeDoubleQuoted() throws(Problem) {
            (inWord, isQuoted) = (true, true)
            while let byte = rest.popFirst() {
                switch (byte, rest.first) {
                case (UInt8(ascii: "\""), _):
                    return
                case (UInt8(ascii: "\\"), let next?) where Array(#""\$`"#.utf8).contains(next):
                    take(next, quoted: true)
                    rest.removeFirst()
                default:
                    take(byte, quoted: true)
                }
            }
            throw .unbalancedQuote("\"")
        }

        private mutating func finish(_ words: inout [PatternWord]) {
            guard inWord else { return }
            words.append(PatternWord(parts: parts, isEllipsis: !isQuoted && parts == [Array("...".utf8)]))
            (parts, inWord, isQuoted) = ([[]], false, false)
        }
    }
}

extension ArraySlice<UInt8> {
    /// Where `part` first stands in this slice; at the start when it is empty.
    fileprivate func firstRange(of part: [UInt8]) -> Range<Int>? {
        guard count >= part.count else { return nil }
        for start in startIndex...(endIndex - part.count) where self[start...].starts(with: part) {
            return start..<(start + part.count)
        }
        return nil
    }
}
