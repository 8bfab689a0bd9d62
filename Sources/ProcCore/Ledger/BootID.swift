/// What tells one run of the machine's kernel from every other.
package struct BootID: Equatable, Sendable {
    /// 16 of them.
    package let bytes: [UInt8]

    /// - Parameter text: As in `/proc/sys/kernel/random/boot_id`: `0a31c5b2-9c5e-4a3b-8b5e-2f6d1c0e7a94`, and perhaps
    ///   the end of the line.
    package init?(parsing text: [UInt8]) {
        var digits = text[...]
        if digits.last == UInt8(ascii: "\n") { digits.removeLast() }
        digits.removeAll { $0 == UInt8(ascii: "-") }
        guard digits.count == 32 else { return nil }
        var bytes: [UInt8] = []
        while let high = digits.popFirst(), let low = digits.popFirst() {
            guard let tens = Self.number(high), let ones = Self.number(low) else { return nil }
            bytes.append(tens << 4 | ones)
        }
        self.bytes = bytes
    }

    /// - Parameter stored: As in a ledger; all zeros where it wasn't known.
    init?(stored: UnsafeRawBufferPointer) {
        guard stored.contains(where: { $0 != 0 }) else { return nil }
        bytes = Array(stored)
    }

    private static func number(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}
