extension WallTime {
    /// RFC 3339 in UTC with nine digits of fraction: `2026-11-20T10:58:49.388255272+00:00`.
    ///
    /// 64 bits of nanoseconds reach from 1677 to 2262, so the year always has four digits.
    package var rfc3339: String {
        // Rounded down, so that instants before 1970 have a positive rest.
        let (seconds, fraction) = Self.divideDown(nanoseconds, by: 1_000_000_000)
        let (days, second) = Self.divideDown(seconds, by: 86_400)
        let date = Self.date(days: days)
        return String(unsafeUninitializedCapacity: 35) { buffer in
            Self.write(date.year, width: 4, before: "-", to: buffer, at: 0)
            Self.write(date.month, width: 2, before: "-", to: buffer, at: 5)
            Self.write(date.day, width: 2, before: "T", to: buffer, at: 8)
            Self.write(second / 3600, width: 2, before: ":", to: buffer, at: 11)
            Self.write(second / 60 % 60, width: 2, before: ":", to: buffer, at: 14)
            Self.write(second % 60, width: 2, before: ".", to: buffer, at: 17)
            Self.write(fraction, width: 9, before: "+", to: buffer, at: 20)
            Self.write(0, width: 2, before: ":", to: buffer, at: 30)
            Self.write(0, width: 2, before: nil, to: buffer, at: 33)
            return 35
        }
    }

    /// Quotient rounded towards minus infinity, and the rest, which is never negative.
    static func divideDown(_ number: Int64, by divisor: Int64) -> (quotient: Int64, rest: Int64) {
        let (quotient, rest) = number.quotientAndRemainder(dividingBy: divisor)
        return rest < 0 ? (quotient - 1, rest + divisor) : (quotient, rest)
    }

    /// The date of a day counted from 1970-01-01, in the proleptic Gregorian calendar.
    ///
    /// Years are counted from March, so that a leap day is the last of its year, in eras of 400 years, after which the
    /// calendar repeats (146,097 days).
    static func date(days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        // 719,468 days lie between 0000-03-01 and 1970-01-01.
        let (era, dayOfEra) = divideDown(days + 719_468, by: 146_097)
        // Leaves out the leap days that came before in this era: one in 4 years, not in 100, but in 400.
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        // From March on, every five months have 153 days.
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        return (era * 400 + yearOfEra + (month <= 2 ? 1 : 0), month, day)
    }

    private static func write(
        _ number: Int64, width: Int, before mark: UnicodeScalar?, to buffer: UnsafeMutableBufferPointer<UInt8>, at: Int
    ) {
        var rest = UInt64(number)
        for index in stride(from: at + width - 1, through: at, by: -1) {
            buffer[index] = UInt8(ascii: "0") + UInt8(rest % 10)
            rest /= 10
        }
        if let mark { buffer[at + width] = UInt8(ascii: mark) }
    }
}
