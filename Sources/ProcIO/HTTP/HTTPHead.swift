internal import CWebSocket

/// The head of an HTTP/1.1 message, decoded from its bytes.
package final class HTTPHead {
    enum Kind {
        case request, response
    }

    /// How much there may be of it.
    package struct Limits: Sendable {
        /// Bytes of all, the empty line included: what a peer can make us keep before it has said anything.
        package var head = Int(CWS_HTTP_HEAD_DEFAULT)
        /// Bytes of a line: RFC 9112, section 3, wants first lines of 8000 bytes to be read.
        package var line = Int(CWS_HTTP_LINE_DEFAULT)
        /// Fields: each is looked at for each that is looked for.
        package var fields = Int(CWS_HTTP_FIELDS_DEFAULT)

        package init() {}

        var forC: cws_http_limits {
            cws_http_limits(
                head: UInt32(clamping: head), line: UInt32(clamping: line), fields: UInt32(clamping: fields))
        }
    }

    /// A head or body that is no valid HTTP.
    package struct Failure: Error, Equatable {
        /// One of `cws_http_error`.
        let code: CInt
        package var reason: String { String(cString: cws_http_error_reason(code)) }
        /// What a server answers with.
        package var status: UInt16 { cws_http_error_status(code) }
    }

    /// The fields, and behind them the bytes.
    private let memory: UnsafeMutableRawPointer
    private let bytes: UnsafePointer<UInt8>
    private let head: cws_http_head

    /// Copies what was decoded.
    private init(_ decoded: cws_http_head, _ source: UnsafePointer<UInt8>, size: Int) {
        let offset = decoded.field_count * MemoryLayout<cws_http_field>.stride
        memory = .allocate(byteCount: offset + size, alignment: MemoryLayout<cws_http_field>.alignment)
        let fields = memory.bindMemory(to: cws_http_field.self, capacity: decoded.field_count)
        if let found = decoded.fields { fields.initialize(from: found, count: decoded.field_count) }
        let copy = (memory + offset).bindMemory(to: UInt8.self, capacity: size)
        copy.initialize(from: source, count: size)
        bytes = UnsafePointer(copy)
        var head = decoded
        head.fields = UnsafePointer(fields)
        self.head = head
    }

    deinit { memory.deallocate() }

    /// Decodes the head at the front of `bytes`; nil when it isn't whole yet. `size` is where the body starts.
    static func decode(
        _ kind: Kind, _ bytes: UnsafeBufferPointer<UInt8>, within limits: Limits = Limits()
    ) throws(Failure) -> (head: HTTPHead, size: Int)? {
        guard let start = bytes.baseAddress, !bytes.isEmpty else { return nil }
        var cLimits = limits.forC
        let (result, decoded) = withUnsafeTemporaryAllocation(
            of: cws_http_field.self, capacity: max(limits.fields, 1)
        ) { fields -> (CInt, HTTPHead?) in
            guard let room = fields.baseAddress else { preconditionFailure("no room for fields") }
            var head = cws_http_head()
            let result =
                switch kind {
                case .request: cws_http_request_decode(start, bytes.count, &cLimits, room, &head)
                case .response: cws_http_response_decode(start, bytes.count, &cLimits, room, &head)
                }
            return (result, result > 0 ? HTTPHead(head, start, size: Int(result)) : nil)
        }
        guard result >= 0 else { throw Failure(code: result) }
        return decoded.map { ($0, Int(result)) }
    }

    /// Hands `body` what the C functions about heads want.
    func withC<T>(_ body: (UnsafePointer<UInt8>, UnsafePointer<cws_http_head>) -> T) -> T {
        withUnsafePointer(to: head) { body(bytes, $0) }
    }

    private func lent(_ span: cws_http_span) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: bytes + Int(span.at), count: Int(span.len))
    }

    private func text(_ span: cws_http_span) -> String { String(decoding: lent(span), as: UTF8.self) }

    package var method: String { text(head.method) }
    /// Whether it is that; case counts.
    func isMethod(_ name: StaticString) -> Bool {
        lent(head.method).elementsEqual(
            UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
    }
    /// Path and query as the client wrote them.
    package var path: String { text(head.path) }
    /// The same as bytes, good as long as this lives.
    var pathBytes: UnsafeBufferPointer<UInt8> { lent(head.path) }
    /// Host and port that the request is for; may be empty.
    package var authority: String { text(head.authority) }
    package var status: UInt16 { head.status }
    /// The reason phrase, which may be empty.
    package var reason: String { text(head.reason) }
    /// Of HTTP/1: 0 or 1.
    package var minorVersion: UInt8 { head.minor_version }

    /// The value of the first field of this name, in any case; nil when there is none.
    package func value(of name: String) -> String? { index(of: name, from: 0).flatMap(value(at:)) }

    /// The values of all fields of this name as one list (RFC 9110, section 5.3); nil when there is none.
    package func list(of name: String) -> String? {
        var list: String?
        var next = index(of: name, from: 0)
        while let index = next, let value = value(at: index) {
            list = list.map { "\($0), \(value)" } ?? value
            next = self.index(of: name, from: index + 1)
        }
        return list
    }

    private func index(of name: String, from start: Int) -> Int? {
        let index = withC { buffer, head in cws_http_field_find(buffer, head, name, start) }
        return index < head.field_count ? index : nil
    }

    private func value(at index: Int) -> String? { head.fields.map { text($0[index].value) } }
}
