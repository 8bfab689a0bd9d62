/// A place in one of the kernel's texts about a process, moving forward.
///
/// These files are read twice for each process, so they are taken apart byte
/// by byte, without a `String` or an array for each field. The bytes are lent
/// to each call rather than held: a type that holds a `Span` can't be written
/// in today's language.
struct ProcCursor {
    /// The text isn't what the kernel writes, or not all of it.
    struct Malformed: Error {}

    /// Index of the next byte.
    var at: Int

    /// Passes over `byte`, which must come next.
    mutating func pass(_ byte: UInt8, in bytes: Span<UInt8>) throws(Malformed) {
        guard at < bytes.count, bytes[at] == byte else { throw Malformed() }
        at += 1
    }

    /// Passes over any number of blanks.
    mutating func passBlanks(in bytes: Span<UInt8>) {
        while at < bytes.count, bytes[at] == UInt8(ascii: " ") || bytes[at] == UInt8(ascii: "\t") { at += 1 }
    }

    /// Reads a decimal number; a minus sign only where the type has room for it. Overflow is malformed.
    mutating func decimal<Number: FixedWidthInteger>(in bytes: Span<UInt8>) throws(Malformed) -> Number {
        let negative = Number.isSigned && at < bytes.count && bytes[at] == UInt8(ascii: "-")
        if negative { at += 1 }
        let first = at
        var number: Number = 0
        while at < bytes.count {
            let digit = bytes[at] &- UInt8(ascii: "0")
            guard digit < 10 else { break }
            let (tens, tooLarge) = number.multipliedReportingOverflow(by: 10)
            let step = Number(truncatingIfNeeded: digit)
            let (sum, stillTooLarge) =
                negative ? tens.subtractingReportingOverflow(step) : tens.addingReportingOverflow(step)
            guard !tooLarge, !stillTooLarge else { throw Malformed() }
            number = sum
            at += 1
        }
        guard at > first else { throw Malformed() }
        return number
    }

    /// Reads a hexadecimal number of at most 64 bits.
    mutating func hexadecimal(in bytes: Span<UInt8>) throws(Malformed) -> UInt64 {
        let first = at
        var number: UInt64 = 0
        while at < bytes.count {
            // Setting bit 5 makes letters lower case and leaves digits as they are.
            let lowered = bytes[at] | 0x20
            let digit: UInt8
            switch bytes[at] {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = bytes[at] - UInt8(ascii: "0")
            case _ where UInt8(ascii: "a")...UInt8(ascii: "f") ~= lowered: digit = lowered - UInt8(ascii: "a") + 10
            default: digit = .max
            }
            guard digit < 16 else { break }
            guard number >> 60 == 0 else { throw Malformed() }
            number = number << 4 | UInt64(digit)
            at += 1
        }
        guard at > first else { throw Malformed() }
        return number
    }

    /// Reads the next field of a line of decimal numbers, with the one space before it.
    mutating func field<Number: FixedWidthInteger>(in bytes: Span<UInt8>) throws(Malformed) -> Number {
        try pass(UInt8(ascii: " "), in: bytes)
        return try decimal(in: bytes)
    }

    /// Passes over `count` such fields, none of which may be empty.
    mutating func passFields(_ count: Int, in bytes: Span<UInt8>) throws(Malformed) {
        for _ in 0..<count {
            try pass(UInt8(ascii: " "), in: bytes)
            let first = at
            while at < bytes.count, bytes[at] > UInt8(ascii: " ") { at += 1 }
            guard at > first else { throw Malformed() }
        }
    }

    /// Makes sure that the line is whole. Without its newline the last number could have lost digits. Fields that a
    /// later kernel adds may stand in between.
    func endLine(in bytes: Span<UInt8>) throws(Malformed) {
        guard at < bytes.count, bytes[at] == UInt8(ascii: " ") || bytes[at] == UInt8(ascii: "\n") else {
            throw Malformed()
        }
        // The first newline must be the last byte.
        var end = at
        while end < bytes.count, bytes[end] != UInt8(ascii: "\n") { end += 1 }
        guard end == bytes.count - 1 else { throw Malformed() }
    }
}
