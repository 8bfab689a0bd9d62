/// How values that someone else wrote appear in messages: recognisable, on one line, and short.
package enum Quoted {
    /// How many characters of a found text a message shows.
    static let shown = 48

    /// `text` in double quotes, with JSON's escapes; a long one is cut and ends in `…`.
    package static func text(_ text: String) -> String {
        var result = "\""
        var rest = text.unicodeScalars[...]
        for _ in 0..<shown {
            guard let scalar = rest.popFirst() else { break }
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case "\r": result += "\\r"
            case "\0"..<" ", "\u{7f}"..<"\u{a0}":
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + (rest.isEmpty ? "\"" : "…\"")
    }

    /// Several texts, each in quotes, with commas between them.
    static func list(_ texts: [String]) -> String { texts.map { text($0) }.joined(separator: ", ") }

    /// What kind of value it is, for messages that don't show it.
    static func kind(_ value: Value) -> String {
        switch value {
        case .null, .text, .base64, .binary, .array, .map: Self.value(value)
        case .bool: "a truth value"
        case .int, .uint, .double: "a number"
        case .string: "a string"
        }
    }

    /// A value as a message shows it: scalars as they are written, others by their kind.
    static func value(_ value: Value) -> String {
        switch value {
        case .null: "null"
        case .bool(let bool): "\(bool)"
        case .int(let number): "\(number)"
        case .uint(let number): "\(number)"
        case .double(let number): "\(number)"
        case .string(let string): text(string)
        case .text, .base64: "captured output"
        case .binary: "binary data"
        case .array: "an array"
        case .map: "an object"
        }
    }
}
