import CWebSocket
import TestSupport
import Testing

@Suite struct MaskTests {
    static let mask: [UInt8] = [0x37, 0xfa, 0x21, 0x3d]

    /// Section 5.3, to the letter.
    static func reference(_ bytes: [UInt8], at offset: UInt64) -> [UInt8] {
        bytes.enumerated().map { $1 ^ mask[Int((offset &+ UInt64($0)) % 4)] }
    }

    static func random(_ count: Int) -> [UInt8] {
        var generator = SeededGenerator(seed: UInt64(count))
        return (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }

    static func masked(_ bytes: [UInt8], at offset: UInt64, alignment: Int) -> [UInt8] {
        withExactCopy(bytes, alignment: alignment) { start, count in
            cws_mask(start, count, mask, offset)
            return Array(UnsafeBufferPointer(start: start, count: count))
        }
    }

    static func copied(_ bytes: [UInt8], at offset: UInt64, from: Int, to: Int) -> [UInt8] {
        withExactCopy(bytes, alignment: from) { source, count in
            withExactCopy([UInt8](repeating: 0, count: count), alignment: to) { target, _ in
                cws_mask_copy(target, source, count, mask, offset)
                #expect(Array(UnsafeBufferPointer(start: source, count: count)) == bytes)
                return Array(UnsafeBufferPointer(start: target, count: count))
            }
        }
    }

    @Test func theExampleOfTheRFCHolds() {
        let hello = Array("Hello".utf8)
        #expect(Self.masked(hello, at: 0, alignment: 0) == [0x7f, 0x9f, 0x4d, 0x51, 0x58])
        #expect(Self.masked([0x7f, 0x9f, 0x4d, 0x51, 0x58], at: 0, alignment: 0) == hello)
    }

    @Test(arguments: 0..<16)
    func inPlaceAgreesWithByteByByte(alignment: Int) {
        for length in Array(0...72) + [127, 128, 129, 255, 256, 1000] {
            let bytes = Self.random(length)
            for offset in 0..<UInt64(8) {
                let masked = Self.masked(bytes, at: offset, alignment: alignment)
                #expect(masked == Self.reference(bytes, at: offset), "\(length) bytes, offset \(offset)")
            }
        }
    }

    @Test(arguments: 0..<8, 0..<8)
    func aCopyAgreesWithByteByByte(from: Int, to: Int) {
        for length in [0, 1, 3, 7, 8, 9, 15, 16, 31, 33, 64, 65, 129, 257] {
            let bytes = Self.random(length)
            for offset in 0..<UInt64(4) {
                let masked = Self.copied(bytes, at: offset, from: from, to: to)
                #expect(masked == Self.reference(bytes, at: offset), "\(length) bytes, offset \(offset)")
            }
        }
    }

    @Test func anOffsetBeyond32BitsCounts() {
        let bytes = Self.random(40)
        for offset: UInt64 in [1 << 32, (1 << 32) + 1, (1 << 63) - 1, .max - 2] {
            let expected = Self.reference(bytes, at: offset)
            #expect(Self.masked(bytes, at: offset, alignment: 1) == expected)
            #expect(Self.copied(bytes, at: offset, from: 1, to: 2) == expected)
        }
    }

    @Test func aPayloadMayBeMaskedInAnyTwoPieces() {
        let bytes = Self.random(100)
        let whole = Self.reference(bytes, at: 0)
        for cut in 0...bytes.count {
            let pieces = withExactCopy(bytes) { start, count in
                cws_mask(start, cut, Self.mask, 0)
                cws_mask(start + cut, count - cut, Self.mask, UInt64(cut))
                return Array(UnsafeBufferPointer(start: start, count: count))
            }
            #expect(pieces == whole, "cut at \(cut)")
        }
    }

    @Test func aPayloadMayBeMaskedByteByByte() {
        let bytes = Self.random(100)
        let pieces = withExactCopy(bytes) { start, count in
            for index in 0..<count { cws_mask(start + index, 1, Self.mask, UInt64(index)) }
            return Array(UnsafeBufferPointer(start: start, count: count))
        }
        #expect(pieces == Self.reference(bytes, at: 0))
    }
}
