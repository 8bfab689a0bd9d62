/// Messages as the log may show them: without output, and without what may be secret.
///
/// Hidden are the access token, the values of environment variables, in specs and in results, and all captured or
/// binary data, of which the length is left.
package enum MessageText {
    /// One line of JSON.
    package static func line(_ message: Value) -> String {
        String(decoding: JSONWriter.bytes(of: shown(message)), as: UTF8.self)
    }

    /// What replaces a secret.
    private static let hidden = Value.string("(hidden)")

    private static func shown(_ value: Value) -> Value {
        switch value {
        case .null, .bool, .int, .uint, .double, .string: value
        case .binary(let bytes), .text(let bytes), .base64(let bytes): .string("(\(bytes.count) bytes)")
        case .array(let elements): .array(elements.map(shown))
        case .map(let members): .map(members.map { Value.Member($0.key, shown($0.value, under: $0.key)) })
        }
    }

    private static func shown(_ value: Value, under key: String) -> Value {
        switch key {
        case "access_token": hidden
        // In a spec `env` holds `vars`; in a result it is the environment itself.
        case "vars", "env": withHiddenTexts(value)
        // A result that was read back has its output in strings.
        case "text", "data": length(value)
        default: shown(value)
        }
    }

    private static func withHiddenTexts(_ value: Value) -> Value {
        switch value {
        case .string, .text: hidden
        case .map(let members): .map(members.map { Value.Member($0.key, withHiddenTexts($0.value)) })
        case .null, .bool, .int, .uint, .double, .binary, .base64, .array: shown(value)
        }
    }

    private static func length(_ value: Value) -> Value {
        guard case .string(let text) = value else { return shown(value) }
        return .string("(\(text.utf8.count) bytes)")
    }
}
