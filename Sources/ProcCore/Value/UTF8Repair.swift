/// One step through bytes that claim to be UTF-8.
///
/// The Unicode Standard, table 3-7, says what is well-formed. What isn't is
/// cut into its maximal subparts (section 3.9, U+FFFD substitution of maximal
/// subparts), as `String(decoding:as:)` does.
struct UTF8Sequence: Equatable {
    /// Bytes it takes; at least one.
    let length: Int
    let isWellFormed: Bool

    /// The sequence that starts at `start`, which must be inside `bytes`.
    @inline(__always)
    init(in bytes: UnsafeRawBufferPointer, at start: Int) {
        var lowest: UInt8 = 0x80
        var highest: UInt8 = 0xbf
        let expected: Int
        switch bytes[start] {
        case 0x00...0x7f: expected = 1
        case 0xc2...0xdf: expected = 2
        case 0xe0: (expected, lowest) = (3, 0xa0)
        case 0xed: (expected, highest) = (3, 0x9f)
        case 0xe1...0xef: expected = 3
        case 0xf0: (expected, lowest) = (4, 0x90)
        case 0xf1...0xf3: expected = 4
        case 0xf4: (expected, highest) = (4, 0x8f)
        default: expected = 0
        }
        var length = 1
        while length < expected {
            guard start + length < bytes.count, lowest...highest ~= bytes[start + length] else { break }
            (lowest, highest) = (0x80, 0xbf)
            length += 1
        }
        self.length = length
        isWellFormed = length == expected
    }
}

/// What becomes of bytes that should be UTF-8 and may not be: each maximal
/// subpart of an ill-formed sequence is replaced by U+FFFD.
package enum UTF8Repair {
    /// U+FFFD in UTF-8.
    package static let replacement: [UInt8] = [0xef, 0xbf, 0xbd]

    /// The offset of the first ill-formed sequence at or after `start`; nil when all is well.
    package static func firstIllFormed(in bytes: UnsafeRawBufferPointer, from start: Int = 0) -> Int? {
        var offset = start
        while offset < bytes.count {
            if offset + 8 <= bytes.count, ByteLanes.load(bytes, at: offset) & ByteLanes.topBits == 0 {
                offset += 8
                continue
            }
            if bytes[offset] < 0x80 {
                offset += 1
                continue
            }
            let sequence = UTF8Sequence(in: bytes, at: offset)
            guard sequence.isWellFormed else { return offset }
            offset += sequence.length
        }
        return nil
    }

    /// Calls `wellFormed` with each run of good bytes, in order, and `illFormed` for each U+FFFD between them.
    static func scan(
        _ bytes: UnsafeRawBufferPointer, wellFormed: (Range<Int>) -> Void, illFormed: () -> Void
    ) {
        var start = 0
        while let bad = firstIllFormed(in: bytes, from: start) {
            if bad > start { wellFormed(start..<bad) }
            illFormed()
            start = bad + UTF8Sequence(in: bytes, at: bad).length
        }
        if start < bytes.count { wellFormed(start..<bytes.count) }
    }

    /// How many bytes `bytes` have once repaired.
    package static func repairedCount(of bytes: UnsafeRawBufferPointer) -> Int {
        var count = 0
        scan(bytes, wellFormed: { count += $0.count }, illFormed: { count += replacement.count })
        return count
    }
}
