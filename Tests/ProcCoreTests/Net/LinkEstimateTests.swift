import ProcCore
import Testing

@Suite struct LinkEstimateTests {
    private func isBottleneck(_ roundTrip: Interval, _ rate: UInt64, _ isLowerBound: Bool) -> Bool {
        LinkEstimate(roundTrip: roundTrip, rate: rate, isLowerBound: isLowerBound).isBottleneck
    }

    @Test func aFastLinkIsNoneWhateverItsLength() {
        #expect(!isBottleneck(.milliseconds(100), 100_000_000, false))
        #expect(!isBottleneck(.milliseconds(100), 100_000_000, true))
    }

    @Test func aSlowLinkThatIsFullIsOneWhateverItsLength() {
        #expect(isBottleneck(.milliseconds(1), 1_000_000, false))
        #expect(isBottleneck(.milliseconds(100), 1_000_000, false))
    }

    @Test func aLinkThatWasNeverFullIsJudgedByItsLength() {
        #expect(!isBottleneck(.milliseconds(1), 1_000_000, true))
        #expect(isBottleneck(.milliseconds(20), 1_000_000, true))
        // Nothing measured yet.
        #expect(!isBottleneck(.zero, 0, true))
    }
}
