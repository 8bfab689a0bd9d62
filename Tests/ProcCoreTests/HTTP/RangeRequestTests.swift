import ProcCore
import Testing

@Suite struct RangeRequestTests {
    static let ranges: [(String?, RangeRequest)] = [
        (nil, .all),
        // From one byte to another, both included.
        ("bytes=0-99", .part(0..<100)), ("bytes=0-0", .part(0..<1)), ("bytes=999-999", .part(999..<1000)),
        ("bytes=500-", .part(500..<1000)), ("bytes=0-", .part(0..<1000)), ("bytes=900-5000", .part(900..<1000)),
        ("bytes=0-99999999999999999999999999", .part(0..<1000)), ("bytes=0-18446744073709551615", .part(0..<1000)),
        ("Bytes= 1-2 ", .part(1..<3)), ("bytes=,1-2,", .part(1..<3)), ("bytes=007-08", .part(7..<9)),
        // The last ones.
        ("bytes=-1", .part(999..<1000)), ("bytes=-1000", .part(0..<1000)), ("bytes=-5000", .part(0..<1000)),
        ("bytes=-99999999999999999999999999", .part(0..<1000)),
        // Not there.
        ("bytes=1000-", .unsatisfiable), ("bytes=1000-1001", .unsatisfiable), ("bytes=-0", .unsatisfiable),
        ("bytes=99999999999999999999999999-", .unsatisfiable),
        // Ignored.
        ("bytes=0-1,3-4", .all), ("bytes=5-4", .all), ("bytes=", .all), ("bytes=-", .all), ("bytes=a-b", .all),
        ("bytes=1", .all), ("bytes=1-2-3", .all), ("bytes=1 -2", .all), ("bytes=--1", .all), ("bytes=+1-2", .all),
        ("lines=0-1", .all), ("bytes 0-1", .all), ("", .all), ("=0-1", .all), ("bytes=\u{661}-2", .all),
        ("bytes=18446744073709551616-18446744073709551615", .unsatisfiable),
    ]

    @Test(arguments: ranges)
    func aRangeOfAThousandBytes(field: String?, expected: RangeRequest) {
        #expect(RangeRequest(field, length: 1000) == expected)
    }

    static let ofNothing: [(String, RangeRequest)] = [
        ("bytes=0-", .unsatisfiable), ("bytes=0-0", .unsatisfiable), ("bytes=-0", .unsatisfiable), ("bytes=-5", .all),
    ]

    @Test(arguments: ofNothing)
    func aRangeOfAnEmptyDocument(field: String, expected: RangeRequest) {
        #expect(RangeRequest(field, length: 0) == expected)
    }

    @Test func theLongestDocumentHasALastByte() {
        #expect(RangeRequest("bytes=-1", length: .max) == .part((UInt64.max - 1)..<UInt64.max))
        #expect(RangeRequest("bytes=5-", length: .max) == .part(5..<UInt64.max))
    }

    @Test func contentRangeSaysWhichPartOfHowMuch() {
        #expect(RangeRequest.part(0..<100).contentRange(length: 1000) == "bytes 0-99/1000")
        #expect(RangeRequest.unsatisfiable.contentRange(length: 1000) == "bytes */1000")
        #expect(RangeRequest.all.contentRange(length: 1000) == nil)
    }
}
