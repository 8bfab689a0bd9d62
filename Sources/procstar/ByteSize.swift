/// Sizes on the command line: bytes, or a number with `k`, `M`, `G` or `T`.
///
/// The letters, in either case and alone or with `iB` (`16k`, `16KiB`), stand
/// for powers of 1024. `kB` and `MB` are refused, because half of their
/// readers would take them for powers of 1000.
enum ByteSize {
    static func parse(_ text: String, for option: OptionName) throws(UsageError) -> Int {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let unit = text.dropFirst(digits.count)
        guard !digits.isEmpty, let shift = shift(of: unit.lowercased()) else {
            let off = option == .compressAbove ? ", or off" : ""
            throw UsageError(
                "option \(option.spelling): \"\(text)\" is not a size: "
                    + "a number of bytes, or with k, M, G or T for powers of 1024, such as 16k or 16KiB\(off)")
        }
        guard let number = Int(digits), number <= Int.max >> shift else {
            throw UsageError("option \(option.spelling): \(text) is too large")
        }
        return number << shift
    }

    private static func shift(of unit: String) -> Int? {
        switch unit {
        case "", "b": 0
        case "k", "kib": 10
        case "m", "mib": 20
        case "g", "gib": 30
        case "t", "tib": 40
        default: nil
        }
    }
}
