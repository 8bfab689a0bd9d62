/// What the values of fields have in common (RFC 9110, section 5.6).
extension ArraySlice<UInt8> {
    /// Without spaces and tabs at its ends.
    var trimmed: ArraySlice<UInt8> {
        var text = self
        while let first = text.first, first == UInt8(ascii: " ") || first == UInt8(ascii: "\t") { text.removeFirst() }
        while let last = text.last, last == UInt8(ascii: " ") || last == UInt8(ascii: "\t") { text.removeLast() }
        return text
    }
}
