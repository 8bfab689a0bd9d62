/// How much memory captured output takes up, and how much it may.
///
/// Counted in whole pages, as the kernel gives it: ten thousand captures of a
/// few bytes each are 40 MB.
package final class MemoryBudget {
    static let page = 4096

    package let total: Int
    /// Bytes taken and not given back.
    package private(set) var used = 0

    package init(total: Int) { self.total = total }

    /// Takes `bytes`, whole pages, or as many pages as are left; returns the bytes taken.
    func take(upTo bytes: Int) -> Int {
        let taken = min(bytes, (total - used) / Self.page * Self.page)
        used += taken
        return taken
    }

    func give(_ bytes: Int) {
        precondition(bytes <= used, "gave back memory that nobody took")
        used -= bytes
    }
}

/// One capture's part of the budget; given back when it is let go.
final class MemoryShare {
    private let budget: MemoryBudget
    private let limit: Int
    private var held = 0

    init(of budget: MemoryBudget, limit: Int) {
        self.budget = budget
        self.limit = limit
    }

    deinit { budget.give(held) }

    /// Asks for room for `bytes` in all; returns for how many there is.
    @discardableResult
    func reserve(_ bytes: Int) -> Int {
        let wanted = min(bytes, limit)
        let pages = Self.pages(wanted)
        if pages > held { held += budget.take(upTo: pages - held) }
        return min(wanted, held)
    }

    /// Gives back what `bytes` don't need.
    func shrink(to bytes: Int) {
        let pages = Self.pages(bytes)
        guard pages < held else { return }
        budget.give(held - pages)
        held = pages
    }

    private static func pages(_ bytes: Int) -> Int {
        (bytes + MemoryBudget.page - 1) / MemoryBudget.page * MemoryBudget.page
    }
}
