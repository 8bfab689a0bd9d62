/// What an agent tells a server, but for output, which is a ``OutputMessage``.
package enum AgentMessage: Equatable, Sendable {
    case register(Registration)
    /// - Parameters:
    ///   - res: The result as ``ProcessResult/value(scale:)`` has it.
    ///   - isFinal: Whether it is the last of a ``Subscription``. Without one there is no such field.
    case procResult(procID: String, res: Value, isFinal: Bool = false)
    case procidList([String])
    case procDelete(procID: String)
    case procUnknown(procID: String)
    /// - Parameter msg: The request as it came.
    case requestError(msg: Value, err: String)
    case shutDown(ShutdownState)

    /// How far the agent's end has come.
    package enum ShutdownState: String, CaseIterable, Sendable {
        case active
        /// It starts nothing any more.
        case idling
        case done
    }

    /// The message, with its keys in the order that clients have always seen.
    package var value: Value {
        switch self {
        case .register(let registration): registration.value
        case .procResult(let procID, let res, let isFinal):
            Self.message(
                "ProcResult", procID: procID,
                [Value.Member("res", res)] + (isFinal ? [Value.Member("final", .bool(true))] : []))
        case .procidList(let ids):
            Self.message("ProcidList", [Value.Member("proc_ids", .array(ids.map { .string($0) }))])
        case .procDelete(let procID): Self.message("ProcDelete", procID: procID)
        case .procUnknown(let procID): Self.message("ProcUnknown", procID: procID)
        case .requestError(let msg, let err):
            Self.message("RequestError", [Value.Member("msg", msg), Value.Member("err", .string(err))])
        case .shutDown(let state):
            Self.message("ShutDown", [Value.Member("shutdown_state", .string(state.rawValue))])
        }
    }

    /// As it goes out.
    package var bytes: [UInt8] { MessagePackWriter.bytes(of: value) }

    private static func message(_ type: String, procID: String, _ members: [Value.Member] = []) -> Value {
        message(type, [Value.Member("proc_id", .string(procID))] + members)
    }

    static func message(_ type: String, _ members: [Value.Member]) -> Value {
        .map([Value.Member("type", .string(type))] + members)
    }
}
