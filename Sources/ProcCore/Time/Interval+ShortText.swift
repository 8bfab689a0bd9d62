extension Interval {
    /// For people: `0.4 ms`, `85 ms`, `12.3 s`, `2 min 5 s`, `3 h 12 min`, `2 d 3 h`.
    package var shortText: String {
        // Each unit is rounded first and only then compared: 59.97 s are a minute, not "60 s".
        let tenthsOfMilliseconds = rounded(to: 100_000)
        if tenthsOfMilliseconds < 100 { return DecimalTenths.text(tenthsOfMilliseconds) + " ms" }
        let milliseconds = rounded(to: 1_000_000)
        if milliseconds < 1000 { return "\(milliseconds) ms" }
        let tenths = rounded(to: 100_000_000)
        if tenths < 600 { return DecimalTenths.text(tenths) + " s" }
        let seconds = rounded(to: 1_000_000_000)
        if seconds < 3600 { return "\(seconds / 60) min" + Self.rest(seconds % 60, "s") }
        let minutes = rounded(to: 60_000_000_000)
        if minutes < 24 * 60 { return "\(minutes / 60) h" + Self.rest(minutes % 60, "min") }
        let hours = rounded(to: 3_600_000_000_000)
        return "\(hours / 24) d" + Self.rest(hours % 24, "h")
    }

    private static func rest(_ count: UInt64, _ unit: String) -> String { count == 0 ? "" : " \(count) \(unit)" }

    private func rounded(to unit: UInt64) -> UInt64 {
        let (count, rest) = nanoseconds.quotientAndRemainder(dividingBy: unit)
        return rest >= unit - rest ? count + 1 : count
    }
}

/// A number counted in tenths, written with one decimal unless that is zero.
enum DecimalTenths {
    static func text(_ tenths: UInt64) -> String {
        tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
    }
}
