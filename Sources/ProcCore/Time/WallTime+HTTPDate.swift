extension WallTime {
    /// As the `Date` field has it (RFC 9110, section 5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`.
    package var httpDate: String {
        let (seconds, _) = Self.divideDown(nanoseconds, by: 1_000_000_000)
        let (days, second) = Self.divideDown(seconds, by: 86_400)
        let date = Self.date(days: days)
        let names = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        // 1970-01-01 was a Thursday.
        let (_, weekday) = Self.divideDown(days, by: 7)
        let time = [second / 3600, second / 60 % 60, second % 60].map(Self.twoDigits).joined(separator: ":")
        let day = "\(Self.twoDigits(date.day)) \(months[Int(date.month) - 1]) \(date.year)"
        return "\(names[Int(weekday)]), \(day) \(time) GMT"
    }

    private static func twoDigits(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
