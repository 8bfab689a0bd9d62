package import ProcCore

/// Why no WebSocket came about, and at which step.
package enum WebSocketDialError: Error, CustomStringConvertible {
    package enum Step: Equatable, Sendable {
        case tls, upgrade
    }

    /// No TCP connection.
    case dial(DialError)
    /// - Parameter advice: What to do where nobody trusts the certificate.
    case tls(Endpoint, TLSFailure, advice: String?)
    /// The connection ended within the handshake.
    case lost(Endpoint, Step, ByteStream.End)
    case timedOut(Endpoint, Step, Interval)
    /// The server answered with another status than 101.
    ///
    /// - Parameter text: The first line of what it said with it, if that is text.
    case refused(Endpoint, status: UInt16, reason: String, text: String?)
    /// What the server said is no answer to a request for a WebSocket.
    case notWebSocket(Endpoint, reason: String)
    /// The request can't be made.
    case request(reason: String)

    package var description: String {
        switch self {
        case .dial(let error): return error.description
        case .tls(let endpoint, let failure, let advice):
            switch failure.subject {
            case .trust: return "certificate of \(endpoint): \(failure)" + (advice.map { "; \($0)" } ?? "")
            case .certificate: return "certificate of \(endpoint): \(failure)"
            case .connection: return "TLS with \(endpoint): \(failure)"
            }
        case .lost(let endpoint, let step, let end): return "\(step.text(endpoint)): \(end)"
        case .timedOut(let endpoint, let step, let limit):
            return "\(step.text(endpoint)): no answer within \(limit.shortText)"
        case .refused(let endpoint, let status, let reason, let text):
            let answer = reason.isEmpty ? "\(status)" : "\(status) \(reason)"
            return "\(Step.upgrade.text(endpoint)): refused with \(answer)" + (text.map { ": \($0)" } ?? "")
        case .notWebSocket(let endpoint, let reason):
            return "\(Step.upgrade.text(endpoint)): the answer is not of a WebSocket server: \(reason)"
        case .request(let reason): return "request for a WebSocket: \(reason)"
        }
    }
}

extension WebSocketDialError.Step {
    fileprivate func text(_ endpoint: Endpoint) -> String {
        switch self {
        case .tls: "TLS with \(endpoint)"
        case .upgrade: "WebSocket with \(endpoint)"
        }
    }
}
