/// Reads the instants of results, apart from the product's own writer.
package enum WallClockText {
    /// Nanoseconds since 1970 of `2024-05-06T07:08:09.123456789+00:00`; nil for anything else.
    package static func nanoseconds(_ text: String?) -> Int64? {
        guard let bytes = text.map({ Array($0.utf8) }), bytes.count == 35 else { return nil }
        func number(_ range: Range<Int>) -> Int64? { Int64(String(decoding: bytes[range], as: UTF8.self)) }
        guard String(decoding: bytes[29...], as: UTF8.self) == "+00:00", bytes[19] == UInt8(ascii: "."),
            let year = number(0..<4), let month = number(5..<7), let day = number(8..<10), let hour = number(11..<13),
            let minute = number(14..<16), let second = number(17..<19), let fraction = number(20..<29)
        else { return nil }
        // Days from civil: years that begin in March, so that the leap day is a year's last.
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        let days = era * 146_097 + dayOfEra - 719_468
        return (((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000_000_000 + fraction
    }
}
