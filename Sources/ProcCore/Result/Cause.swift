/// Why a process no longer runs, or never did.
package enum Cause: Equatable, Sendable {
    /// Who asked us to end a process.
    package enum Sender: String, CaseIterable, Sendable {
        /// A client that sent a signal.
        case request
        /// The spec's `stop`, at a client's word.
        case stop
        /// Our own end.
        case shutdown
    }

    /// It exited by itself.
    case exited
    /// A signal ended it; `sender` is nil when it didn't come from us.
    case signalled(Signal, sender: Sender?)
    /// It ran longer than its spec allows; whatever its status then was.
    case timeout(Interval)
    /// It wrote more to this fd than its spec allows.
    case limit(fd: String)
    /// It couldn't be started; the result's errors say why.
    case startFailure
    /// It was started, and nobody knows how it ended; the result's errors say why.
    case lost
    /// It was ended before it was started.
    case cancelled(sender: Sender)

    /// The result's `cause`.
    package var value: Value {
        switch self {
        case .exited: .map([Self.type("exited")])
        case .signalled(let signal, let sender):
            .map([
                Self.type("signalled"),
                Value.Member("signal", .string(signal.name)),
                Value.Member("sender", sender.map { .string($0.rawValue) } ?? .null),
            ])
        case .timeout(let limit): .map([Self.type("timeout"), Value.Member("seconds", .double(limit.seconds))])
        case .limit(let fd): .map([Self.type("limit"), Value.Member("fd", .string(fd))])
        case .startFailure: .map([Self.type("start-failure")])
        case .lost: .map([Self.type("lost")])
        case .cancelled(let sender):
            .map([Self.type("cancelled"), Value.Member("sender", .string(sender.rawValue))])
        }
    }

    private static func type(_ name: String) -> Value.Member { Value.Member("type", .string(name)) }
}
