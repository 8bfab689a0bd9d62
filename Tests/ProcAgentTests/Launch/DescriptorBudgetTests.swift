import ProcAgent
import Testing

@Suite struct DescriptorBudgetTests {
    @Test func theReserveIsNeverTouched() {
        let budget = DescriptorBudget(limit: DescriptorBudget.reserve + 20, inUse: 10)
        #expect(!budget.take(11) && budget.inUse == 10)
        #expect(budget.take(10) && !budget.take(1))
        budget.give(3)
        #expect(!budget.take(4) && budget.take(3) && budget.inUse == 20)
    }

    @Test func nothingIsAlwaysToBeHadWithinTheLimit() {
        #expect(DescriptorBudget(limit: DescriptorBudget.reserve, inUse: 0).take(0))
        #expect(!DescriptorBudget(limit: DescriptorBudget.reserve - 1, inUse: 0).take(0))
    }

    @Test func aRefusalTakesNothingAndSaysWhatToDo() {
        let budget = DescriptorBudget(limit: 1000, inUse: 900)
        #expect(!budget.take(100) && budget.inUse == 900)
        #expect(budget.refusal.contains("900") && budget.refusal.contains("1000"))
        #expect(budget.refusal.contains("ulimit -n"))
    }
}
