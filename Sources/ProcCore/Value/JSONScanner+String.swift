extension JSONScanner {
    /// Reads the string whose opening quote is at `offset` (RFC 8259, section 7).
    ///
    /// - Returns: The text, and its bytes in the document if they are the same.
    @inline(__always)
    mutating func readString() throws(JSONError) -> (text: String, spelling: UnsafeRawBufferPointer?) {
        offset += 1
        let start = offset
        let isASCII = skipPlainRun()
        if peek() == UInt8(ascii: "\"") {
            let bytes = UnsafeRawBufferPointer(rebasing: document[start..<offset])
            guard isASCII || UTF8Repair.firstIllFormed(in: bytes) == nil else { throw notUTF8(in: start..<offset) }
            offset += 1
            return (String(decoding: bytes, as: UTF8.self), bytes)
        }
        return (try readEscapedString(from: start), nil)
    }

    /// Goes on where the first run of plain characters ended with anything but a quote.
    private mutating func readEscapedString(from start: Int) throws(JSONError) -> String {
        var bytes: [UInt8] = []
        var run = start
        while true {
            bytes.append(contentsOf: try wellFormed(run..<offset))
            guard let byte = peek() else { throw unexpected(expected: "a closing quote") }
            switch byte {
            case UInt8(ascii: "\""):
                offset += 1
                return String(decoding: bytes, as: UTF8.self)
            case UInt8(ascii: "\\"):
                try readEscape(into: &bytes)
            default:
                throw failure(.controlCharacter(byte))
            }
            run = offset
            _ = skipPlainRun()
        }
    }

    /// Moves `offset` to the next byte that a string can't hold as it is, or to the end.
    ///
    /// - Returns: Whether all bytes on the way are known to be ASCII.
    @inline(__always)
    private mutating func skipPlainRun() -> Bool {
        var bits: UInt64 = 0
        while document.count - offset >= 8 {
            let word = ByteLanes.load(document, at: offset)
            let flags = ByteLanes.flagJSONSpecials(word)
            if flags != 0 {
                // Looks at the bytes before the special one only: those below its flag.
                bits |= word & (flags & (0 &- flags) &- 1)
                offset += ByteLanes.firstLane(flags)
                return bits & ByteLanes.topBits == 0
            }
            bits |= word
            offset += 8
        }
        while let byte = peek(), byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
            bits |= UInt64(byte)
            offset += 1
        }
        return bits & ByteLanes.topBits == 0
    }

    private func wellFormed(_ range: Range<Int>) throws(JSONError) -> UnsafeRawBufferPointer {
        let bytes = UnsafeRawBufferPointer(rebasing: document[range])
        guard UTF8Repair.firstIllFormed(in: bytes) == nil else { throw notUTF8(in: range) }
        return bytes
    }

    private func notUTF8(in range: Range<Int>) -> JSONError {
        let bytes = UnsafeRawBufferPointer(rebasing: document[range])
        let place = range.lowerBound + (UTF8Repair.firstIllFormed(in: bytes) ?? 0)
        return failure(.notUTF8(document[place]), at: place)
    }

    /// Reads the escape whose backslash is at `offset`.
    private mutating func readEscape(into bytes: inout [UInt8]) throws(JSONError) {
        let start = offset
        offset += 1
        guard let kind = peek() else { throw unexpected(expected: "an escape after \"\\\"") }
        offset += 1
        switch kind {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): bytes.append(kind)
        case UInt8(ascii: "n"): bytes.append(0x0a)
        case UInt8(ascii: "r"): bytes.append(0x0d)
        case UInt8(ascii: "t"): bytes.append(0x09)
        case UInt8(ascii: "b"): bytes.append(0x08)
        case UInt8(ascii: "f"): bytes.append(0x0c)
        case UInt8(ascii: "u"): bytes.append(contentsOf: String(try readScalar(from: start)).utf8)
        default:
            offset -= 1
            throw unknownEscape(from: start)
        }
    }

    private func unknownEscape(from start: Int) -> JSONError {
        let sequence = UTF8Sequence(in: document, at: offset)
        guard sequence.isWellFormed else { return failure(.notUTF8(document[offset])) }
        let text = String(decoding: document[offset..<(offset + sequence.length)], as: UTF8.self)
        return failure(.unknownEscape(text), at: start)
    }

    /// Reads what `\u` at `start` escapes; a surrogate with its other half.
    private mutating func readScalar(from start: Int) throws(JSONError) -> Unicode.Scalar {
        let unit = try readUnit()
        if let scalar = Unicode.Scalar(unit) { return scalar }
        guard UTF16.isLeadSurrogate(unit), take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) else {
            throw failure(.loneSurrogate(unit), at: start)
        }
        let trail = try readUnit()
        guard UTF16.isTrailSurrogate(trail) else { throw failure(.loneSurrogate(unit), at: start) }
        return UTF16.decode(UTF16.EncodedScalar([unit, trail]))
    }

    /// Reads the four hexadecimal digits of one UTF-16 code unit.
    private mutating func readUnit() throws(JSONError) -> UInt16 {
        var unit: UInt16 = 0
        for _ in 0..<4 {
            guard let byte = peek(), let digit = Self.hexadecimalDigit(byte) else {
                throw unexpected(expected: "four hexadecimal digits after \"\\u\"")
            }
            unit = unit << 4 | UInt16(digit)
            offset += 1
        }
        return unit
    }

    private static func hexadecimalDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
