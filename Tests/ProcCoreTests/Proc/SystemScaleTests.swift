import ProcCore
import Testing

@Suite struct SystemScaleTests {
    static func starttime(_ ticks: UInt64, perSecond: UInt64 = 100, boot: Int64 = 0) -> Int64 {
        SystemScale(ticksPerSecond: perSecond, pageSize: 4096, bootTime: WallTime(nanoseconds: boot))
            .time(ticksAfterBoot: ticks).nanoseconds
    }

    @Test func ticksAreAddedToTheBootTime() {
        #expect(Self.starttime(0, boot: 5) == 5)
        #expect(Self.starttime(1, boot: 5) == 10_000_005)
        #expect(Self.starttime(12_345, boot: 5) == 123_450_000_005)
        #expect(Self.starttime(1, perSecond: 1024) == 976_562)
        #expect(Self.starttime(1025, perSecond: 1024) == 1_000_976_562)
    }

    @Test(arguments: [1, 100, 1024, 1_000_000_000])
    func timeSaturates(perSecond: UInt64) {
        #expect(Self.starttime(.max, perSecond: perSecond, boot: .max) == .max)
        #expect(Self.starttime(0, perSecond: perSecond, boot: .min) == .min)
    }
}
