import CLinux
import Glibc
import ProcCore
import ProcIO
import TestSupport
import Testing

/// A loop with a WebSocket server of ours, and clients of ours that dial it.
final class WebSocketBed {
    let net: NetBed
    let scratch = ByteStream.Scratch()
    let dialer: WebSocketDialer
    private var listeners: [Listener] = []
    /// Connections of the server, in the order of their coming, and why others came to nothing.
    private(set) var accepted: [End] = []
    private(set) var failures: [WebSocketAcceptError] = []

    var loop: EventLoop { net.loop }

    init() throws {
        net = try NetBed()
        dialer = WebSocketDialer(loop: net.loop, resolver: try Resolver(loop: net.loop), scratch: scratch)
    }

    /// Listens with a service, and keeps what comes.
    func serve(
        _ service: WebSocketService = WebSocketService(), on ip: IPAddress = .loopbackV4,
        prepare: @escaping (End) -> Void = { _ in }
    ) throws -> Endpoint {
        let listener = try Listener(on: SocketAddress(ip, port: 0), loop: loop, trouble: { _ in }) {
            [unowned self] connection in
            do {
                try WebSocketAcceptor(connection, loop: loop, scratch: scratch, service: service) {
                    [unowned self] result, _ in
                    switch result {
                    case .success(let connection):
                        let end = End(connection)
                        prepare(end)
                        accepted.append(end)
                    case .failure(let error): failures.append(error)
                    }
                }
            } catch {
                Issue.record("\(error)")
            }
        }
        listeners.append(listener)
        return Endpoint(host: "\(ip)", port: listener.localAddress.port)
    }

    /// Dials to the end.
    func dial(
        _ target: WebSocketTarget, prepare: @escaping (End) -> Void = { _ in }
    ) throws -> Result<End, WebSocketDialError> {
        var outcome: Result<End, WebSocketDialError>?
        _ = dialer.dial(target) { result in
            outcome = result.map { connection in
                let end = End(connection)
                prepare(end)
                return end
            }
        }
        try net.run { outcome != nil }
        guard let outcome else { throw NetBed.Stuck() }
        return outcome
    }

    /// Why a dial has come to nothing; nil until then.
    final class Failure {
        fileprivate(set) var text: String?
    }

    /// Begins to dial a server that is to refuse, and goes on until that has the request.
    func beginInVain(at server: ScriptedServer) throws -> Failure {
        let failure = Failure()
        _ = dialer.dial(WebSocketTarget(server.endpoint)) { result in
            if case .failure(let error) = result { failure.text = "\(error)" }
        }
        try run { server.heardText.contains("\r\n\r\n") }
        return failure
    }

    /// A client and the server's end of its connection.
    func pair(
        _ service: WebSocketService = WebSocketService(),
        client change: (inout WebSocketTarget) throws -> Void = { _ in }
    ) throws -> (client: End, server: End) {
        let before = accepted.count
        var target = WebSocketTarget(try serve(service))
        try change(&target)
        let client = try dial(target).get()
        try net.run { accepted.count > before }
        return (client, accepted[before])
    }

    func run(until condition: () -> Bool) throws { try net.run(until: condition) }
}

/// One end of a WebSocket, and all that was heard from it.
final class End {
    let connection: WebSocketConnection
    /// Whole messages, put together from pieces where they come so.
    private(set) var messages: [[UInt8]] = []
    private(set) var pieces = 0
    private(set) var pongs: [[UInt8]] = []
    private(set) var hadRoom = 0
    private(set) var end: WebSocketConnection.End?
    private var partial: [UInt8] = []
    /// Received and not kept: for what would be too much.
    private(set) var bytes = 0
    var keeps = true

    init(_ connection: WebSocketConnection) {
        self.connection = connection
        connection.handlers.received = { [unowned self] message in
            pieces += 1
            bytes += message.bytes.count
            guard keeps else { return }
            if message.isFirst { partial = [] }
            partial += message.bytes
            if message.isLast { messages.append(partial) }
        }
        connection.handlers.pong = { [unowned self] in pongs.append($0) }
        connection.handlers.hasRoom = { [unowned self] in hadRoom += 1 }
        connection.handlers.ended = { [unowned self] in end = $0 }
    }

    var texts: [String] { messages.map { String(decoding: $0, as: UTF8.self) } }
}

/// A peer that is no WebSocket of ours: says what it is told to, to whoever comes, and keeps what it hears.
final class ScriptedServer {
    let endpoint: Endpoint
    private let guests: Guests
    private let loop: EventLoop
    private var tokens: [EventLoop.Token] = []
    private(set) var heard: [UInt8] = []
    private(set) var sawEnd = false

    /// - Parameter answer: Sent when the empty line of a request has come; nil to say nothing.
    init(_ bed: WebSocketBed, answer: String?) throws {
        loop = bed.loop
        guests = try bed.net.listen()
        endpoint = Endpoint(host: "127.0.0.1", port: guests.address.port)
        var isAnswered = false
        guests.onArrival { [unowned self] in
            let socket = guests[guests.count - 1]
            let token = try? loop.watch(socket.rawValue, for: .readable) { [unowned self] _ in
                var block = [UInt8](repeating: 0, count: 1 << 16)
                let count = recv(socket.rawValue, &block, block.count, 0)
                if count <= 0 {
                    sawEnd = true
                    tokens.forEach(loop.unwatch)
                    return
                }
                heard += block[..<count]
                guard let answer, !isAnswered, heardText.contains("\r\n\r\n") else { return }
                isAnswered = true
                say(Array(answer.utf8))
            }
            if let token { tokens.append(token) }
        }
    }

    deinit { tokens.forEach(loop.unwatch) }

    var heardText: String { String(decoding: heard, as: UTF8.self) }

    /// Sends to the latest guest.
    func say(_ bytes: [UInt8]) {
        let count = send(guests[guests.count - 1].rawValue, bytes, bytes.count, CInt(MSG_NOSIGNAL))
        precondition(count == bytes.count, "a short write to an empty socket")
    }

    func hangUp() {
        tokens.forEach(loop.unwatch)
        tokens = []
        guests.sendAway()
    }
}

/// The answer to a request for a WebSocket, with the key that it proves.
func acceptance(of request: String, extra: String = "") throws -> String {
    let key = try #require(
        request.split(separator: "\r\n").first { $0.lowercased().hasPrefix("sec-websocket-key:") })
    let value = key.dropFirst("sec-websocket-key:".count).drop { $0 == " " }
    let folder = TemporaryDirectory()
    let path = folder.write(value + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", to: "key")
    let digest = try ProgramRun(["/bin/sh", "-c", "openssl dgst -sha1 -binary <\(path) | base64"]).finish().outputText
    return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + "Sec-WebSocket-Accept: \(digest.dropLast())\r\n\(extra)\r\n"
}
