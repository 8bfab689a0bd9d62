import ProcCore

extension Value {
    /// The value as one line in which order and kinds show: `{"utime":0.0,"minflt":0,"data":base64[1,2]}`.
    var text: String {
        switch self {
        case .null: "null"
        case .bool(let bool): "\(bool)"
        case .int(let number): "\(number)"
        case .uint(let number): "\(number)"
        case .double(let number): "\(number)"
        case .string(let string): "\"\(string)\""
        case .binary(let bytes): "binary" + Self.list(bytes)
        case .text(let bytes): "text" + Self.list(bytes)
        case .base64(let bytes): "base64" + Self.list(bytes)
        case .array(let items): "[" + items.map(\.text).joined(separator: ",") + "]"
        case .map(let members): "{" + members.map { "\"\($0.key)\":\($0.value.text)" }.joined(separator: ",") + "}"
        }
    }

    private static func list(_ bytes: [UInt8]) -> String { "[" + bytes.map(String.init).joined(separator: ",") + "]" }
}
