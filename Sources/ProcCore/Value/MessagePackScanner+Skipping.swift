extension MessagePackScanner {
    /// Steps over one value without making anything of it.
    ///
    /// So it gets over much that ``readValue(depth:)`` refuses: extensions, keys that aren't strings or are repeated,
    /// text that isn't UTF-8, any depth of nesting (it counts what is still to come, and doesn't recur).
    mutating func skipValue() throws(MessagePackError) {
        // At most two for each byte of the document, and two times 2^32 on top: it can't overflow.
        var pending = 1
        while pending > 0 {
            pending -= 1
            pending += try skipToContents()
        }
    }

    /// Steps over a value that holds no others; of one that does, over its length. Returns how many it holds.
    private mutating func skipToContents() throws(MessagePackError) -> Int {
        let start = offset
        let format = try readByte()
        switch format {
        case 0x80...0x8f: return 2 * Int(format & 0x0f)
        case 0x90...0x9f: return Int(format & 0x0f)
        case 0xa0...0xbf: _ = try take(Int(format & 0x1f))
        case 0xc1: throw failure(.unusedFormat, at: start)
        case 0xc4, 0xd9: _ = try take(Int(try readByte()))
        case 0xc5, 0xda: _ = try take(Int(try readInteger(UInt16.self)))
        case 0xc6, 0xdb: _ = try take(Int(try readInteger(UInt32.self)))
        // An extension has its type before its bytes.
        case 0xc7: _ = try take(1 + Int(try readByte()))
        case 0xc8: _ = try take(1 + Int(try readInteger(UInt16.self)))
        case 0xc9: _ = try take(1 + Int(try readInteger(UInt32.self)))
        case 0xd4...0xd8: _ = try take(1 + 1 << Int(format - 0xd4))
        case 0xcc, 0xd0: _ = try take(1)
        case 0xcd, 0xd1: _ = try take(2)
        case 0xca, 0xce, 0xd2: _ = try take(4)
        case 0xcb, 0xcf, 0xd3: _ = try take(8)
        case 0xdc: return Int(try readInteger(UInt16.self))
        case 0xdd: return Int(try readInteger(UInt32.self))
        case 0xde: return 2 * Int(try readInteger(UInt16.self))
        case 0xdf: return 2 * Int(try readInteger(UInt32.self))
        // Numbers in one byte, null, false and true.
        default: break
        }
        return 0
    }

    /// The count of a map's members; nil when what stands here is something else, which is then not passed.
    mutating func enterMap() throws(MessagePackError) -> Int? {
        let start = offset
        switch try readByte() {
        case let format where 0x80...0x8f ~= format: return Int(format & 0x0f)
        case 0xde: return Int(try readInteger(UInt16.self))
        case 0xdf: return Int(try readInteger(UInt32.self))
        default:
            offset = start
            return nil
        }
    }
}
