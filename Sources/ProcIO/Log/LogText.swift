internal import ProcCore

/// How values and hostile strings are spelled in a log line.
package enum LogText {
    /// `string` as it can be shown on a terminal, on one line.
    package static func visible(_ string: String) -> String {
        var line = ""
        append(string, escapingQuotes: false, to: &line)
        return line
    }

    /// Appends a field's value: bare when it is plain, else in double quotes.
    static func append(_ value: Value, to line: inout String) {
        switch value {
        case .string(let string):
            if isPlain(string) {
                line += string
            } else {
                line += "\""
                append(string, escapingQuotes: true, to: &line)
                line += "\""
            }
        case .text(let bytes), .binary(let bytes), .base64(let bytes):
            append(.string(String(decoding: bytes, as: UTF8.self)), to: &line)
        case .null, .bool, .int, .uint, .double, .array, .map:
            appendJSON(value, to: &line)
        }
    }

    /// Whether a string can stand in a line without quotes and be told from what follows.
    private static func isPlain(_ string: String) -> Bool {
        !string.isEmpty
            && string.unicodeScalars.allSatisfy { scalar in
                scalar != " " && scalar != "\"" && scalar != "=" && scalar != "\\" && !isUnprintable(scalar)
            }
    }

    /// Appends a string with what a terminal or a reader of lines would act on escaped.
    static func append(_ string: String, escapingQuotes: Bool, to line: inout String) {
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\n": line += "\\n"
            case "\r": line += "\\r"
            case "\t": line += "\\t"
            case "\"" where escapingQuotes: line += "\\\""
            case "\\" where escapingQuotes: line += "\\\\"
            case _ where isUnprintable(scalar): line += "\\u{\(String(scalar.value, radix: 16))}"
            case _: line.unicodeScalars.append(scalar)
            }
        }
    }

    /// Control, format (among them the marks that reverse the direction of
    /// writing), and the separators that some readers take for a line's end.
    private static func isUnprintable(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return scalar.value < 0x20 || scalar.value == 0x7f }
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: return true
        default: return false  // A category of Unicode's, not an enum of ours.
        }
    }

    /// Appends a value as JSON. Other than the codec's writer it escapes all that ``append(_:escapingQuotes:to:)``
    /// does: a JSON log, too, is read on terminals.
    static func appendJSON(_ value: Value, to line: inout String) {
        switch value {
        case .null: line += "null"
        case .bool(let flag): line += flag ? "true" : "false"
        case .int(let number): line += String(number)
        case .uint(let number): line += String(number)
        case .double(let number): line += number.isFinite ? "\(number)" : "null"
        case .string(let string): appendJSONString(string, to: &line)
        case .text(let bytes), .binary(let bytes), .base64(let bytes):
            appendJSONString(String(decoding: bytes, as: UTF8.self), to: &line)
        case .array(let elements):
            line += "["
            for (index, element) in elements.enumerated() {
                if index > 0 { line += "," }
                appendJSON(element, to: &line)
            }
            line += "]"
        case .map(let members):
            line += "{"
            for (index, member) in members.enumerated() {
                if index > 0 { line += "," }
                appendJSONString(member.key, to: &line)
                line += ":"
                appendJSON(member.value, to: &line)
            }
            line += "}"
        }
    }

    private static func appendJSONString(_ string: String, to line: inout String) {
        line += "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": line += "\\\""
            case "\\": line += "\\\\"
            case "\n": line += "\\n"
            case _ where isUnprintable(scalar):
                for unit in String(scalar).utf16 {
                    let digits = String(unit, radix: 16)
                    line += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                }
            case _: line.unicodeScalars.append(scalar)
            }
        }
        line += "\""
    }
}
