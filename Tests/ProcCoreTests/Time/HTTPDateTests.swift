import ProcCore
import Testing

@Suite struct HTTPDateTests {
    static let dates: [(Int64, String)] = [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (951_827_696, "Tue, 29 Feb 2000 12:34:56 GMT"), (1_795_219_199, "Fri, 20 Nov 2026 23:59:59 GMT"),
        (-1, "Wed, 31 Dec 1969 23:59:59 GMT"), (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
    ]

    @Test(arguments: dates)
    func aTimeIsWrittenAsTheDateFieldHasIt(second: Int64, text: String) {
        #expect(WallTime(nanoseconds: second * 1_000_000_000 + 999_999_999).httpDate == text)
    }
}
