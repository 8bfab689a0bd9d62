/// A document, as JSON and MessagePack both describe it.
///
/// Both formats are parsed into, and written from, this one type, so that
/// whatever decides about a document (the spec decoder, the protocol) is
/// written once and tested without either encoding.
package enum Value: Sendable, Equatable {
    case null
    case bool(Bool)
    /// Any integer that fits in 64 signed bits.
    case int(Int64)
    /// Only integers above `Int64.max`; smaller ones are ``int(_:)``, so equal numbers are equal values.
    case uint(UInt64)
    case double(Double)
    case string(String)
    /// Raw bytes. MessagePack has them; JSON writes base64 and never reads any.
    case binary([UInt8])
    case array([Value])
    /// Members in document order; keys are unique (the readers reject a document that repeats one).
    case map([Member])
    /// Captured text: written as a string in which each invalid UTF-8 sequence
    /// becomes U+FFFD. Never read. It saves copying large output into a `String`.
    case text([UInt8])
    /// Captured bytes: written as a base64 string in either format. Never read.
    case base64([UInt8])

    /// One key and what stands under it.
    package struct Member: Sendable, Equatable {
        package let key: String
        package var value: Value

        package init(_ key: String, _ value: Value) {
            self.key = key
            self.value = value
        }
    }

    /// An integer from any fixed-width type, normalised as ``uint(_:)`` demands.
    package static func integer(_ number: some FixedWidthInteger) -> Value {
        if let small = Int64(exactly: number) { return .int(small) }
        return .uint(UInt64(number))
    }

    /// What JSON calls this kind of value, for error messages.
    package var kind: String {
        switch self {
        case .null: "null"
        case .bool: "boolean"
        case .int, .uint, .double: "number"
        case .string, .text, .base64: "string"
        case .binary: "binary"
        case .array: "array"
        case .map: "object"
        }
    }

    /// The value under `key` in a map; nil when there is none, or when this is no map.
    package subscript(key: String) -> Value? {
        guard case .map(let members) = self else { return nil }
        return members.first { $0.key == key }?.value
    }
}
