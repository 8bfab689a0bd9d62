import ProcCore
import Testing

@Suite struct IntervalTextTests {
    @Test(arguments: [
        (0, "0 ms"), (49_999, "0 ms"), (50_000, "0.1 ms"), (1_249_999, "1.2 ms"), (9_949_999, "9.9 ms"),
        (9_950_000, "10 ms"), (84_600_000, "85 ms"), (999_499_999, "999 ms"), (999_500_000, "1 s"),
        (1_000_000_000, "1 s"), (1_200_000_000, "1.2 s"), (12_340_000_000, "12.3 s"), (59_949_999_999, "59.9 s"),
        (59_950_000_000, "1 min"), (60_499_999_999, "1 min"), (125_000_000_000, "2 min 5 s"),
        (3_599_499_999_999, "59 min 59 s"), (3_599_500_000_000, "1 h"), (11_520_000_000_000, "3 h 12 min"),
        (86_369_999_999_999, "23 h 59 min"), (86_370_000_000_000, "1 d"), (183_600_000_000_000, "2 d 3 h"),
        (UInt64.max, "213503 d 23 h"),
    ])
    func lengthsOfTimeAreRoundedToTheirUnit(nanoseconds: UInt64, text: String) {
        // The longest is 213,503 days and 23.58 hours: rounded up, that is a day more.
        let expected = nanoseconds == .max ? "213504 d" : text
        #expect(Interval(nanoseconds: nanoseconds).shortText == expected)
    }
}
