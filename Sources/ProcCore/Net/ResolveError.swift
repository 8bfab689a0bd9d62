internal import Glibc

/// A host whose addresses could not be found: `resolve no.such.host: Name or service not known`.
package struct ResolveError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Reason: Hashable, Sendable {
        /// What getaddrinfo(3) returned, an `EAI_…`, and what errno was then.
        case failed(code: CInt, errno: CInt)
        /// It succeeded and had nothing to say.
        case noAddress
        /// Nothing came within this time.
        case noAnswer(within: Interval)
    }

    package let host: String
    package let reason: Reason

    package init(_ host: String, _ reason: Reason) {
        self.host = host
        self.reason = reason
    }

    package var description: String { "resolve \(host): \(reasonText)" }

    private var reasonText: String {
        switch reason {
        case .failed(EAI_SYSTEM, let errno): SystemError.reason(of: errno)
        case .failed(let code, _): String(cString: gai_strerror(code))
        case .noAddress: "no address"
        case .noAnswer(let limit): "no answer within \(limit.shortText)"
        }
    }
}
