/// A connection that could not be made, and at which step.
package enum DialError: Error, Hashable, Sendable, CustomStringConvertible {
    case resolve(ResolveError)
    /// None of the addresses would have us.
    case connect(Endpoint, ConnectFailure)

    package var description: String {
        switch self {
        case .resolve(let error): error.description
        case .connect(let endpoint, let failure): "connect \(endpoint): \(failure)"
        }
    }
}

/// What each address of a host said.
package struct ConnectFailure: Hashable, Sendable {
    package enum Reason: Hashable, Sendable {
        case system(errno: CInt)
        /// The limit that ran out, of one attempt or of all.
        case noAnswer(within: Interval)
    }

    package struct Attempt: Hashable, Sendable {
        package let address: SocketAddress
        package let reason: Reason

        package init(_ address: SocketAddress, _ reason: Reason) {
            self.address = address
            self.reason = reason
        }
    }

    /// In the order in which they failed.
    package let attempts: [Attempt]
    /// Addresses that time had not sufficed for.
    package let untried: Int

    package init(_ attempts: [Attempt], untried: Int) {
        self.attempts = attempts
        self.untried = untried
    }
}

extension ConnectFailure: CustomStringConvertible {
    /// So many attempts are listed; a name can have any number of addresses.
    private static let listed = 8

    /// `Connection refused` of a single address; of several, `10.0.0.1: Connection refused; [fd00::1]: No route to host`,
    /// unless none of them answered in the same time: `no answer within 10 s`.
    package var description: String {
        guard let first = attempts.first else { return "no address" }
        if untried == 0, attempts.count == 1 { return first.reason.description }
        if case .noAnswer = first.reason, attempts.allSatisfy({ $0.reason == first.reason }) {
            return first.reason.description
        }
        var parts = attempts.prefix(Self.listed).map { "\($0.hostText): \($0.reason)" }
        if attempts.count > Self.listed { parts.append("\(attempts.count - Self.listed) more failed") }
        if untried > 0 { parts.append("\(untried) more not tried") }
        return parts.joined(separator: "; ")
    }
}

extension ConnectFailure.Attempt {
    /// Without the port, which is the same for all; an IPv6 address in brackets, so that its colons are its own.
    fileprivate var hostText: String {
        switch address.ip {
        case .v4: "\(address.ip)"
        case .v6: "[\(address.ip)]"
        }
    }
}

extension ConnectFailure.Reason: CustomStringConvertible {
    package var description: String {
        switch self {
        case .system(let errno): SystemError.reason(of: errno)
        case .noAnswer(let limit): "no answer within \(limit.shortText)"
        }
    }
}
