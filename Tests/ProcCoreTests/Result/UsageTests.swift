import ProcCore
import Testing

@Suite struct UsageTests {
    static let usage = ResourceUsage(
        utime: .init(seconds: 1, microseconds: 178), stime: .init(seconds: 0, microseconds: 2158), maxrssKiB: 4904,
        minflt: 152, majflt: 1, nswap: 2, inblock: 3, oublock: 8, nvcsw: 5, nivcsw: 6)

    /// Not 0.0021579999999999998, which a sum of rounded numbers gives.
    @Test func rusageHasSecondsAndBytes() {
        #expect(
            Self.usage.value.text
                == """
                {"utime":1.000178,"stime":0.002158,"maxrss":5021696,"minflt":152,"majflt":1,"nswap":2,"inblock":3,\
                "oublock":8,"nvcsw":5,"nivcsw":6}
                """
        )
    }

    @Test func numbersAtTheBordersDoNotTrap() {
        for border in [Int64.min, .max] {
            var usage = Self.usage
            usage.utime = .init(seconds: border, microseconds: border)
            usage.maxrssKiB = border
            _ = usage.value
        }
        var usage = Self.usage
        usage.maxrssKiB = .max
        #expect(usage.maxrss == .max)
    }

    @Test func usageWhileRunningComesFromProc() throws {
        let stat = try #require(ProcStatTests.parse(KernelText.busyStat))
        let status = try #require(ProcStatusTests.parse(KernelText.busyStatus))
        #expect(
            RunningUsage(stat: stat, status: status).value(scale: ProcStatTests.scale).text
                == #"{"utime":0.46,"stime":0.06,"maxrss":43048960,"minflt":8269,"majflt":0,"nvcsw":8,"nivcsw":35}"#)
    }

    @Test func memoryThatIsGoneIsNull() throws {
        let stat = try #require(ProcStatTests.parse(KernelText.zombieStat))
        let status = try #require(ProcStatusTests.parse(KernelText.zombieStatus))
        #expect(RunningUsage(stat: stat, status: status).value(scale: ProcStatTests.scale)["maxrss"] == .null)
    }
}
