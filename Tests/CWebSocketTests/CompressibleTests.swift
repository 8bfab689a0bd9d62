import CWebSocket
import TestSupport
import Testing

@Suite struct CompressibleTests {
    static func isCompressible(_ bytes: [UInt8]) -> Bool {
        withExactCopy(bytes) { start, count in cws_is_compressible(start, count) }
    }

    @Test(arguments: [64, 200, 1023, 1024, 1025, 5000, 100_000])
    func textIsAndNoiseIsNot(count: Int) {
        let text = (0..<count).map { DeflateTests.text[$0 % DeflateTests.text.count] }
        #expect(Self.isCompressible(text))
        for seed in UInt64(1)...20 {
            #expect(!Self.isCompressible(DeflateTests.random(count, seed: seed)), "seed \(seed)")
        }
    }

    @Test func theLowerBitsOfNoiseAre() {
        // What base64 has: 6 bits in 8.
        #expect(Self.isCompressible(DeflateTests.random(3000).map { $0 & 0x3f }))
        #expect(!Self.isCompressible(DeflateTests.random(3000).map { $0 == 0 ? 1 : $0 }))
    }

    @Test func whatIsCompressedIsNot() {
        let numbers = (0..<20_000).map { "\($0 * 7919 % 10007)" }.joined(separator: ",")
        #expect(Self.isCompressible(Array(numbers.utf8)))
        #expect(!Self.isCompressible(Deflater().payload(Array(numbers.utf8))))
    }

    @Test func aSampleIsOfTheWholeMessage() {
        let noise = DeflateTests.random(8000)
        let zeros = [UInt8](repeating: 0, count: 8000)
        #expect(Self.isCompressible(noise + zeros))
        #expect(Self.isCompressible(zeros + noise))
    }

    @Test func nothingAndOneByteAreNot() {
        #expect(!Self.isCompressible([]))
        #expect(!Self.isCompressible([0x61]))
        #expect(Self.isCompressible([0x61, 0x61]))
    }
}
