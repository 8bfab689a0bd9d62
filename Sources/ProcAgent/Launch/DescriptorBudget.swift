/// How many descriptors processes may still use.
///
/// A reserve is kept for everything else: connections, `/proc`, the files that a
/// capture or a result needs for a moment. So an order for more processes than
/// the limit allows fails for those processes, and for nothing else.
package final class DescriptorBudget {
    /// Kept free for all but processes.
    package static let reserve = 128

    private let limit: Int
    private(set) package var inUse: Int

    /// - Parameters:
    ///   - limit: The limit of open files, as raised.
    ///   - inUse: How many were open at the start.
    package init(limit: Int, inUse: Int) {
        self.limit = limit
        self.inUse = inUse
    }

    /// Takes `count`; false when that would reach into the reserve.
    package func take(_ count: Int) -> Bool {
        guard inUse + count + Self.reserve <= limit else { return false }
        inUse += count
        return true
    }

    /// Takes what is in use already.
    package func takeAnyway(_ count: Int) { inUse += count }

    package func give(_ count: Int) {
        inUse -= count
        precondition(inUse >= 0, "gave back more descriptors than were taken")
    }

    /// What is said to the author of a process that got none.
    package var refusal: String {
        "too many open files: \(inUse) descriptors in use of \(limit), \(Self.reserve) kept in reserve; "
            + "raise the limit of open files (ulimit -n) or start fewer at a time"
    }
}
