/// A place in MessagePack bytes, and the steps from value to value.
struct MessagePackScanner {
    /// The most elements that memory is set aside for before any has been
    /// read: an element takes 40 times as much memory as it may take bytes.
    private static let largestReservation = 256

    let bytes: UnsafeRawBufferPointer
    var offset: Int
    let depthLimit: Int
    /// How many elements of arrays and members of maps there may be in all. A value in memory takes up to 48 bytes for
    /// each byte of the document, so a document from a stranger needs a limit of its own.
    let valueLimit: Int
    private var valueCount = 0

    init(bytes: UnsafeRawBufferPointer, offset: Int, depthLimit: Int, valueLimit: Int = .max) {
        self.bytes = bytes
        self.offset = offset
        self.depthLimit = depthLimit
        self.valueLimit = valueLimit
    }

    /// Reads one value inside `depth` arrays and maps.
    mutating func readValue(depth: Int) throws(MessagePackError) -> Value {
        let start = offset
        let format = try readByte()
        switch format {
        case 0x00...0x7f: return .int(Int64(format))
        case 0x80...0x8f: return try readMap(Int(format & 0x0f), depth: depth + 1, from: start)
        case 0x90...0x9f: return try readArray(Int(format & 0x0f), depth: depth + 1, from: start)
        case 0xa0...0xbf: return .string(try readString(Int(format & 0x1f), from: start).text)
        case 0xc0: return .null
        case 0xc1: throw failure(.unusedFormat, at: start)
        case 0xc2: return .bool(false)
        case 0xc3: return .bool(true)
        case 0xc4: return .binary(Array(try take(Int(try readByte()))))
        case 0xc5: return .binary(Array(try take(Int(try readInteger(UInt16.self)))))
        case 0xc6: return .binary(Array(try take(Int(try readInteger(UInt32.self)))))
        case 0xc7...0xc9, 0xd4...0xd8: throw try readExtension(format, from: start)
        case 0xca: return .double(Double(Float(bitPattern: try readInteger(UInt32.self))))
        case 0xcb: return .double(Double(bitPattern: try readInteger(UInt64.self)))
        case 0xcc: return .int(Int64(try readByte()))
        case 0xcd: return .integer(try readInteger(UInt16.self))
        case 0xce: return .integer(try readInteger(UInt32.self))
        case 0xcf: return .integer(try readInteger(UInt64.self))
        case 0xd0: return .int(Int64(Int8(bitPattern: try readByte())))
        case 0xd1: return .integer(Int16(bitPattern: try readInteger(UInt16.self)))
        case 0xd2: return .integer(Int32(bitPattern: try readInteger(UInt32.self)))
        case 0xd3: return .int(Int64(bitPattern: try readInteger(UInt64.self)))
        case 0xd9: return .string(try readString(Int(try readByte()), from: start).text)
        case 0xda: return .string(try readString(Int(try readInteger(UInt16.self)), from: start).text)
        case 0xdb: return .string(try readString(Int(try readInteger(UInt32.self)), from: start).text)
        case 0xdc: return try readArray(Int(try readInteger(UInt16.self)), depth: depth + 1, from: start)
        case 0xdd: return try readArray(Int(try readInteger(UInt32.self)), depth: depth + 1, from: start)
        case 0xde: return try readMap(Int(try readInteger(UInt16.self)), depth: depth + 1, from: start)
        case 0xdf: return try readMap(Int(try readInteger(UInt32.self)), depth: depth + 1, from: start)
        // 0xe0 and above; the compiler doesn't count numbers.
        default: return .int(Int64(Int8(bitPattern: format)))
        }
    }

    private mutating func readArray(_ count: Int, depth: Int, from start: Int) throws(MessagePackError) -> Value {
        try enter(depth, count, bytesEach: 1, from: start)
        var elements: [Value] = []
        elements.reserveCapacity(min(count, Self.largestReservation))
        for _ in 0..<count { elements.append(try readValue(depth: depth)) }
        return .array(elements)
    }

    private mutating func readMap(_ count: Int, depth: Int, from start: Int) throws(MessagePackError) -> Value {
        try enter(depth, count, bytesEach: 2, from: start)
        var members: [Value.Member] = []
        members.reserveCapacity(min(count, Self.largestReservation))
        var keys = UniqueKeys()
        for _ in 0..<count {
            let place = offset
            let (key, spelling) = try readKey()
            guard keys.insert(key, spelling: spelling, beside: members) else {
                throw failure(.duplicateKey(key), at: place)
            }
            members.append(Value.Member(key, try readValue(depth: depth)))
        }
        return .map(members)
    }

    /// Checks the header of an array or a map.
    ///
    /// - Parameter size: How many bytes each of its `count` values takes at least.
    private mutating func enter(
        _ depth: Int, _ count: Int, bytesEach size: Int, from start: Int
    ) throws(MessagePackError) {
        guard depth <= depthLimit else { throw failure(.tooDeep(limit: depthLimit), at: start) }
        guard count * size <= left else { throw failure(.truncated(need: count * size - left), at: start) }
        // There are bytes for each value counted, so the sum can't overflow.
        guard valueCount + count <= valueLimit else { throw failure(.tooManyValues(limit: valueLimit), at: start) }
        valueCount += count
    }

    mutating func readKey() throws(MessagePackError) -> (text: String, bytes: UnsafeRawBufferPointer) {
        let start = offset
        let format = try readByte()
        switch format {
        case 0xa0...0xbf: return try readString(Int(format & 0x1f), from: start)
        case 0xd9: return try readString(Int(try readByte()), from: start)
        case 0xda: return try readString(Int(try readInteger(UInt16.self)), from: start)
        case 0xdb: return try readString(Int(try readInteger(UInt32.self)), from: start)
        default: throw failure(.keyNotString(format), at: start)
        }
    }

    /// - Returns: The text, and the bytes that it was made from.
    @inline(__always)
    private mutating func readString(
        _ count: Int, from start: Int
    ) throws(MessagePackError) -> (text: String, bytes: UnsafeRawBufferPointer) {
        let text = try take(count)
        guard UTF8Repair.firstIllFormed(in: text) == nil else { throw failure(.notUTF8, at: start) }
        return (String(decoding: text, as: UTF8.self), text)
    }

    /// The error for an extension, which names its type; or for bytes that end before it.
    private mutating func readExtension(
        _ format: UInt8, from start: Int
    ) throws(MessagePackError) -> MessagePackError {
        switch format {
        case 0xc7: _ = try take(1)
        case 0xc8: _ = try take(2)
        case 0xc9: _ = try take(4)
        default: break
        }
        return failure(.extensionType(Int8(bitPattern: try readByte())), at: start)
    }
}

// MARK: - Bytes

extension MessagePackScanner {
    private var left: Int { bytes.count - offset }

    func failure(_ reason: MessagePackError.Reason, at place: Int? = nil) -> MessagePackError {
        MessagePackError(reason: reason, offset: place ?? offset)
    }

    /// The next `count` bytes.
    mutating func take(_ count: Int) throws(MessagePackError) -> UnsafeRawBufferPointer {
        // Compared with what is left: a hostile length can't overflow the sum.
        guard count <= left else { throw failure(.truncated(need: count - left)) }
        defer { offset += count }
        return UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + count)])
    }

    mutating func readByte() throws(MessagePackError) -> UInt8 {
        guard offset < bytes.count else { throw failure(.truncated(need: 1)) }
        defer { offset += 1 }
        return bytes[offset]
    }

    /// A number in network byte order.
    mutating func readInteger<Number: FixedWidthInteger & UnsignedInteger>(
        _ type: Number.Type
    ) throws(MessagePackError) -> Number {
        let size = Number.bitWidth / 8
        guard size <= left else { throw failure(.truncated(need: size - left)) }
        var number: Number = 0
        for place in offset..<(offset + size) { number = number << 8 | Number(bytes[place]) }
        offset += size
        return number
    }
}
