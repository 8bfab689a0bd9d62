internal import CWebSocket

/// The head of an HTTP/1.1 message, decoded from its bytes.
package final class HTTPHead {
    enum Kind {
        case request, response
    }

    /// A head that is no valid HTTP.
    package struct Failure: Error, Equatable {
        /// One of `cws_http_error`.
        let code: CInt
        package var reason: String { String(cString: cws_http_error_reason(code)) }
        /// What a server answers with.
        package var status: UInt16 { cws_http_error_status(code) }
    }

    private static var limits: cws_http_limits {
        cws_http_limits(
            head: UInt32(CWS_HTTP_HEAD_DEFAULT), line: UInt32(CWS_HTTP_LINE_DEFAULT),
            fields: UInt32(CWS_HTTP_FIELDS_DEFAULT))
    }

    private var bytes: [UInt8]
    private let fields: UnsafeMutablePointer<cws_http_field>
    private var head = cws_http_head()

    private init(_ bytes: [UInt8]) {
        self.bytes = bytes
        fields = .allocate(capacity: Int(CWS_HTTP_FIELDS_DEFAULT))
        fields.initialize(repeating: cws_http_field(), count: Int(CWS_HTTP_FIELDS_DEFAULT))
    }

    deinit { fields.deallocate() }

    /// Decodes the head at the front of `bytes`; nil when it isn't whole yet. `size` is where the body starts.
    static func decode(_ kind: Kind, _ bytes: [UInt8]) throws(Failure) -> (head: HTTPHead, size: Int)? {
        let decoded = HTTPHead(bytes)
        var limits = Self.limits
        let result = bytes.withUnsafeBufferPointer { buffer -> CInt in
            guard let start = buffer.baseAddress else { return 0 }
            switch kind {
            case .request:
                return cws_http_request_decode(start, buffer.count, &limits, decoded.fields, &decoded.head)
            case .response:
                return cws_http_response_decode(start, buffer.count, &limits, decoded.fields, &decoded.head)
            }
        }
        guard result >= 0 else { throw Failure(code: result) }
        guard result > 0 else { return nil }
        // What follows is not its to keep.
        decoded.bytes = Array(bytes[..<Int(result)])
        return (decoded, Int(result))
    }

    /// Hands `body` what the C functions about heads want.
    func withC<T>(_ body: (UnsafePointer<UInt8>, UnsafePointer<cws_http_head>) -> T) -> T {
        bytes.withUnsafeBufferPointer { buffer in
            guard let start = buffer.baseAddress else { preconditionFailure("a head of no bytes") }
            return withUnsafePointer(to: &head) { body(start, $0) }
        }
    }

    private func text(_ span: cws_http_span) -> String {
        String(decoding: bytes[Int(span.at)..<Int(span.at + span.len)], as: UTF8.self)
    }

    package var method: String { text(head.method) }
    /// Path and query as the client wrote them.
    package var path: String { text(head.path) }
    /// Host and port that the request is for; may be empty.
    package var authority: String { text(head.authority) }
    package var status: UInt16 { head.status }
    /// The reason phrase, which may be empty.
    package var reason: String { text(head.reason) }

    /// The value of the first field of this name, in any case; nil when there is none.
    package func value(of name: String) -> String? {
        let index = withC { buffer, head in cws_http_field_find(buffer, head, name, 0) }
        return index < head.field_count ? text(fields[index].value) : nil
    }
}
