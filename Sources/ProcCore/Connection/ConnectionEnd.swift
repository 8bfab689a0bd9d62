/// How a connection to the server ended, as far as it matters to what comes next.
package enum ConnectionEnd: Equatable, Sendable {
    /// The server ended it without giving a reason: with a close frame that has none, or with none at all.
    case wordless(String)
    case other(String)

    /// How it ended, in words.
    package var text: String {
        switch self {
        case .wordless(let text), .other(let text): text
        }
    }
}

/// Why an attempt to register came to nothing.
enum AttemptFailure: CustomStringConvertible {
    case dial(String)
    case registrationEnded(ConnectionEnd)
    case registrationRefused(String)
    case registrationTimedOut(Interval)

    var description: String {
        switch self {
        case .dial(let text): text
        // A wrong token is all that servers are silent about.
        case .registrationEnded(.wordless(let text)): "registration: \(text); the access token may be wrong"
        case .registrationEnded(.other(let text)), .registrationRefused(let text): "registration: \(text)"
        case .registrationTimedOut(let limit): "registration: no answer within \(limit.shortText)"
        }
    }
}

extension Reconnect {
    /// What an operator is told.
    package enum Notice: Equatable, Sendable, CustomStringConvertible {
        /// Said once, however often it repeats itself.
        case failed(String)
        case registered(failuresBefore: Int)
        case lost(ConnectionEnd)
        case givenUp(after: Int)

        /// Fit to stand behind a name of the server.
        package var description: String {
            switch self {
            case .failed(let text): text
            case .registered(failuresBefore: 0): "registered"
            case .registered(failuresBefore: let count): "registered, after \(Self.attempts(count))"
            case .lost(let end): "connection lost: \(end.text)"
            case .givenUp(let count): "given up after \(Self.attempts(count))"
            }
        }

        private static func attempts(_ count: Int) -> String { "\(count) failed attempt\(count == 1 ? "" : "s")" }
    }
}
