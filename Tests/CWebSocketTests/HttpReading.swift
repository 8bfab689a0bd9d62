import CWebSocket
import Testing

/// Lends a heap copy of exactly `bytes.count` bytes, so that a sanitizer build traps on a read past the end.
func withExactCopy<Result>(of bytes: some Collection<UInt8>, _ body: (UnsafePointer<UInt8>) -> Result) -> Result {
    let exact = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: bytes.count)
    defer { exact.deallocate() }
    _ = exact.initialize(from: bytes)
    // Never nil: even an allocation of nothing has an address.
    return body(UnsafePointer(exact.baseAddress!))
}

extension cws_http_limits {
    static let ordinary = cws_http_limits(head: 1000, line: 200, fields: 8)
}

/// What a decoder said of some bytes, with the spans as text.
struct HeadReading: Equatable {
    enum Kind: Sendable { case request, response }

    var returned: Int32
    var method = ""
    var target = ""
    var form: cws_http_target_form = CWS_HTTP_TARGET_ORIGIN
    var authority = ""
    var path = ""
    var status: UInt16 = 0
    var reason = ""
    var minorVersion: UInt8 = 0
    var fields: [[String]] = []

    /// Decodes and, when there is a head, also asks `question` about it.
    static func read<Answer>(
        _ kind: Kind, _ bytes: some Collection<UInt8>, limits: cws_http_limits = .ordinary,
        question: (UnsafePointer<UInt8>, inout cws_http_head) -> Answer?
    ) -> (HeadReading, Answer?) {
        let fields = UnsafeMutableBufferPointer<cws_http_field>.allocate(capacity: Int(limits.fields))
        defer { fields.deallocate() }
        fields.initialize(repeating: cws_http_field())
        return withExactCopy(of: bytes) { copy in
            var limits = limits
            var head = cws_http_head()
            // Shows whether the head has been written.
            head.status = 999
            let decode = kind == .request ? cws_http_request_decode : cws_http_response_decode
            var reading = HeadReading(returned: decode(copy, bytes.count, &limits, fields.baseAddress!, &head))
            guard reading.returned > 0 else {
                precondition(head.status == 999, "a head was written with \(reading.returned)")
                return (reading, nil)
            }
            func text(_ span: cws_http_span) -> String {
                precondition(Int(span.at) + Int(span.len) <= Int(reading.returned), "a span leaves the head")
                return String(
                    decoding: UnsafeBufferPointer(start: copy + Int(span.at), count: Int(span.len)), as: UTF8.self)
            }
            reading.method = text(head.method)
            reading.target = text(head.target)
            reading.form = head.form
            reading.authority = text(head.authority)
            reading.path = text(head.path)
            reading.status = head.status
            reading.reason = text(head.reason)
            reading.minorVersion = head.minor_version
            reading.fields = fields[..<head.field_count].map { [text($0.name), text($0.value)] }
            return (reading, question(copy, &head))
        }
    }

    static func read(
        _ kind: Kind, _ bytes: some Collection<UInt8>, limits: cws_http_limits = .ordinary
    ) -> HeadReading {
        read(kind, bytes, limits: limits) { _, _ in Optional<Never>.none }.0
    }

    /// How many of the bytes, given one more at a time, it takes to get another answer than "more", and which.
    static func readByteByByte(
        _ kind: Kind, _ bytes: [UInt8], limits: cws_http_limits = .ordinary
    ) -> (taken: Int, returned: Int32) {
        for count in 0...bytes.count {
            let returned = read(kind, bytes[..<count], limits: limits).returned
            if returned != 0 { return (count, returned) }
        }
        return (bytes.count, 0)
    }
}

/// A text whose error is proven by the byte before `‖`; what follows the mark must not change the answer.
struct WrongText: Sendable, CustomTestStringConvertible {
    let before: [UInt8]
    let after: [UInt8]
    let error: cws_http_error
    let testDescription: String

    init(_ text: String, _ error: cws_http_error) {
        let parts = text.split(separator: "‖", omittingEmptySubsequences: false)
        precondition(parts.count == 2, "no mark in \(text)")
        before = Array(parts[0].utf8)
        after = Array(parts[1].utf8)
        self.error = error
        testDescription = String(text.prefix(60)).debugDescription
    }
}

extension WrongText {
    init(before: [UInt8], after: [UInt8], error: cws_http_error) {
        self.before = before
        self.after = after
        self.error = error
        testDescription = String(decoding: before, as: UTF8.self).debugDescription
    }
}
