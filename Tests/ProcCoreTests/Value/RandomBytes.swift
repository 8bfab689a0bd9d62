import TestSupport

extension SeededGenerator {
    /// Bytes with plenty of what is special to UTF-8 and to JSON.
    mutating func troublesomeBytes(count: Int) -> [UInt8] {
        let pieces: [[UInt8]] = [
            [0xe2, 0x82, 0xac], [0xf0, 0x9f, 0x98, 0x80], [0xc3, 0xa9], [0xed, 0xa0, 0x80], [0xf4, 0x90], [0xc0, 0x80],
            [0xe0, 0x80], [0xf0, 0x8f], Array("plain text, long enough".utf8), [0x0a], [0x22], [0x5c], [0x00], [0x7f],
        ]
        var bytes: [UInt8] = []
        while bytes.count < count {
            switch next() % 4 {
            case 0: bytes.append(UInt8(truncatingIfNeeded: next()))
            case 1: bytes.append(UInt8(truncatingIfNeeded: next()) | 0x80)
            default: bytes += pieces[Int(next() % UInt64(pieces.count))].prefix(Int(next() % 5) + 1)
            }
        }
        return bytes
    }
}
