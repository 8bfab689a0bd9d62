/// A size in bytes, for people: `512 B`, `4.8 MiB`, `48 MiB`.
package struct ByteCount: CustomStringConvertible, Sendable {
    package let bytes: UInt64

    package init(_ bytes: UInt64) { self.bytes = bytes }

    package var description: String {
        if bytes < 1024 { return "\(bytes) B" }
        // Rounded before it is compared: 1023.9 KiB are 1 MiB, not "1024 KiB".
        var power = 1
        while power < Self.units.count - 1, count(of: power) >= 1024 { power += 1 }
        let tenths = count(of: power, parts: 10)
        let number = tenths < 100 ? DecimalTenths.text(tenths) : "\(count(of: power))"
        return "\(number) \(Self.units[power])"
    }

    private static let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]

    /// How many units it is, or tenths of one, rounded; in two steps, as `bytes * parts` needn't fit in 64 bits.
    private func count(of power: Int, parts: UInt64 = 1) -> UInt64 {
        let unit = UInt64(1) << UInt64(10 * power)
        let (whole, rest) = bytes.quotientAndRemainder(dividingBy: unit)
        return whole * parts + (rest * parts + unit / 2) / unit
    }
}
