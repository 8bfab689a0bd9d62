package import ProcCore

/// Who asks.
package enum HTTPPeer: Equatable, Sendable {
    case address(SocketAddress)
    /// On a Unix socket: who had connected, by the kernel's word.
    case local(LocalPeer)
}

/// A request whose head has come. Its body comes by ``HTTPResponder``.
package struct HTTPRequest {
    package let head: HTTPHead
    package let method: String
    package let target: RequestTarget
    package let body: RequestBody
    package let peer: HTTPPeer
    /// Of the client's certificate, as RFC 2253 writes it: `CN=agent 7,O=Example`. Nil when it has shown none.
    package let certificateSubject: String?

    package func value(of field: String) -> String? { head.value(of: field) }
}

/// An answer.
package struct HTTPResponse {
    package enum Body {
        case bytes([UInt8])
        /// Bytes of a file, which has to have them until they are sent. Of constant memory for any size.
        case file(SharedFD, offset: UInt64, count: UInt64)
    }

    package var status: UInt16
    /// Without `Date`, `Content-Length`, `Transfer-Encoding` and `Connection`, which are the server's.
    package var fields: [HTTPField]
    package var body: Body
    /// Whether the connection is to end behind it.
    package var closes = false

    package init(_ status: UInt16, _ fields: [HTTPField] = [], _ body: Body = .bytes([])) {
        self.status = status
        self.fields = fields
        self.body = body
    }

    var length: UInt64 {
        switch body {
        case .bytes(let bytes): UInt64(bytes.count)
        case .file(_, _, let count): count
        }
    }
}
