/// What a server tells an agent, each under the protocol's name for it.
package enum ServerMessage: Equatable, Sendable {
    /// The registration is accepted. Anything but the first message of a connection is out of place.
    case registered(features: Set<Feature>)
    /// - Parameter specs: A map from process id to spec, for ``StartRequest/init(specs:isTaken:)``.
    case procStartRequest(specs: Value)
    case procidListRequest
    case procResultRequest(procID: String)
    /// - Parameter signal: Nil for signal 0, which reaches nobody and only tells, by its answer, whether there is a
    ///   process to get it, as in kill(2).
    case procSignalRequest(procID: String, signal: Signal?)
    case procFdDataRequest(procID: String, fd: FdName, range: OutputRange)
    case procDeleteRequest(procID: String)

    // With the feature `push`; without it these are unknown.
    case procSubscribeRequest(procID: String, terms: SubscriptionTerms)
    case procUnsubscribeRequest(procID: String)
    /// Output of a subscription has arrived, up to `offset`.
    case procOutputAck(procID: String, fd: FdName, offset: UInt64)
}

extension ServerMessage {
    /// Whether it is about more than an answer: whoever reads it has to do it, also when nobody hears of that any more.
    package var changesSomething: Bool {
        switch self {
        case .procStartRequest, .procSignalRequest, .procDeleteRequest: true
        case .registered, .procidListRequest, .procResultRequest, .procFdDataRequest, .procSubscribeRequest,
            .procUnsubscribeRequest, .procOutputAck:
            false
        }
    }
}

/// A message as it came, and what it says.
package struct ReceivedMessage: Equatable, Sendable {
    package let message: ServerMessage
    /// The whole message, for errors that quote it.
    package let document: Value

    /// The answer when what it asks for can't be done.
    package func refusal(_ reason: String) -> AgentMessage { .requestError(msg: document, err: reason) }
}

/// A message that nothing can be done about.
package struct MessageRefusal: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Reason: Equatable, Sendable {
        /// Not MessagePack, or not all of it.
        case encoding(MessagePackError)
        /// Not a map.
        case notMap(found: String)
        /// No field `type`, or none that is a string.
        case typeMissing
        case unknownType(String)
        /// A field is missing, or isn't what the type of message needs.
        case content(type: String, SpecError)
    }

    package let reason: Reason
    /// What to answer; nil when there is nothing by which a client could tell what it answers, so that the log is the
    /// only place for it.
    package let answer: AgentMessage?

    package var description: String {
        switch reason {
        case .encoding(let error): "not a MessagePack message: \(error)"
        case .notMap(let found): "\(found) is not a message: it takes a map"
        case .typeMissing: #"a message without a string "type""#
        case .unknownType(let type): "unknown message type \(Quoted.text(type))"
        case .content(let type, let error): "\(type): \(error)"
        }
    }

    /// - Parameter document: As much of the message as can be sent back.
    init(_ reason: Reason, document: Value?) {
        self.reason = reason
        answer = document.map { .requestError(msg: $0, err: Self.text(of: reason)) }
    }

    /// For the client, which has the message beside it. Texts such as `bad fd: TEXT` are left as clients know them.
    private static func text(of reason: Reason) -> String {
        switch reason {
        case .content(_, let error): error.description
        case .encoding, .notMap, .typeMissing, .unknownType:
            MessageRefusal(reason, document: nil).description
        }
    }
}
