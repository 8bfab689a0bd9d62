/// Writes values as MessagePack, each in the shortest form that holds it.
///
/// Doubles are always written as 64 bits. A string, a binary, an array or a
/// map that is longer than the 2^32 - 1 that the format can say is a
/// programming error.
package enum MessagePackWriter {
    /// The bytes of `value`.
    package static func bytes(of value: Value) -> [UInt8] {
        var bytes: [UInt8] = []
        // What most messages take; growing from nothing would copy them four times.
        bytes.reserveCapacity(1 << 10)
        append(value, to: &bytes)
        return bytes
    }

    /// Appends the bytes of `value`.
    package static func append(_ value: Value, to bytes: inout [UInt8]) {
        switch value {
        case .null: bytes.append(0xc0)
        case .bool(let flag): bytes.append(flag ? 0xc3 : 0xc2)
        case .int(let number): append(number, to: &bytes)
        case .uint(let number): append(unsigned: number, to: &bytes)
        case .double(let number):
            bytes.append(0xcb)
            append(bigEndian: number.bitPattern, to: &bytes)
        case .string(let text): append(text, to: &bytes)
        case .text(let text): append(repairing: text, to: &bytes)
        case .base64(let content): append(base64: content, to: &bytes)
        case .binary(let content):
            appendBinaryHeader(count: content.count, to: &bytes)
            bytes.append(contentsOf: content)
        case .array(let elements):
            append(Header(short: (0x90, 15), one: nil, two: 0xdc, four: 0xdd), elements.count, to: &bytes)
            for element in elements { append(element, to: &bytes) }
        case .map(let members):
            appendMapHeader(count: members.count, to: &bytes)
            for member in members { append(member, to: &bytes) }
        }
    }

    /// Appends what stands before the members of a map.
    static func appendMapHeader(count: Int, to bytes: inout [UInt8]) {
        append(Header(short: (0x80, 15), one: nil, two: 0xde, four: 0xdf), count, to: &bytes)
    }

    static func append(_ member: Value.Member, to bytes: inout [UInt8]) {
        append(member.key, to: &bytes)
        append(member.value, to: &bytes)
    }

    /// Appends what stands before a binary's bytes.
    static func appendBinaryHeader(count: Int, to bytes: inout [UInt8]) {
        append(Header(short: nil, one: 0xc4, two: 0xc5, four: 0xc6), count, to: &bytes)
    }
}

// MARK: - Numbers

extension MessagePackWriter {
    private static func append(_ number: Int64, to bytes: inout [UInt8]) {
        switch number {
        case 0...: append(unsigned: UInt64(number), to: &bytes)
        case -32..<0: bytes.append(UInt8(truncatingIfNeeded: number))
        case -0x80 ..< -32:
            bytes.append(0xd0)
            bytes.append(UInt8(truncatingIfNeeded: number))
        case -0x8000 ..< -0x80:
            bytes.append(0xd1)
            append(bigEndian: UInt16(truncatingIfNeeded: number), to: &bytes)
        case -0x8000_0000 ..< -0x8000:
            bytes.append(0xd2)
            append(bigEndian: UInt32(truncatingIfNeeded: number), to: &bytes)
        default:
            bytes.append(0xd3)
            append(bigEndian: UInt64(bitPattern: number), to: &bytes)
        }
    }

    private static func append(unsigned number: UInt64, to bytes: inout [UInt8]) {
        switch number {
        case 0...0x7f: bytes.append(UInt8(number))
        case 0x80...0xff:
            bytes.append(0xcc)
            bytes.append(UInt8(number))
        case 0x100...0xffff:
            bytes.append(0xcd)
            append(bigEndian: UInt16(number), to: &bytes)
        case 0x1_0000...0xffff_ffff:
            bytes.append(0xce)
            append(bigEndian: UInt32(number), to: &bytes)
        default:
            bytes.append(0xcf)
            append(bigEndian: number, to: &bytes)
        }
    }

    @inline(__always)
    private static func append(bigEndian number: some FixedWidthInteger, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
    }
}

// MARK: - Strings and lengths

extension MessagePackWriter {
    /// The first bytes of a format family, by how many bytes its length takes.
    private struct Header {
        /// The first byte with the length in it, and the largest such length.
        let short: (format: UInt8, limit: Int)?
        let one: UInt8?
        let two: UInt8
        let four: UInt8

        static let string = Header(short: (0xa0, 31), one: 0xd9, two: 0xda, four: 0xdb)
    }

    @inline(__always)
    private static func append(_ header: Header, _ count: Int, to bytes: inout [UInt8]) {
        if let short = header.short, count <= short.limit {
            bytes.append(short.format | UInt8(count))
        } else if let one = header.one, count <= 0xff {
            bytes.append(one)
            bytes.append(UInt8(count))
        } else if count <= 0xffff {
            bytes.append(header.two)
            append(bigEndian: UInt16(count), to: &bytes)
        } else {
            precondition(count <= 0xffff_ffff, "longer than MessagePack can say")
            bytes.append(header.four)
            append(bigEndian: UInt32(count), to: &bytes)
        }
    }

    @inline(__always)
    static func append(_ text: String, to bytes: inout [UInt8]) {
        let utf8 = text.utf8
        append(.string, utf8.count, to: &bytes)
        bytes.append(contentsOf: utf8)
    }

    /// Appends a string whose ill-formed parts are replaced as ``UTF8Repair`` says.
    private static func append(repairing text: [UInt8], to bytes: inout [UInt8]) {
        text.withUnsafeBytes { text in
            guard UTF8Repair.firstIllFormed(in: text) != nil else {
                append(.string, text.count, to: &bytes)
                return bytes.append(contentsOf: text)
            }
            let count = UTF8Repair.repairedCount(of: text)
            append(.string, count, to: &bytes)
            extend(&bytes, by: count) { room in
                var written = 0
                func put(_ piece: UnsafeRawBufferPointer) {
                    UnsafeMutableRawBufferPointer(rebasing: room[written...]).copyMemory(from: piece)
                    written += piece.count
                }
                UTF8Repair.replacement.withUnsafeBytes { replacement in
                    UTF8Repair.scan(
                        text,
                        wellFormed: { put(UnsafeRawBufferPointer(rebasing: text[$0])) },
                        illFormed: { put(replacement) })
                }
            }
        }
    }

    private static func append(base64 content: [UInt8], to bytes: inout [UInt8]) {
        let count = Base64.encodedCount(of: content.count)
        append(.string, count, to: &bytes)
        extend(&bytes, by: count) { room in content.withUnsafeBytes { Base64.encode($0, into: room) } }
    }

    /// Appends `count` bytes that `fill` writes.
    private static func extend(
        _ bytes: inout [UInt8], by count: Int, fill: (UnsafeMutableRawBufferPointer) -> Void
    ) {
        let start = bytes.count
        bytes.append(contentsOf: repeatElement(0, count: count))
        bytes.withUnsafeMutableBytes { fill(UnsafeMutableRawBufferPointer(rebasing: $0[start...])) }
    }
}
