/// Why bytes are not a JSON document, and where.
package struct JSONError: Error, Equatable, CustomStringConvertible {
    package enum Reason: Equatable, Sendable {
        /// The grammar wanted one thing and met another; both are phrased for the reader.
        case unexpected(found: String, expected: String)
        case byteOrderMark
        /// Arrays and objects nested deeper than the limit.
        case tooDeep(limit: Int)
        case duplicateKey(String)
        case leadingZero
        /// The number's magnitude is beyond what a double holds.
        case numberTooLarge
        /// A control character that stands in a string as it is.
        case controlCharacter(UInt8)
        /// What follows the backslash.
        case unknownEscape(String)
        /// Half of a surrogate pair. It stands for no character, so no string can hold it.
        case loneSurrogate(UInt16)
        case notUTF8(UInt8)
    }

    package let reason: Reason
    /// Bytes before the place; what is wrong starts there.
    package let offset: Int
    /// Counted from 1; lines end with a line feed.
    package let line: Int
    /// Counted from 1, in Unicode scalars.
    package let column: Int

    /// - Parameter document: The bytes that `offset` counts.
    init(_ reason: Reason, at offset: Int, of document: UnsafeRawBufferPointer) {
        self.reason = reason
        self.offset = offset
        let before = document[..<offset]
        let lineStart = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        line = before.reduce(1) { $1 == UInt8(ascii: "\n") ? $0 + 1 : $0 }
        column = before[lineStart...].reduce(1) { $1 & 0xc0 == 0x80 ? $0 : $0 + 1 }
    }

    package var description: String { "line \(line), column \(column): \(reason.description)" }
}

extension JSONError.Reason: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unexpected(let found, let expected): "expected \(expected), found \(found)"
        case .byteOrderMark: "a document must not start with a byte order mark"
        case .tooDeep(let limit): "nested deeper than \(limit) levels"
        case .duplicateKey(let key): "duplicate key \(key.debugDescription)"
        case .leadingZero: "a number must not start with 0"
        case .numberTooLarge: "number too large"
        case .controlCharacter(let byte): "control character \(codePoint(byte)) must be escaped in a string"
        case .unknownEscape(let text): "unknown escape \"\\\(text)\" in a string"
        case .loneSurrogate(let unit): "lone surrogate \"\\u\(unit.hexadecimal(digits: 4))\" is no character"
        case .notUTF8(let byte): "byte 0x\(byte.hexadecimal(digits: 2)) is not UTF-8"
        }
    }
}

extension JSONError {
    /// What stands at `offset`, for the error's reader: a whole word, one character, or a byte.
    static func found(at offset: Int, of document: UnsafeRawBufferPointer) -> String {
        guard offset < document.count else { return "the end of the document" }
        let byte = document[offset]
        if byte == UInt8(ascii: "\"") { return "a string" }
        let word = document[offset...].prefix(20).prefix(while: isLetterOrDigit)
        if !word.isEmpty { return "\"\(String(decoding: word, as: UTF8.self))\"" }
        if byte < 0x20 || byte == 0x7f { return "control character \(codePoint(byte))" }
        let sequence = UTF8Sequence(in: document, at: offset)
        guard sequence.isWellFormed else { return "byte 0x\(byte.hexadecimal(digits: 2))" }
        let character = document[offset..<(offset + sequence.length)]
        return "\"\(String(decoding: character, as: UTF8.self))\""
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"):
            true
        default: false
        }
    }
}

private func codePoint(_ byte: UInt8) -> String { "U+\(byte.hexadecimal(digits: 4).uppercased())" }
