import Glibc
import ProcCore
import Testing

@Suite struct WallTimeTests {
    @Test(arguments: [
        (0, "1970-01-01T00:00:00.000000000+00:00"),
        (1, "1970-01-01T00:00:00.000000001+00:00"),
        (-1, "1969-12-31T23:59:59.999999999+00:00"),
        (-1_000_000_000, "1969-12-31T23:59:59.000000000+00:00"),
        (-86_400_000_000_001, "1969-12-30T23:59:59.999999999+00:00"),
        (951_782_400_000_000_000, "2000-02-29T00:00:00.000000000+00:00"),
        (951_868_800_000_000_000, "2000-03-01T00:00:00.000000000+00:00"),
        (1_709_251_199_999_999_999, "2024-02-29T23:59:59.999999999+00:00"),
        (1_735_689_599_000_000_000, "2024-12-31T23:59:59.000000000+00:00"),
        (4_107_542_399_000_000_000, "2100-02-28T23:59:59.000000000+00:00"),
        (4_107_542_400_000_000_000, "2100-03-01T00:00:00.000000000+00:00"),
        (-2_203_891_200_000_000_000, "1900-03-01T00:00:00.000000000+00:00"),
        (-2_203_891_200_000_000_001, "1900-02-28T23:59:59.999999999+00:00"),
        (1_795_172_329_388_255_272, "2026-11-20T10:58:49.388255272+00:00"),
        (Int64.max, "2262-04-11T23:47:16.854775807+00:00"),
        (Int64.min, "1677-09-21T00:12:43.145224192+00:00"),
    ])
    func knownInstantsAreWrittenRight(nanoseconds: Int64, text: String) {
        #expect(WallTime(nanoseconds: nanoseconds).rfc3339 == text)
    }

    @Test func itAgreesWithGmtimeOverTheWholeRange() {
        var random = SeededGenerator(seed: 20_261_120)
        for _ in 0..<20_000 {
            let nanoseconds = Int64.random(in: .min ... .max, using: &random)
            let text = WallTime(nanoseconds: nanoseconds).rfc3339
            guard text == Self.reference(nanoseconds) else {
                Issue.record("\(nanoseconds): \(text), not \(Self.reference(nanoseconds))")
                return
            }
        }
    }

    @Test func itAgreesWithGmtimeOnEveryDay() {
        // 1678 to 2261, at one second before and at midnight.
        for day: Int64 in -106_500..<106_500 {
            for second in [day * 86_400 - 1, day * 86_400] {
                let text = WallTime(nanoseconds: second * 1_000_000_000).rfc3339
                guard text == Self.reference(second * 1_000_000_000) else {
                    Issue.record("day \(day): \(text)")
                    return
                }
            }
        }
    }

    /// The same by glibc.
    static func reference(_ nanoseconds: Int64) -> String {
        let fraction = (nanoseconds % 1_000_000_000 + 1_000_000_000) % 1_000_000_000
        var seconds = time_t((nanoseconds / 1_000_000_000) - (nanoseconds % 1_000_000_000 < 0 ? 1 : 0))
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func digits(_ number: some BinaryInteger, _ width: Int) -> String {
            let text = String(number)
            return String(repeating: "0", count: max(0, width - text.count)) + text
        }
        return digits(parts.tm_year + 1900, 4) + "-" + digits(parts.tm_mon + 1, 2) + "-" + digits(parts.tm_mday, 2)
            + "T" + digits(parts.tm_hour, 2) + ":" + digits(parts.tm_min, 2) + ":" + digits(parts.tm_sec, 2)
            + "." + digits(fraction, 9) + "+00:00"
    }
}
