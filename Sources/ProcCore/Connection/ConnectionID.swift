/// The names that agents give themselves.
package enum ConnectionID {
    /// A random UUID (RFC 9562, version 4): `0b6a1c3e-5f0d-4e57-9a51-6d1f0a7f2c11`.
    package static func random(using random: inout some RandomNumberGenerator) -> String {
        let high = UInt64.random(in: 0 ... .max, using: &random) & 0xffff_ffff_ffff_0fff | 0x4000
        let low = UInt64.random(in: 0 ... .max, using: &random) & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000
        let digits = [high, low].map { half in
            let text = String(half, radix: 16)
            return String(repeating: "0", count: 16 - text.utf8.count) + text
        }.joined()
        var rest = digits[...]
        return [8, 4, 4, 4, 12].map { count in
            defer { rest = rest.dropFirst(count) }
            return String(rest.prefix(count))
        }.joined(separator: "-")
    }

    package static func random() -> String {
        var generator = SystemRandomNumberGenerator()
        return random(using: &generator)
    }
}
