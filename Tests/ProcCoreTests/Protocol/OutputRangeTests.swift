import ProcCore
import Testing

@Suite struct OutputRangeTests {
    static func resolve(_ start: Int64, _ stop: UInt64?, _ length: UInt64) -> Range<UInt64>? {
        try? OutputRange(start: start, stop: stop).resolved(length: length)
    }

    /// Every small range on every small output, beside the same said with arrays.
    @Test func aRangeIsWhatItSaysOfWhatIsThere() throws {
        for length in 0...8 as ClosedRange<Int> {
            let output = Array(0..<length)
            for start in -10...10 as ClosedRange<Int> {
                for stop in [nil] + Array(0...10) as [Int?] {
                    let resolved = Self.resolve(Int64(start), stop.map { UInt64($0) }, UInt64(length))
                    let from = start < 0 ? max(0, length + start) : start
                    if let stop, stop < from {
                        #expect(resolved == nil, "\(start)..<\(stop) of \(length)")
                        continue
                    }
                    let range = try #require(resolved)
                    let wanted = output.filter { $0 >= from && $0 < stop ?? .max }
                    #expect(range.lowerBound == UInt64(from))
                    #expect(range.count == wanted.count)
                    #expect(wanted.isEmpty || wanted == Array(output[Int(range.lowerBound)..<Int(range.upperBound)]))
                }
            }
        }
    }

    @Test func anAnswerHoldsAGibibyte() {
        let gib: UInt64 = 1 << 30
        #expect(Self.resolve(0, nil, gib) == 0..<gib)
        #expect(Self.resolve(0, nil, gib + 1) == 0..<gib)
        #expect(Self.resolve(7, .max, 10 * gib) == 7..<(7 + gib))
        #expect(Self.resolve(-1, nil, 10 * gib) == (10 * gib - 1)..<(10 * gib))
        #expect(Self.resolve(-5_000_000_000, nil, 10 * gib) == 5_737_418_240..<(5_737_418_240 + gib))
    }

    @Test func theEndsOfTheNumbersDoNoHarm() {
        let end = UInt64(Int64.max)
        #expect(Self.resolve(.min, nil, 3) == 0..<3)
        #expect(Self.resolve(.min, .max, .max) == (end..<(end + (1 << 30))))
        #expect(Self.resolve(.max, nil, 3) == end..<end)
        #expect(Self.resolve(.max, .max, .max) == end..<(end + (1 << 30)))
    }

    @Test func aRangeThatRunsBackwardsIsRefused() throws {
        #expect(text { _ = try OutputRange(start: 3, stop: 2) } == "backwards range: 3 to 2")
        let range = try OutputRange(start: -1, stop: 2)
        #expect(try range.resolved(length: 3) == 2..<2)
        #expect(text { _ = try range.resolved(length: 4) } == "backwards range: 3 to 2")
    }
}
