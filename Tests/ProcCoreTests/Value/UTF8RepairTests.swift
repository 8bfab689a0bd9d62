import ProcCore
import TestSupport
import Testing

@Suite struct UTF8RepairTests {
    /// What the standard library makes of the same bytes.
    static func reference(_ bytes: [UInt8]) -> [UInt8] { Array(String(decoding: bytes, as: UTF8.self).utf8) }

    @Test func theRepairedCountIsThatOfTheStandardLibrary() {
        var generator = SeededGenerator(seed: 1)
        for length in 0..<2000 {
            let bytes = generator.troublesomeBytes(count: length % 50)
            let count = bytes.withUnsafeBytes { UTF8Repair.repairedCount(of: $0) }
            #expect(count == Self.reference(bytes).count, "\(bytes)")
        }
    }

    @Test func everyPairOfBytesIsJudgedAsTheStandardLibraryDoes() {
        for first in UInt8.min...UInt8.max {
            for second in UInt8.min...UInt8.max {
                let bytes = [first, second, 0x80, 0x80]
                let bad = bytes.withUnsafeBytes { UTF8Repair.firstIllFormed(in: $0) }
                #expect((bad == nil) == (String(validating: bytes, as: UTF8.self) != nil), "\(bytes)")
            }
        }
    }

    @Test(
        arguments: [
            (bytes: [0x61, 0xff], offset: 1),
            (bytes: [0xc3, 0xa9, 0xc3], offset: 2),
            (bytes: [0xed, 0xa0, 0x80], offset: 0),
            (bytes: Array("twelve bytes".utf8) + [0xe2, 0x82], offset: 12),
        ] as [(bytes: [UInt8], offset: Int)])
    func theFirstIllFormedSequenceIsFound(bytes: [UInt8], offset: Int) {
        #expect(bytes.withUnsafeBytes { UTF8Repair.firstIllFormed(in: $0) } == offset)
    }
}
