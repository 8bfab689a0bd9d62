/// A child's file descriptor as a document names it: `stdin`, `stdout`, `stderr` or a decimal number.
///
/// `0` and `stdin` are the same fd, so they compare equal; only ``spelling`` tells them apart.
package struct FdName: Hashable, Sendable {
    package let number: CInt
    /// Whether the document wrote a word rather than the number.
    private let isWord: Bool

    private static let words = ["stdin", "stdout", "stderr"]

    package init(_ number: CInt) {
        self.number = number
        isWord = false
    }

    /// Parses `text`; the error is `bad fd: TEXT`, which clients know.
    package init(parsing text: String) throws(SpecError) {
        if let number = Self.words.firstIndex(of: text) {
            self.number = CInt(number)
            isWord = true
            return
        }
        // One spelling for each number: no sign, no leading zero.
        guard let number = CInt(text), number >= 0, String(number) == text else {
            throw SpecError.verbatim("bad fd: \(text)")
        }
        self.number = number
        isWord = false
    }

    /// As the document spelled it.
    package var spelling: String { isWord ? canonical : String(number) }

    /// The key under which results show it: the word where there is one.
    package var canonical: String { Self.canonical(number) }

    /// The key under which results show fd `number`.
    package static func canonical(_ number: CInt) -> String {
        0...2 ~= number ? words[Int(number)] : String(number)
    }

    package static func == (a: FdName, b: FdName) -> Bool { a.number == b.number }

    package func hash(into hasher: inout Hasher) { hasher.combine(number) }
}
