import ProcCore
import Testing

@Suite struct FdPlanTests {
    /// One entry of a pretend kernel's descriptor table.
    struct Open: Equatable {
        var file: String
        var closesOnExec: Bool
    }

    /// Runs a plan in a child whose table starts as the parent's, and execs: what the new program has open.
    static func execute(_ plan: FdPlan, on parent: [CInt: Open]) throws -> [CInt: String] {
        var table = parent
        for copy in plan.copies {
            let source = try #require(table[copy.source], "dup2(\(copy.source), \(copy.target)): EBADF")
            table[copy.target] = Open(file: source.file, closesOnExec: false)
        }
        for fd in plan.closes { table[fd] = nil }
        table = table.filter { $0.key < plan.closeFrom }
        return table.filter { !$0.value.closesOnExec }.mapValues(\.file)
    }

    /// A parent with files at every number that `mapping` reads and at many others; all but 0 to 2 close on exec.
    static func parent(_ mapping: [CInt: CInt]) -> [CInt: Open] {
        var table: [CInt: Open] = [:]
        for fd in Set(mapping.values).union(0..<40) { table[fd] = Open(file: "file\(fd)", closesOnExec: fd > 2) }
        return table
    }

    static func check(_ mapping: [CInt: CInt]) throws {
        let plan = FdPlan(mapping: mapping)
        let after = try execute(plan, on: parent(mapping))
        #expect(after == mapping.mapValues { "file\($0)" }, "\(plan)")
        let numbers = Set(mapping.keys).union(mapping.values).count
        let targets = plan.copies.map(\.target)
        #expect(targets.allSatisfy { mapping[$0] != nil || $0 <= numbers }, "a spare number far up: \(plan)")
        #expect(
            Set(plan.closes).count == plan.closes.count && plan.closes.allSatisfy { $0 < plan.closeFrom }, "\(plan)")
    }

    static let mappings: [[CInt: CInt]] = [
        [:],
        [0: 0, 1: 1, 2: 2],
        [0: 3, 1: 4, 2: 5],
        [0: 0, 1: 2, 2: 1],  // swapped
        [0: 1, 1: 2, 2: 0],  // rotated
        [0: 1, 1: 0, 2: 3, 3: 2],  // two circles
        [0: 5, 1: 5, 2: 5],  // shared
        [7: 0, 0: 7],
        [0: 0, 1: 0],  // kept and shared
        [0: 1, 1: 0, 5: 0, 6: 1],  // a circle that others read too
        [1: 2, 2: 9],  // a chain: 2 is read before it is overwritten
        [7: 20, 500: 21],  // gaps
        [2: 30],
        [5: 5],  // only kept, from a descriptor that closes on exec
        [3: 19_999, 19_998: 3],
    ]

    @Test(arguments: mappings)
    func theProgramHasItsTargetsAndNothingElse(mapping: [CInt: CInt]) throws {
        try Self.check(mapping)
    }

    @Test func randomMappingsComeOutRight() throws {
        var random = SplitMix(state: 20_260_101)
        for _ in 0..<5_000 {
            let span = CInt.random(in: 2...24, using: &random)
            var mapping: [CInt: CInt] = [:]
            for _ in 0..<Int.random(in: 0...12, using: &random) {
                mapping[CInt.random(in: 0..<span, using: &random)] = CInt.random(in: 0..<span, using: &random)
            }
            try Self.check(mapping)
        }
    }

    @Test func randomRotationsComeOutRight() throws {
        var random = SplitMix(state: 7)
        for _ in 0..<1_000 {
            let targets = Array(0..<CInt.random(in: 1...16, using: &random)).shuffled(using: &random)
            let sources = targets.shuffled(using: &random)
            try Self.check(Dictionary(uniqueKeysWithValues: zip(targets, sources)))
        }
    }

    @Test func theUsualPlanIsOneCopyForEachTarget() {
        let plan = FdPlan(mapping: [0: 20, 1: 21, 2: 1])
        #expect(
            plan.copies == [
                FdPlan.Copy(source: 20, target: 0), FdPlan.Copy(source: 1, target: 2),
                FdPlan.Copy(source: 21, target: 1),
            ])
        #expect(plan.closes == [])
        #expect(plan.closeFrom == 3)
    }

    @Test func aCircleTakesOneCopyMoreAndALowSpareNumber() {
        let plan = FdPlan(mapping: [1: 2, 2: 1, 9: 9])
        #expect(plan.copies.count == 4)
        #expect(plan.copies.filter { $0.target == 0 }.count == 1)
        #expect(plan.closes == [0])
        #expect(plan.closeFrom == 10)
    }

    @Test func standardDescriptorsThatAreNotMappedAreClosed() {
        #expect(FdPlan(mapping: [2: 5]).closes == [0, 1])
        #expect(FdPlan(mapping: [7: 5]).closes == [0, 1, 2])
        #expect(FdPlan(mapping: [0: 5]).closes == [])
        #expect(FdPlan(mapping: [0: 5]).closeFrom == 1)
    }
}

/// A generator with a seed (Steele, Lea and Flood, 2014), so that a failure comes again.
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
