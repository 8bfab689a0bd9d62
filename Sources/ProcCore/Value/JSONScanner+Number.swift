extension JSONScanner {
    /// Reads the number that starts at `offset` with a minus sign or a digit (RFC 8259, section 6).
    mutating func readNumber() throws(JSONError) -> Value {
        let start = offset
        let isNegative = take(UInt8(ascii: "-"))
        var digits = Digits()
        if take(UInt8(ascii: "0")) {
            if let next = peek(), Self.isDigit(next) { throw failure(.leadingZero, at: offset - 1) }
        } else {
            try readDigits(into: &digits, after: "\"-\"")
        }
        if let next = peek(), next == UInt8(ascii: ".") || next | 0x20 == UInt8(ascii: "e") {
            return .double(try readFraction(from: start, digits, isNegative: isNegative))
        }
        if !digits.overflowed {
            if !isNegative { return .integer(digits.magnitude) }
            if 1...Int64.min.magnitude ~= digits.magnitude {
                return .int(Int64(truncatingIfNeeded: 0 &- digits.magnitude))
            }
        }
        return .double(try double(from: start, digits, exponent: 0, isNegative: isNegative))
    }

    /// Reads on after the integer part: fraction, exponent or both.
    private mutating func readFraction(
        from start: Int, _ integer: Digits, isNegative: Bool
    ) throws(JSONError) -> Double {
        var digits = integer
        var exponent = 0
        if take(UInt8(ascii: ".")) {
            let point = offset
            try readDigits(into: &digits, after: "the decimal point")
            exponent = point - offset
        }
        if let next = peek(), next | 0x20 == UInt8(ascii: "e") {
            offset += 1
            let isBelowOne = take(UInt8(ascii: "-"))
            if !isBelowOne { _ = take(UInt8(ascii: "+")) }
            var power = Digits()
            try readDigits(into: &power, after: "\"e\"")
            // Beyond this, the exact value doesn't matter to `double`, and the sum below must not overflow.
            let bounded = power.overflowed ? 1_000_000 : Int(min(power.magnitude, 1_000_000))
            exponent += isBelowOne ? -bounded : bounded
        }
        return try double(from: start, digits, exponent: exponent, isNegative: isNegative)
    }

    /// The double nearest to the number that stands between `start` and the current offset.
    private func double(
        from start: Int, _ digits: Digits, exponent: Int, isNegative: Bool
    ) throws(JSONError) -> Double {
        // Both operands are exact, so the one rounding is the right one (Clinger, 1990).
        if !digits.overflowed, digits.magnitude <= 1 << 53, exponent.magnitude < powersOfTen.count {
            let magnitude = Double(digits.magnitude)
            let power = powersOfTen[Int(exponent.magnitude)]
            let scaled = exponent < 0 ? magnitude / power : magnitude * power
            return isNegative ? -scaled : scaled
        }
        let text = String(decoding: document[start..<offset], as: UTF8.self)
        guard let number = Double(text), number.isFinite else { throw failure(.numberTooLarge, at: start) }
        return number
    }

    /// Reads at least one digit.
    private mutating func readDigits(into digits: inout Digits, after place: String) throws(JSONError) {
        guard let first = peek(), Self.isDigit(first) else { throw unexpected(expected: "a digit after \(place)") }
        repeat {
            digits.append(document[offset] - UInt8(ascii: "0"))
            offset += 1
        } while offset < document.count && Self.isDigit(document[offset])
    }

    @inline(__always)
    private static func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }
}

/// The digits read so far, as a number.
private struct Digits {
    var magnitude: UInt64 = 0
    /// Set when ``magnitude`` no longer holds them all.
    var overflowed = false

    @inline(__always)
    mutating func append(_ digit: UInt8) {
        let (tens, carried) = magnitude.multipliedReportingOverflow(by: 10)
        let (sum, carriedAgain) = tens.addingReportingOverflow(UInt64(digit))
        magnitude = sum
        overflowed = overflowed || carried || carriedAgain
    }
}

/// The powers that a double holds exactly.
private let powersOfTen: [Double] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
]
