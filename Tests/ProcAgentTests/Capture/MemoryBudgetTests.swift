import Testing

@testable import ProcAgent

@Suite struct MemoryBudgetTests {
    @Test func memoryIsCountedInWholePages() {
        let budget = MemoryBudget(total: 10 * 4096)
        let share = MemoryShare(of: budget, limit: 100_000)
        #expect(share.reserve(1) == 1)
        #expect(budget.used == 4096)
        #expect(share.reserve(4096) == 4096)
        #expect(budget.used == 4096)
        #expect(share.reserve(4097) == 4097)
        #expect(budget.used == 8192)
    }

    @Test func aShareGetsNoMoreThanItsLimit() {
        let budget = MemoryBudget(total: 1 << 20)
        let share = MemoryShare(of: budget, limit: 5000)
        #expect(share.reserve(9000) == 5000)
        #expect(budget.used == 8192)
    }

    @Test func whatOneHasAnotherCannotGetUntilItIsGivenBack() {
        let budget = MemoryBudget(total: 3 * 4096)
        var first: MemoryShare? = MemoryShare(of: budget, limit: .max)
        let second = MemoryShare(of: budget, limit: .max)
        #expect(first?.reserve(2 * 4096) == 2 * 4096)
        #expect(second.reserve(2 * 4096) == 4096)

        first?.shrink(to: 100)
        #expect(second.reserve(2 * 4096) == 2 * 4096)
        #expect(budget.used == budget.total)
        first = nil
        second.shrink(to: 0)
        #expect(budget.used == 0)
    }

    @Test func aBudgetThatIsNoNumberOfPagesGivesWholePagesOnly() {
        let budget = MemoryBudget(total: 4096 + 4095)
        let share = MemoryShare(of: budget, limit: .max)
        #expect(share.reserve(8000) == 4096)
    }
}
