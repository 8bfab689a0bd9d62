internal import Glibc
internal import ProcCore
internal import ProcIO

/// An agent at the other end of a connection. Messages come in pieces, of which only the beginnings are kept, so that
/// this end is not what limits a large answer.
final class AgentPeer {
    private let connection: WebSocketConnection
    /// The beginning of a message that comes in several pieces, and how much of it has come.
    private var head: [UInt8] = []
    private var count = 0

    var received: (AgentEvent) -> Void = { _ in }

    init(_ connection: WebSocketConnection, ended: @escaping (WebSocketConnection.End) -> Void) {
        self.connection = connection
        connection.handlers.received = { [unowned self] in take($0) }
        connection.handlers.ended = ended
    }

    private func take(_ message: WebSocketConnection.Message) {
        let bytes = UnsafeRawBufferPointer(message.bytes)
        if message.isFirst, message.isLast {
            return received(AgentEvent(head: .init(rebasing: bytes.prefix(AgentEvent.headLength)), count: bytes.count))
        }
        if message.isFirst {
            head.removeAll(keepingCapacity: true)
            count = 0
        }
        head += bytes.prefix(AgentEvent.headLength - head.count)
        count += bytes.count
        guard message.isLast else { return }
        received(head.withUnsafeBytes { AgentEvent(head: $0, count: count) })
    }

    func send(_ message: [UInt8]) throws {
        let result = connection.send(.binary, message, compression: .off)
        guard result == .taken else { throw Problem("a message of \(message.count) bytes was not sent: \(result)") }
    }
}

/// Messages of a scheduler, as bytes.
enum SchedulerMessage {
    static let registered = message("Registered")

    static func start(_ ids: some Sequence<String>, _ spec: Value) -> [UInt8] {
        message("ProcStartRequest", ("specs", .map(ids.map { Value.Member($0, spec) })))
    }

    static func kill(_ id: String) -> [UInt8] {
        message("ProcSignalRequest", ("proc_id", .string(id)), ("signum", .int(Int64(SIGKILL))))
    }

    static func delete(_ id: String) -> [UInt8] { message("ProcDeleteRequest", ("proc_id", .string(id))) }

    static func output(_ id: String) -> [UInt8] {
        message(
            "ProcFdDataRequest", ("proc_id", .string(id)), ("fd", .string("stdout")), ("start", .int(0)),
            ("stop", .null)
        )
    }

    private static func message(_ type: String, _ members: (String, Value)...) -> [UInt8] {
        MessagePackWriter.bytes(of: .map([.init("type", .string(type))] + members.map { .init($0, $1) }))
    }
}
