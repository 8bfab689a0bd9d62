/// Reads a JSON document (RFC 8259), strictly: nothing before or after the one
/// value but white space, no byte order mark, UTF-8 only, no repeated keys.
///
/// Integers are exact to 64 bits; larger ones, and whatever has a fraction or
/// an exponent, become the nearest double, as does `-0`. A number beyond the
/// doubles is an error, and so is the escape of a lone surrogate, since the
/// text could not be passed on as it was written.
package struct JSONReader: ~Copyable {
    /// How deep arrays and objects may nest. Reading recurses, and 128 levels
    /// are far more than any specification needs and far less than the stack bears.
    package static let defaultDepthLimit = 128

    private var scanner: JSONScanner
    private let depthLimit: Int
    private var members = PendingElements<Value.Member>()
    private var elements = PendingElements<Value>()

    /// The document's value.
    package static func read(_ bytes: [UInt8], depthLimit: Int = defaultDepthLimit) throws(JSONError) -> Value {
        try bytes.withUnsafeBufferPointer { (buffer) throws(JSONError) in
            try read(UnsafeRawBufferPointer(buffer), depthLimit: depthLimit)
        }
    }

    /// The document's value; nothing keeps a pointer to `bytes`.
    package static func read(
        _ bytes: UnsafeRawBufferPointer, depthLimit: Int = defaultDepthLimit
    ) throws(JSONError) -> Value {
        var reader = JSONReader(document: bytes, depthLimit: depthLimit)
        return try reader.readDocument()
    }

    private init(document: UnsafeRawBufferPointer, depthLimit: Int) {
        scanner = JSONScanner(document)
        self.depthLimit = depthLimit
    }

    private mutating func readDocument() throws(JSONError) -> Value {
        if scanner.document.starts(with: [0xef, 0xbb, 0xbf]) { throw scanner.failure(.byteOrderMark) }
        scanner.skipWhitespace()
        let value = try readValue(depth: 0)
        scanner.skipWhitespace()
        guard scanner.peek() == nil else { throw scanner.unexpected(expected: "the end of the document") }
        return value
    }

    /// Reads the value that starts here, inside `depth` arrays and objects.
    private mutating func readValue(depth: Int) throws(JSONError) -> Value {
        guard let byte = scanner.peek() else { throw scanner.unexpected(expected: "a value") }
        switch byte {
        case UInt8(ascii: "\""):
            return .string(try scanner.readString().text)
        case UInt8(ascii: "{"):
            return try readObject(depth: depth + 1)
        case UInt8(ascii: "["):
            return try readArray(depth: depth + 1)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            return try scanner.readNumber()
        case UInt8(ascii: "t"):
            return try readWord("true", as: .bool(true))
        case UInt8(ascii: "f"):
            return try readWord("false", as: .bool(false))
        case UInt8(ascii: "n"):
            return try readWord("null", as: .null)
        default:
            throw scanner.unexpected(expected: "a value")
        }
    }

    private mutating func readObject(depth: Int) throws(JSONError) -> Value {
        try enter(depth)
        if scanner.take(UInt8(ascii: "}")) { return .map([]) }
        let first = members.count
        var keys = UniqueKeys()
        repeat {
            scanner.skipWhitespace()
            guard scanner.peek() == UInt8(ascii: "\"") else {
                throw scanner.unexpected(expected: members.count == first ? "a key or \"}\"" : "a key")
            }
            let start = scanner.offset
            let (key, spelling) = try scanner.readString()
            guard keys.insert(key, spelling: spelling, beside: members.elements(from: first)) else {
                throw scanner.failure(.duplicateKey(key), at: start)
            }
            scanner.skipWhitespace()
            guard scanner.take(UInt8(ascii: ":")) else { throw scanner.unexpected(expected: "\":\" after a key") }
            scanner.skipWhitespace()
            members.append(Value.Member(key, try readValue(depth: depth)))
            scanner.skipWhitespace()
        } while scanner.take(UInt8(ascii: ","))
        guard scanner.take(UInt8(ascii: "}")) else {
            throw scanner.unexpected(expected: "\",\" or \"}\" after a member")
        }
        return .map(members.take(from: first))
    }

    private mutating func readArray(depth: Int) throws(JSONError) -> Value {
        try enter(depth)
        if scanner.take(UInt8(ascii: "]")) { return .array([]) }
        let first = elements.count
        repeat {
            scanner.skipWhitespace()
            elements.append(try readValue(depth: depth))
            scanner.skipWhitespace()
        } while scanner.take(UInt8(ascii: ","))
        guard scanner.take(UInt8(ascii: "]")) else {
            throw scanner.unexpected(expected: "\",\" or \"]\" after an element")
        }
        return .array(elements.take(from: first))
    }

    /// Steps over the opening bracket.
    private mutating func enter(_ depth: Int) throws(JSONError) {
        guard depth <= depthLimit else { throw scanner.failure(.tooDeep(limit: depthLimit)) }
        scanner.offset += 1
        scanner.skipWhitespace()
    }

    private mutating func readWord(_ word: StaticString, as value: Value) throws(JSONError) -> Value {
        let expected = UnsafeRawBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount)
        guard scanner.document[scanner.offset...].starts(with: expected) else {
            throw scanner.unexpected(expected: "a value")
        }
        scanner.offset += expected.count
        return value
    }
}
