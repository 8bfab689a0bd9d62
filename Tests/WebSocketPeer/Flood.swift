internal import ProcCore
internal import ProcIO

/// `flood URL --size BYTES --count N [--in-flight N]`: sends so many binary messages, each when the one before (or so
/// many before) has come back, and prints the messages per second. With `--one-way yes`, without waiting, and waits for
/// the close.
func flood(_ arguments: Arguments, _ loop: EventLoop) throws {
    let size = try arguments.number("size", default: 64)
    let count = try arguments.number("count", default: 10_000)
    let inFlight = try arguments.number("in-flight", default: 1)
    let isOneWay = arguments.text("one-way") != nil
    var random = SystemRandomNumberGenerator()
    let noise = (0..<256).map { _ in UInt8.random(in: .min ... .max, using: &random) }
    let message = (0..<size).map { noise[$0 % noise.count] }
    var sent = 0
    var received = 0
    var start = loop.now

    func sendMore(_ connection: WebSocketConnection) {
        while sent < count, isOneWay || sent - received < inFlight {
            guard connection.send(.binary, message, compression: .off) == .taken else { return }
            sent += 1
        }
        if isOneWay { connection.close() }
    }

    let connection = try Client(loop).connect(to: try arguments.target()) { connection in
        connection.handlers.received = { [unowned connection] _ in
            received += 1
            if received == count { connection.close() } else { sendMore(connection) }
        }
        connection.handlers.hasRoom = { [unowned connection] in sendMore(connection) }
        connection.handlers.ended = { end in
            let seconds = loop.now.since(start).seconds
            say("\(sent) messages of \(size) bytes in \(seconds) s: \(Double(sent) / seconds) messages/s; \(end)")
            loop.stop()
        }
    }
    start = loop.now
    sendMore(connection)
    loop.run()
}
