/// Memory that is filled byte by byte and handed to a sink when it is full.
struct OutputBlock: ~Copyable {
    /// The longest stretch that ``reserve(_:)`` may be asked for.
    static let smallestCapacity = 64

    private let memory: UnsafeMutableRawBufferPointer
    private var count = 0
    private let sink: (UnsafeRawBufferPointer) throws -> Void

    init(capacity: Int, sink: @escaping (UnsafeRawBufferPointer) throws -> Void) {
        memory = .allocate(byteCount: max(capacity, Self.smallestCapacity), alignment: 16)
        self.sink = sink
    }

    deinit { memory.deallocate() }

    /// Hands over what has gathered. If the sink throws, that part is gone.
    mutating func flush() throws {
        guard count > 0 else { return }
        let full = UnsafeRawBufferPointer(rebasing: memory[..<count])
        count = 0
        try sink(full)
    }

    /// Makes room for the next `bytes` bytes, which the `put` functions take for granted.
    @inline(__always)
    mutating func reserve(_ bytes: Int) throws {
        if memory.count - count < bytes { try flush() }
    }

    @inline(__always)
    mutating func put(_ byte: UInt8) {
        memory[count] = byte
        count += 1
    }

    @inline(__always)
    mutating func put(_ first: UInt8, _ second: UInt8) {
        put(first)
        put(second)
    }

    @inline(__always)
    mutating func put(_ text: StaticString) {
        put(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    @inline(__always)
    mutating func put(_ bytes: UnsafeRawBufferPointer) {
        UnsafeMutableRawBufferPointer(rebasing: memory[count..<(count + bytes.count)]).copyMemory(from: bytes)
        count += bytes.count
    }

    /// Takes up to 20 bytes.
    @inline(__always)
    mutating func put(decimal number: UInt64) {
        var digits = 1
        var bound: UInt64 = 10
        while digits < 20, number >= bound {
            digits += 1
            bound &*= 10
        }
        var rest = number
        var place = count + digits
        repeat {
            let (tens, digit) = rest.quotientAndRemainder(dividingBy: 10)
            place -= 1
            memory[place] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: digit)
            rest = tens
        } while rest != 0
        count += digits
    }
}

// MARK: - Text of any length

extension OutputBlock {
    /// Writes `bytes` as base64.
    mutating func writeBase64(_ bytes: UnsafeRawBufferPointer) throws {
        var read = 0
        while read < bytes.count {
            try reserve(4)
            let piece = min(bytes.count - read, (memory.count - count) / 4 * 3)
            Base64.encode(
                UnsafeRawBufferPointer(rebasing: bytes[read..<(read + piece)]),
                into: UnsafeMutableRawBufferPointer(rebasing: memory[count...]))
            count += Base64.encodedCount(of: piece)
            read += piece
        }
    }

    /// Writes what stands between the quotes of a JSON string.
    ///
    /// - Parameter repairing: Whether `text` may be ill-formed UTF-8; it is then repaired as ``UTF8Repair`` says.
    @inline(__always)
    mutating func writeJSONCharacters(_ text: UnsafeRawBufferPointer, repairing: Bool) throws {
        var read = 0
        while true {
            read += copyPlainRun(text, from: read, repairing: repairing)
            // Special bytes like company. If there is none, the run was cut short by the block's end.
            while read < text.count, Self.isSpecial(text[read], repairing: repairing) {
                try reserve(8)
                read += putSpecial(text, at: read)
            }
            guard read < text.count else { return }
            try reserve(8)
        }
    }

    @inline(__always)
    private static func isSpecial(_ byte: UInt8, repairing: Bool) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || repairing && byte >= 0x80
    }

    /// Writes the special byte at `start`, or the sequence that starts there, and says how long that is. Takes up
    /// to 6 bytes.
    @inline(__always)
    private mutating func putSpecial(_ text: UnsafeRawBufferPointer, at start: Int) -> Int {
        guard text[start] >= 0x80 else {
            putEscape(of: text[start])
            return 1
        }
        let sequence = UTF8Sequence(in: text, at: start)
        if sequence.isWellFormed {
            for place in start..<(start + sequence.length) { put(text[place]) }
        } else {
            put("\u{fffd}")
        }
        return sequence.length
    }

    /// Copies what needs no change, as far as there is room, and says how many bytes that were.
    @inline(__always)
    private mutating func copyPlainRun(_ text: UnsafeRawBufferPointer, from start: Int, repairing: Bool) -> Int {
        let length = min(text.count - start, memory.count - count)
        var done = 0
        while length - done >= 8 {
            let word = ByteLanes.load(text, at: start + done)
            memory.storeBytes(of: word.littleEndian, toByteOffset: count + done, as: UInt64.self)
            let flags =
                repairing ? ByteLanes.flagJSONSpecialsAndNonASCII(word) : ByteLanes.flagJSONSpecials(word)
            if flags != 0 {
                done += ByteLanes.firstLane(flags)
                count += done
                return done
            }
            done += 8
        }
        while done < length {
            let byte = text[start + done]
            if Self.isSpecial(byte, repairing: repairing) { break }
            memory[count + done] = byte
            done += 1
        }
        count += done
        return done
    }

    /// Takes up to 6 bytes.
    private mutating func putEscape(of byte: UInt8) {
        let backslash = UInt8(ascii: "\\")
        switch byte {
        case 0x0a: put(backslash, UInt8(ascii: "n"))
        case 0x0d: put(backslash, UInt8(ascii: "r"))
        case 0x09: put(backslash, UInt8(ascii: "t"))
        case 0x08: put(backslash, UInt8(ascii: "b"))
        case 0x0c: put(backslash, UInt8(ascii: "f"))
        case UInt8(ascii: "\""), backslash: put(backslash, byte)
        default:
            put(backslash, UInt8(ascii: "u"))
            put(UInt8(ascii: "0"), UInt8(ascii: "0"))
            put(UInt8(ascii: "0") + byte >> 4, hexadecimalDigits[Int(byte & 15)])
        }
    }
}

private let hexadecimalDigits: [UInt8] = Array("0123456789abcdef".utf8)
