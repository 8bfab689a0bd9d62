package import ProcCore

extension HTTPServer {
    /// What clients may ask of a server. Each limit is there so that no client, by haste, sloth or malice, takes what
    /// others need.
    package struct Settings {
        /// Of heads: 414 for the first line, 431 for fields.
        package var head = HTTPHead.Limits()
        /// Bytes of a body that is collected: it is kept in memory. Beyond: 413.
        package var bodyLimit = 64 << 20
        /// Bytes of a body that nobody wanted and that is read all the same, so that a small one doesn't cost its client
        /// the connection.
        package var skippedBody = 64 << 10
        /// Connections at a time. Each takes a descriptor and, at worst, its buffers. Beyond: 503.
        package var connectionLimit = 1024
        /// Connections that are being told so. Beyond, they wait in the kernel.
        package var refusalLimit = 64
        /// What `Retry-After` says then.
        package var retryAfter = Interval.seconds(1)
        package var timeouts = Timeouts()
        /// Bytes that are read while a request is under way: the next requests, or a body nobody has asked for yet.
        package var readAhead = 16 << 10
        /// Bytes of a response that wait in memory, from which on its maker is told to wait.
        package var outputLimit = 256 << 10
        /// Requests of one connection that are answered in a turn of the loop, so that one who sends a thousand at once
        /// doesn't keep the others waiting.
        package var requestsPerTurn = 32
        package var listener = Listener.Settings()
        /// The body of an answer of the server's own, and its type. `reason` is a clause without full stop.
        package var errorBody: (_ status: UInt16, _ reason: String) -> [UInt8] = { _, reason in
            JSONWriter.bytes(of: .map([.init("error", .string(reason))]))
        }
        package var errorType = "application/json"

        package init() {}

        /// How long a connection may take over something before its place is given to others.
        package struct Timeouts: Sendable {
            /// For a head, from its first byte on, and for the first one together with TLS, from the connection on. A
            /// head comes in a packet or two; one that comes by drops only holds its place. 408.
            package var head = Interval.seconds(10)
            /// Between two parts of a body that is wanted. 408.
            package var body = Interval.seconds(30)
            /// Between requests: about as long as clients keep a connection they may want again.
            package var idle = Interval.seconds(75)
            /// For the client to take anything of what it is sent, at least; at most twice that. As long as it does, it
            /// may be as slow as it likes.
            package var write = Interval.seconds(30)
            /// For the client to close, after the last response: one that is cut off with bytes on the way to us may
            /// lose the response.
            package var linger = Interval.seconds(5)
        }

        var conversation: HTTPConversation.Settings {
            var settings = HTTPConversation.Settings(errorBody: errorBody, errorType: errorType, date: HTTPDate())
            settings.limits = head
            settings.readAhead = readAhead
            settings.skippedBody = UInt64(skippedBody)
            return settings
        }
    }

    /// What an operator may want to know.
    package enum Notice: CustomStringConvertible {
        case cannotAccept(SystemError)
        /// As many connections as may be; said once until there is room again.
        case crowded(connections: Int)
        case noTLS(TLSFailure, HTTPPeer)
        /// A response broke off, because of a file perhaps.
        case broken(SystemError, HTTPPeer)

        package var description: String {
            switch self {
            case .cannotAccept(let error): error.description
            case .crowded(let count): "\(count) HTTP connections are open: others are answered with 503"
            case .noTLS(let failure, let peer): "HTTP connection of \(peer): TLS: \(failure)"
            case .broken(let error, let peer): "HTTP response to \(peer): \(error)"
            }
        }
    }
}

extension HTTPPeer: CustomStringConvertible {
    package var description: String {
        switch self {
        case .address(let address): address.description
        case .local(let peer): "process \(peer.pid) of user \(peer.uid)"
        }
    }
}
