/// Why bytes are not a MessagePack document, and where.
package struct MessagePackError: Error, Equatable, CustomStringConvertible {
    package enum Reason: Equatable, Sendable {
        /// The bytes end inside a value; at least `need` more belong to it.
        case truncated(need: Int)
        /// One value was to be all there is.
        case trailingBytes(Int)
        /// 0xc1, which the specification never uses.
        case unusedFormat
        /// An extension, of this type. None is known here; -1 is a timestamp.
        case extensionType(Int8)
        /// A map's key isn't a string but starts with this byte.
        case keyNotString(UInt8)
        case duplicateKey(String)
        /// A string holds ill-formed UTF-8.
        case notUTF8
        /// Arrays and maps nested deeper than the limit.
        case tooDeep(limit: Int)
        /// More values in arrays and maps, all together, than the limit.
        case tooManyValues(limit: Int)
    }

    package let reason: Reason
    /// Bytes before the value, or the byte, that is wrong.
    package let offset: Int

    package var description: String { "byte \(offset): \(reason.description)" }
}

extension MessagePackError.Reason: CustomStringConvertible {
    package var description: String {
        switch self {
        case .truncated(let need): "truncated, at least \(need) more \(need == 1 ? "byte" : "bytes") expected"
        case .trailingBytes(let count): "\(count) more \(count == 1 ? "byte" : "bytes") after the value"
        case .unusedFormat: "0xc1 starts no value"
        case .extensionType(let type): "extension type \(type) is not supported"
        case .keyNotString(let format):
            "a key must be a string, found format 0x\(format.hexadecimal(digits: 2))"
        case .duplicateKey(let key): "duplicate key \(key.debugDescription)"
        case .notUTF8: "a string is not UTF-8"
        case .tooDeep(let limit): "nested deeper than \(limit) levels"
        case .tooManyValues(let limit): "more than \(limit) values"
        }
    }
}
