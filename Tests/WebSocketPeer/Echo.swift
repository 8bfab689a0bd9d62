internal import Glibc
internal import ProcCore
internal import ProcIO

/// Sends back what comes. When there is no room for it, nothing more is read until there is.
final class Echo {
    private let connection: WebSocketConnection
    private var held: [(opcode: WebSocketConnection.Opcode, bytes: [UInt8])] = []
    /// The message that comes in pieces.
    private var partial: [UInt8] = []

    init(_ connection: WebSocketConnection, ended: @escaping (WebSocketConnection.End) -> Void) {
        self.connection = connection
        connection.handlers.received = { [unowned self] message in
            if message.isFirst, message.isLast {
                send(message.opcode, Array(message.bytes))
            } else {
                partial += message.bytes
                guard message.isLast else { return }
                send(message.opcode, partial)
                partial = []
            }
        }
        connection.handlers.hasRoom = { [unowned self] in goOn() }
        connection.handlers.ended = ended
    }

    private func send(_ opcode: WebSocketConnection.Opcode, _ bytes: [UInt8]) {
        guard held.isEmpty, connection.send(opcode, bytes) != .full else {
            held.append((opcode, bytes))
            connection.readsInput = false
            return
        }
    }

    private func goOn() {
        while let first = held.first {
            if connection.send(first.opcode, first.bytes) == .full { return }
            held.removeFirst()
        }
        connection.readsInput = true
    }
}

/// `serve [--port N] [--cert FILE --key FILE] [--client-ca FILE] [--no-deflate] [--pieces] [--sink]`: an echo server on
/// loopback, or one that only counts. Prints `listening on ADDRESS`, then a line or two for each connection that ends.
func serve(_ arguments: Arguments, _ loop: EventLoop) throws {
    var service = WebSocketService()
    if let identity = try arguments.identity() {
        let clients = try arguments.pem("client-ca").map { TLSContext.ClientCertificates.required(anchors: $0) }
        service.tls = try TLSContext(server: identity, clients: clients ?? .notAsked)
    }
    service.handshake.allowsDeflate = !arguments.has("no-deflate")
    service.options = try arguments.options()
    let scratch = ByteStream.Scratch()
    let isSink = arguments.has("sink")
    var ends: [Int: AnyObject] = [:]
    var last = 0
    let port = UInt16(clamping: try arguments.number("port", default: 0))
    let listener = try Listener(
        on: SocketAddress(.loopbackV4, port: port), loop: loop, trouble: { say("trouble: \($0)") }
    ) { accepted in
        do {
            try WebSocketAcceptor(accepted, loop: loop, scratch: scratch, service: service) { result, _ in
                switch result {
                case .success(let connection):
                    last += 1
                    let number = last
                    let ended = { (end: WebSocketConnection.End) in
                        say("ended: \(end)")
                        ends[number] = nil
                    }
                    ends[number] =
                        isSink ? Sink(connection, loop: loop, ended: ended) : Echo(connection, ended: ended)
                case .failure(let error): say("no connection: \(error)")
                }
            }
        } catch {
            say("no connection: \(error)")
        }
    }
    say("listening on \(listener.localAddress)")
    withExtendedLifetime(listener) { loop.run() }
}

/// `echo URL`: sends each line of standard input as a text and prints what comes back; at the end closes, and prints
/// how that ended.
func echo(_ arguments: Arguments, _ loop: EventLoop) throws {
    var lines: [String] = []
    while let line = readLine() { lines.append(line) }
    var left = lines.count
    let connection = try Client(loop).connect(to: try arguments.target()) { connection in
        connection.handlers.received = { [unowned connection] message in
            say(String(decoding: message.bytes, as: UTF8.self))
            left -= 1
            if left == 0 { connection.close() }
        }
        connection.handlers.ended = { end in
            say("ended: \(end)")
            loop.stop()
        }
    }
    say("open: deflate \(connection.compresses ? "on" : "off"), TLS \(connection.tlsVersion ?? "off")")
    for line in lines { connection.send(.text, Array(line.utf8)) }
    if lines.isEmpty { connection.close() }
    loop.run()
}

/// Dials and waits for the connection.
final class Client {
    private let loop: EventLoop
    private let dialer: WebSocketDialer

    init(_ loop: EventLoop) throws {
        self.loop = loop
        dialer = WebSocketDialer(loop: loop, resolver: try Resolver(loop: loop), scratch: ByteStream.Scratch())
    }

    /// - Parameter prepare: Sets the handlers, before anything can have come.
    func connect(
        to target: WebSocketTarget, _ prepare: @escaping (WebSocketConnection) -> Void
    ) throws -> WebSocketConnection {
        var outcome: Result<WebSocketConnection, WebSocketDialError>?
        _ = dialer.dial(target) { result in
            if case .success(let connection) = result { prepare(connection) }
            outcome = result
        }
        loop.run { outcome != nil }
        guard let outcome else { throw Problem("the loop was stopped") }
        return try outcome.get()
    }
}
