internal import ProcCore
internal import ProcIO

/// Takes what comes and counts it, from when the connection is open to the last of it.
final class Sink {
    private let connection: WebSocketConnection
    private var messages = 0
    private var bytes = 0

    init(_ connection: WebSocketConnection, loop: EventLoop, ended: @escaping (WebSocketConnection.End) -> Void) {
        self.connection = connection
        let start = loop.now
        var last = start
        connection.handlers.received = { [unowned self] message in
            bytes += message.bytes.count
            guard message.isLast else { return }
            messages += 1
            last = loop.now
        }
        connection.handlers.ended = { [unowned self] end in
            let seconds = last.since(start).seconds
            say("\(messages) messages, \(bytes) bytes in \(seconds) s: \(Double(bytes) / seconds / 1e6) MB/s")
            ended(end)
        }
    }
}
