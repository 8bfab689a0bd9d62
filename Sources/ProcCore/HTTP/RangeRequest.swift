/// Which part of a document a request asks for by its `Range` field (RFC 9110, section 14).
package enum RangeRequest: Equatable, Sendable {
    /// All of it, with status 200: there is no such field, or none that we can use. A server may ignore any, and we do
    /// so with several ranges at once, which would need a body of parts.
    case all
    /// With status 206; never empty.
    case part(Range<UInt64>)
    /// Status 416: nothing of it is there.
    case unsatisfiable

    /// - Parameters:
    ///   - field: The value of `Range`.
    ///   - length: Of the whole document, in bytes.
    package init(_ field: String?, length: UInt64) {
        self = field.flatMap { Self.judge(Array($0.utf8)[...], length) } ?? .all
    }

    /// The value of `Content-Range` that goes with 206 and 416: `bytes 0-99/1000`, `bytes */1000`.
    package func contentRange(length: UInt64) -> String? {
        switch self {
        case .all: nil
        case .part(let range): "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(length)"
        case .unsatisfiable: "bytes */\(length)"
        }
    }

    private static func judge(_ field: ArraySlice<UInt8>, _ length: UInt64) -> RangeRequest? {
        guard let sign = field.firstIndex(of: UInt8(ascii: "=")),
            field[..<sign].elementsEqual("bytes".utf8, by: { $0 | 0x20 == $1 })
        else { return nil }
        // A list may have empty members, which count for nothing (section 5.6.1).
        let members = field[(sign + 1)...].split(separator: UInt8(ascii: ",")).map(\.trimmed).filter { !$0.isEmpty }
        guard members.count == 1, let member = members.first,
            let dash = member.firstIndex(of: UInt8(ascii: "-"))
        else { return nil }
        let (first, last) = (member[..<dash], member[(dash + 1)...])
        if first.isEmpty {
            guard let count = number(last) else { return nil }
            // Of an empty document the last bytes are all there is, and no `Content-Range` could say so.
            if length == 0, count > 0 { return .all }
            return count == 0 ? .unsatisfiable : .part((length - min(count, length))..<length)
        }
        guard let start = number(first) else { return nil }
        var end = UInt64.max
        if !last.isEmpty {
            guard let position = number(last), position >= start else { return nil }
            end = position
        }
        return start < length ? .part(start..<(min(end, length - 1) + 1)) : .unsatisfiable
    }

    /// Digits alone. What is beyond 64 bits is beyond any document.
    private static func number(_ digits: ArraySlice<UInt8>) -> UInt64? {
        guard !digits.isEmpty else { return nil }
        var sum: UInt64 = 0
        for byte in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            let (product, overflows) = sum.multipliedReportingOverflow(by: 10)
            let (next, carries) = product.addingReportingOverflow(UInt64(byte - UInt8(ascii: "0")))
            sum = overflows || carries || sum == .max ? .max : next
        }
        return sum
    }
}
