/// A place in a JSON document, and the steps from token to token.
struct JSONScanner {
    let document: UnsafeRawBufferPointer
    var offset = 0

    init(_ document: UnsafeRawBufferPointer) { self.document = document }

    /// The byte at `offset`; nil at the end.
    @inline(__always)
    func peek() -> UInt8? { offset < document.count ? document[offset] : nil }

    /// Steps over `byte` if it is next.
    @inline(__always)
    mutating func take(_ byte: UInt8) -> Bool {
        guard peek() == byte else { return false }
        offset += 1
        return true
    }

    /// Space, tab, line feed and carriage return (RFC 8259, section 2).
    @inline(__always)
    mutating func skipWhitespace() {
        while let byte = peek(), byte <= 0x20, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 {
            offset += 1
        }
    }

    /// The error that stands at `place`, or at the current offset.
    func failure(_ reason: JSONError.Reason, at place: Int? = nil) -> JSONError {
        JSONError(reason, at: place ?? offset, of: document)
    }

    /// The error for what is found at the current offset.
    func unexpected(expected: String) -> JSONError {
        failure(.unexpected(found: JSONError.found(at: offset, of: document), expected: expected))
    }
}
