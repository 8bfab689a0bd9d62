import ProcCore
import TestSupport
import Testing

@Suite struct LedgerChecksumTests {
    @Test func theReferenceIsZlibs() { #expect(referenceChecksum(Array("123456789".utf8)) == 0xcbf4_3926) }

    @Test func itIsTheReferencesForEveryLength() {
        for length in 0..<300 {
            let record = LedgerRecord.agent(
                .init(pid: 1, version: String(repeating: "é", count: length), time: WallTime(nanoseconds: -1)))
            let bytes = LedgerRecord.encoded([record])
            #expect(bytes == framed(Array(bytes[8...])), "\(bytes.count - 8) bytes")
        }
    }
}
