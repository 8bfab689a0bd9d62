/// Path and query of a request, decoded (RFC 3986).
package struct RequestTarget: Equatable, Sendable {
    /// `name=value`, or a name alone.
    package struct QueryItem: Equatable, Sendable {
        package let name: String
        package let value: String?

        package init(_ name: String, _ value: String?) {
            self.name = name
            self.value = value
        }
    }

    /// What is wrong with it, as a clause for the client.
    package struct Malformed: Error, Equatable, CustomStringConvertible {
        package let description: String
    }

    /// What stands between the slashes of the path. Each is decoded by itself, so that an encoded slash separates
    /// nothing. `/` has none; behind a slash at the end comes an empty one.
    package let segments: [String]
    /// In the order of their coming; names may repeat.
    package let query: [QueryItem]

    /// - Parameter bytes: Path and query as they came, `/a%20b?x=1`; an empty path is `/`.
    package init(parsing bytes: UnsafeBufferPointer<UInt8>) throws(Malformed) {
        let mark = bytes.firstIndex(of: UInt8(ascii: "?")) ?? bytes.endIndex
        segments = try Self.segments(of: UnsafeBufferPointer(rebasing: bytes[..<mark]))
        query = try Self.query(of: UnsafeBufferPointer(rebasing: bytes[mark...].dropFirst()))
    }

    /// The value of the first item of this name; nil when there is none, or it has none.
    package func value(of name: String) -> String? { query.first { $0.name == name }?.value }

    private static func segments(of path: UnsafeBufferPointer<UInt8>) throws(Malformed) -> [String] {
        let inner = path.first == UInt8(ascii: "/") ? path.dropFirst() : path[...]
        guard !inner.isEmpty else { return [] }
        var segments: [String] = []
        var start = inner.startIndex
        for index in inner.indices where inner[index] == UInt8(ascii: "/") {
            segments.append(try decoded(inner[start..<index], "the path"))
            start = index + 1
        }
        segments.append(try decoded(inner[start...], "the path"))
        return segments
    }

    private static func query(of text: UnsafeBufferPointer<UInt8>) throws(Malformed) -> [QueryItem] {
        guard !text.isEmpty else { return [] }
        var items: [QueryItem] = []
        for item in text.split(separator: UInt8(ascii: "&")) {
            let sign = item.firstIndex(of: UInt8(ascii: "=")) ?? item.endIndex
            let name = try decoded(item[..<sign], "the query", plusIsSpace: true)
            let value = sign == item.endIndex ? nil : try decoded(item[(sign + 1)...], "the query", plusIsSpace: true)
            items.append(QueryItem(name, value))
        }
        return items
    }

    /// - Parameter plusIsSpace: As HTML forms write queries, and so most clients.
    private static func decoded(
        _ text: Slice<UnsafeBufferPointer<UInt8>>, _ place: String, plusIsSpace: Bool = false
    ) throws(Malformed) -> String {
        let text = UnsafeBufferPointer(rebasing: text)
        let isPlain = text.allSatisfy { $0 != UInt8(ascii: "%") && $0 != UInt8(ascii: "+") && $0 < 0x80 && $0 != 0 }
        if isPlain || text.isEmpty { return String(decoding: text, as: UTF8.self) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            let byte = text[index]
            index += 1
            if byte == UInt8(ascii: "%") {
                guard index + 2 <= text.count, let high = hexDigit(text[index]), let low = hexDigit(text[index + 1])
                else { throw Malformed(description: "\(place) has a % without two hexadecimal digits") }
                bytes.append(high << 4 | low)
                index += 2
            } else {
                bytes.append(plusIsSpace && byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
            }
        }
        // No name here has one, and where C reads it, it would end.
        guard !bytes.contains(0) else { throw Malformed(description: "\(place) has a NUL in it") }
        guard let decoded = String(validating: bytes, as: UTF8.self) else {
            throw Malformed(description: "\(place) is not UTF-8")
        }
        return decoded
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil  // A byte, not an enum of ours.
        }
    }
}
