/// Universally unique identifiers of version 4 (RFC 9562, section 5.4).
package enum RandomUUID {
    /// A new one, in lower case: `f81d4fae-7dec-41d0-a765-00a0c91e6bf6`.
    package static func text(using random: inout some RandomNumberGenerator) -> String {
        let high = UInt64.random(in: 0 ... .max, using: &random) & ~0xf000 | 0x4000
        let low = UInt64.random(in: 0 ... .max, using: &random) & ~(3 << 62) | 1 << 63
        let digits = Array((high.hexadecimal(digits: 16) + low.hexadecimal(digits: 16)).utf8)
        return [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(decoding: digits[$0], as: UTF8.self) }
            .joined(separator: "-")
    }
}
