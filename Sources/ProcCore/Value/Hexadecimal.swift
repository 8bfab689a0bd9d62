extension UnsignedInteger {
    /// The number in lower-case hexadecimal, filled up with zeros.
    package func hexadecimal(digits: Int) -> String {
        let text = String(self, radix: 16)
        return String(repeating: "0", count: Swift.max(0, digits - text.count)) + text
    }
}
