/// Says each failure once, however often it comes in succession.
package struct FailureLog: Equatable, Sendable {
    private var last: String?
    /// How many have come since the last success.
    package private(set) var count = 0

    package init() {}

    /// What to log about a failure; nil when it is the same as the last.
    package mutating func failed(_ text: String) -> String? {
        count += 1
        guard text != last else { return nil }
        last = text
        return text
    }

    /// Begins anew: the next failure is said, even if it is the same again. Returns how many there were.
    package mutating func succeeded() -> Int {
        defer { self = FailureLog() }
        return count
    }
}
