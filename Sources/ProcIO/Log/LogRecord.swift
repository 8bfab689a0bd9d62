package import ProcCore

/// One thing to log, and how it reads as a line.
///
/// Process ids, paths and program output reach the log, and their authors may
/// be hostile. Nothing in a message or a value can end the line, move the
/// cursor of a terminal, reverse the direction of writing, or look like a
/// further field.
package struct LogRecord: Equatable, Sendable {
    package var time: WallTime
    package var level: LogLevel
    package var message: String
    /// Written in this order.
    package var fields: [Value.Member]

    package init(time: WallTime, level: LogLevel, message: String, fields: [Value.Member] = []) {
        self.time = time
        self.level = level
        self.message = message
        self.fields = fields
    }

    /// The line with its newline, at most `limit` bytes of it.
    ///
    /// A line that is longer has its long strings cut, and if that is not
    /// enough it loses its fields; either leaves a mark (`…`).
    package func line(as format: LogFormat, colored: Bool = false, limit: Int = .max) -> [UInt8] {
        let whole = rendered(as: format, colored: colored)
        if whole.count <= limit { return whole }

        let shorter = shortened().rendered(as: format, colored: colored)
        if shorter.count <= limit { return shorter }

        let bare = LogRecord(
            time: time, level: level, message: shortened().message, fields: [Value.Member("cut", .string("…"))])
        return bare.rendered(as: format, colored: colored)
    }

    private func rendered(as format: LogFormat, colored: Bool) -> [UInt8] {
        switch format {
        case .text: text(colored: colored)
        case .json: json()
        }
    }

    private func text(colored: Bool) -> [UInt8] {
        var line = LogTime.text(of: time)
        line += " "
        line += colored ? level.color + level.label + "\u{1b}[0m" : level.label
        line += " "
        LogText.append(message, escapingQuotes: false, to: &line)
        for field in fields {
            line += " "
            line += field.key
            line += "="
            LogText.append(field.value, to: &line)
        }
        line += "\n"
        return Array(line.utf8)
    }

    /// The fields stand beside `time`, `level` and `message`, so none may have one of those names.
    private func json() -> [UInt8] {
        var line = "{\"time\":\"\(LogTime.text(of: time))\",\"level\":\"\(level.rawValue)\",\"message\":"
        LogText.appendJSON(.string(message), to: &line)
        for field in fields {
            line += ","
            LogText.appendJSON(.string(field.key), to: &line)
            line += ":"
            LogText.appendJSON(field.value, to: &line)
        }
        line += "}\n"
        return Array(line.utf8)
    }

    /// The same with every string cut to 128 bytes, which is at most 768 bytes when all of it must be escaped.
    private func shortened() -> LogRecord {
        func cut(_ string: String) -> String {
            guard string.utf8.count > 128 else { return string }
            var end = string.utf8.index(string.utf8.startIndex, offsetBy: 128)
            while end.samePosition(in: string.unicodeScalars) == nil { string.utf8.formIndex(before: &end) }
            return string[..<end] + "…"
        }
        var result = self
        result.message = cut(message)
        result.fields = fields.map { field in
            guard case .string(let string) = field.value else { return field }
            return Value.Member(field.key, .string(cut(string)))
        }
        return result
    }
}
