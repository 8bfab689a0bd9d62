import CLinux
import ProcAgent
import ProcCore
import ProcIO
import TestSupport
import Testing

/// How long the loop keeps everybody waiting while thousands start and end.
@Suite(.serialized) struct LoopStallTests {
    /// The longest time between two turns of a timer of 1 ms.
    private func longestGap(starting count: Int) throws -> Double {
        let engine = try Engine()
        let specs = SpecText.specs((0..<count).map { ("p\($0)", SpecText.spec(["/bin/true"])) })
        let table = engine.table
        let request = try StartRequest(specs: try JSONReader.read(Array(specs.utf8))) { table.contains($0) }
        var last = engine.loop.now
        var longest = Interval.seconds(0)
        func tick() {
            let now = engine.loop.now
            longest = max(longest, now.since(last))
            last = now
            engine.loop.at(now + .milliseconds(1)) { tick() }
        }
        engine.loop.soon {
            last = engine.loop.now
            tick()
            table.start(request)
        }
        engine.loop.run { engine.events.last == .quiet }
        #expect(engine.events.count == 2 * count + 1)
        return longest.seconds * 1000
    }

    @Test func threeThousandStartsAndEndsNeverStallTheLoop() throws {
        let gaps = try (0..<3).map { _ in try longestGap(starting: 3000) }
        // 20 ms is the promise of a release build on a machine of its own.
        #expect(gaps.sorted()[1] < 100, "\(gaps) ms")
        if getenv("PROCSTAR_TEST_VERBOSE") != nil { print("longest gaps: \(gaps) ms") }
    }
}
