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
        case "vars", "env": concealed(value)
        // A result that was read back has its output in strings.
        case "text", "data": length(value)
        default: shown(value)
        }
    }

    /// Also what can't be right where it stands, such as a number: it may be meant as the value of a variable.
    private static func concealed(_ value: Value) -> Value {
        switch value {
        case .null, .bool: value
        case .map(let members): .map(members.map { Value.Member($0.key, concealed($0.value, under: $0.key)) })
        case .int, .uint, .double, .string, .text, .binary, .base64, .array: hidden
        }
    }

    private static func concealed(_ value: Value, under key: String) -> Value {
        // Names of variables.
        if key == "inherit", case .array = value { shown(value) } else { concealed(value) }
    }

    private static func length(_ value: Value) -> Value {
        guard case .string(let text) = value else { return shown(value) }
        return .string("(\(text.utf8.count) bytes)")
    }
}
