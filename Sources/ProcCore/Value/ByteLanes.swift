/// Eight bytes in one word, the first of them in the lowest bits, tested together.
///
/// The tests answer with the top bit of a lane set. A borrow may set further
/// bits above a lane that matched, so only the first flag is to be trusted.
enum ByteLanes {
    /// A lane with only its top bit set, eight times: what UTF-8 has in every byte that isn't ASCII.
    static let topBits: UInt64 = 0x8080_8080_8080_8080

    private static let ones: UInt64 = 0x0101_0101_0101_0101

    /// The eight bytes at `offset`, whatever its alignment.
    @inline(__always)
    static func load(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> UInt64 {
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    /// Whether the first `end` bytes are ASCII. Bytes after them, up to the next eight, may count too.
    @inline(__always)
    static func areASCII(_ bytes: UnsafeRawBufferPointer, before end: Int) -> Bool {
        var bits: UInt64 = 0
        for offset in stride(from: 0, to: end, by: 8) { bits |= load(bytes, at: offset) }
        return bits & topBits == 0
    }

    /// Flags the bytes that a JSON string can't hold as they are (RFC 8259,
    /// section 7): control characters, the quotation mark and the backslash.
    @inline(__always)
    static func flagJSONSpecials(_ word: UInt64) -> UInt64 {
        unmaskedJSONSpecials(word) & ~word & topBits
    }

    /// Flags the same bytes and those that aren't ASCII.
    @inline(__always)
    static func flagJSONSpecialsAndNonASCII(_ word: UInt64) -> UInt64 {
        (unmaskedJSONSpecials(word) | word) & topBits
    }

    /// The lane of the first flag; there must be one.
    @inline(__always)
    static func firstLane(_ flags: UInt64) -> Int { flags.trailingZeroBitCount >> 3 }

    /// In lanes below 0x80, the top bit tells of a special; other lanes hold anything.
    @inline(__always)
    private static func unmaskedJSONSpecials(_ word: UInt64) -> UInt64 {
        let controls = word &- ones &* 0x20
        let quotes = (word ^ (ones &* 0x22)) &- ones
        let backslashes = (word ^ (ones &* 0x5c)) &- ones
        return controls | quotes | backslashes
    }
}
