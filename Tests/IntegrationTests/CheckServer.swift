import ProcCore
import ProcIO
import TestSupport
import Testing

/// A server over TLS that registers agents, as far as a check goes; on the loop of the test.
final class CheckServer {
    /// What it does when the right token has come.
    enum Manner {
        case registers
        /// Says nothing.
        case silent
        /// Says something else first.
        case says(Value)
        /// Closes with a reason.
        case closes(String)
    }

    let folder = TemporaryDirectory()
    let loop: EventLoop
    private let scratch = ByteStream.Scratch()
    private var listener: Listener?
    private var connections: [WebSocketConnection] = []
    private let token: String
    private let manner: Manner
    /// What agents said.
    private(set) var heard: [Value] = []
    private(set) var ends: [WebSocketConnection.End] = []

    /// Where it listens.
    var port: UInt16 { listener?.localAddress.port ?? 0 }
    /// The certificate, for those who shall trust it.
    var anchors: String { folder.path("anchors.pem") }

    /// - Parameter names: Whom the certificate is for.
    init(names: [String] = ["IP:127.0.0.1"], token: String = "sesame", _ manner: Manner = .registers) throws {
        self.token = token
        self.manner = manner
        loop = try EventLoop()
        let own = try TestCertificate.selfSigned(.init(names: names))
        folder.write(own.certificate, to: "anchors.pem")
        var service = WebSocketService()
        service.tls = try TLSContext(
            server: .init(
                certificate: .init(Array(own.certificate.utf8), from: "test"),
                key: .init(Array(own.key.utf8), from: "test")))
        listener = try Listener(on: SocketAddress(.loopbackV4, port: 0), loop: loop, trouble: { _ in }) {
            [unowned self] connection in
            do {
                try WebSocketAcceptor(connection, loop: loop, scratch: scratch, service: service) {
                    [unowned self] result, _ in
                    if case .success(let connection) = result { welcome(connection) }
                }
            } catch {
                Issue.record("\(error)")
            }
        }
    }

    /// Nobody listens any more.
    func close() { listener?.close() }

    /// Ends all connections.
    func hangUp() { connections = [] }

    private func welcome(_ connection: WebSocketConnection) {
        connections.append(connection)
        connection.handlers.ended = { [unowned self] in ends.append($0) }
        connection.handlers.received = { [unowned self, unowned connection] message in
            guard let value = try? MessagePackReader.read(Array(message.bytes)) else {
                Issue.record("not MessagePack")
                return
            }
            heard.append(value)
            guard value["type"] == .string("Register") else { return }
            guard value["access_token"] == .string(token) else { return connection.close() }
            switch manner {
            case .registers: answer([Value.Member("type", .string("Registered"))], on: connection)
            case .silent: break
            case .says(let value): connection.send(.binary, MessagePackWriter.bytes(of: value))
            case .closes(let reason): connection.close(.init(code: 1011, text: reason))
            }
        }
    }

    private func answer(_ members: [Value.Member], on connection: WebSocketConnection) {
        connection.send(.binary, MessagePackWriter.bytes(of: .map(members)))
    }

    /// Runs a check against the server to its end.
    func check(
        _ options: [String], environment: [String] = [], program: String = Procstar.executable
    ) throws -> ProgramRun.Ended {
        let run = try ProgramRun(
            [program, "agent-check"] + options,
            environment: ["LANG=C.UTF-8", "XDG_RUNTIME_DIR=\(folder.path)"] + environment)
        // What it prints fits into a pipe, so it ends without being read.
        serve { !LiveProcess.isAlive(run.pid) }
        return run.finish()
    }

    /// Runs the loop until `condition` holds, or for a time far above what any test needs.
    func serve(until condition: () -> Bool) {
        let deadline = loop.now + .seconds(60)
        var tick: EventLoop.TimerID?
        func turnAgain() { tick = loop.at(loop.now + .milliseconds(5), turnAgain) }
        turnAgain()
        defer { if let tick { loop.cancel(tick) } }
        loop.run { condition() || loop.now > deadline }
    }

    /// Options that are all right.
    var options: [String] {
        ["--agent-host=127.0.0.1", "--agent-port=\(port)", "--agent-cert=\(anchors)", "--capture-dir=\(folder.path)"]
    }

    static let goodToken = ["PROCSTAR_AGENT_TOKEN=sesame"]
}
