/// What somebody who typed an option that doesn't exist may have meant.
enum OptionSuggestion {
    static func unknown(_ spelling: String) -> UsageError {
        guard let near = nearest(to: spelling) else { return UsageError("unknown option \(spelling)") }
        return UsageError("unknown option \(spelling) (did you mean \(near)?)")
    }

    /// The long option that `spelling` begins, or else the closest one with at most two letters wrong; nil when
    /// several or none would do.
    private static func nearest(to spelling: String) -> String? {
        guard spelling.hasPrefix("--"), spelling.count > 4 else { return nil }
        let known = OptionName.allCases.map(\.spelling)
        let begun = known.filter { $0.hasPrefix(spelling) }
        if let first = begun.first { return begun.count == 1 ? first : nil }

        let scored = known.map { (distance: distance(Array(spelling), Array($0)), name: $0) }
        guard let best = scored.min(by: { $0.distance < $1.distance }), best.distance <= 2 else { return nil }
        return scored.filter { $0.distance == best.distance }.count == 1 ? best.name : nil
    }

    /// How many letters must be inserted, dropped, replaced or swapped with
    /// their neighbour to make one word of the other (optimal string alignment).
    static func distance(_ a: [Character], _ b: [Character]) -> Int {
        var rows = [Array(0...b.count)]
        for i in 1..<(a.count + 1) {
            var row = [i]
            for j in 1..<(b.count + 1) {
                let same = a[i - 1] == b[j - 1]
                var best = min(rows[i - 1][j] + 1, row[j - 1] + 1, rows[i - 1][j - 1] + (same ? 0 : 1))
                if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] { best = min(best, rows[i - 2][j - 2] + 1) }
                row.append(best)
            }
            rows.append(row)
        }
        return rows[a.count][b.count]
    }
}
