import Glibc
import ProcCore
import ProcIO
import TestSupport
import Testing

/// A scheduler for tests: a WebSocket server over TLS that agents dial, and that says what a test tells it to.
///
/// It has no thread of its own. Its loop turns while a test waits for something here, on the test's own thread; what is
/// sent goes out then, too, and pings are answered then. Agents that it has started are killed, with all their
/// processes, when it goes.
final class Scheduler {
    static let token = "open sesame 7f3a91"

    let loop: EventLoop
    /// Where it listens.
    private(set) var port: UInt16 = 0
    private let service: WebSocketService
    private let scratch = ByteStream.Scratch()
    private let folder = TemporaryDirectory()
    private var listener: Listener?
    private var arrivals: [Peer] = []
    /// Why connections became no WebSocket.
    private(set) var failures: [String] = []
    /// What happened lately, for whoever waits in vain.
    private var trail: [String] = []
    private var agents: [AgentProcess] = []

    /// Listens at once, on a port of loopback that nobody else has.
    init(
        isSecure: Bool = true, certificate own: TestCertificate? = nil, deflates: Bool = true,
        _ change: (inout WebSocketConnection.Options) -> Void = { _ in },
        judge: @escaping (HTTPHead) -> WebSocketService.Verdict = { _ in .accept() }
    ) throws {
        loop = try EventLoop()
        var service = WebSocketService()
        let certificate = try own ?? Self.certificate.get()
        if isSecure {
            service.tls = try TLSContext(
                server: .init(
                    certificate: .init(Array(certificate.certificate.utf8), from: "certificate"),
                    key: .init(Array(certificate.key.utf8), from: "key")))
        }
        service.judge = judge
        // Unless a test wants otherwise, what is heard of the agent is its own doing.
        service.options.pingInterval = nil
        service.options.readTimeout = nil
        service.handshake.allowsDeflate = deflates
        change(&service.options)
        self.service = service
        folder.write(certificate.certificate, to: "anchor.pem")
        try openPort()
    }

    /// Made once: it takes the openssl command some time.
    private static let certificate = Result {
        try TestCertificate.selfSigned(.init(subject: "/CN=scheduler", names: ["IP:127.0.0.1", "DNS:localhost"]))
    }

    /// The PEM file that an agent has to trust.
    var anchorPath: String { folder.path("anchor.pem") }

    // MARK: The port

    /// Listens again, on the same port.
    func openPort() throws {
        let listener = try Listener(on: SocketAddress(.loopbackV4, port: port), loop: loop, trouble: { _ in }) {
            [unowned self] in take($0)
        }
        port = listener.localAddress.port
        self.listener = listener
    }

    /// Whoever dials is refused. Connections stay.
    func closePort() { listener = nil }

    private func take(_ connection: consuming Connection) {
        note("a connection")
        do {
            try WebSocketAcceptor(connection, loop: loop, scratch: scratch, service: service) {
                [unowned self] result, _ in
                switch result {
                case .success(let connection):
                    note("a WebSocket")
                    arrivals.append(Peer(connection, of: self))
                case .failure(let error):
                    note("no WebSocket: \(error)")
                    failures.append("\(error)")
                }
            }
        } catch {
            note("\(error)")
        }
    }

    // MARK: Agents

    /// Starts an agent that dials this scheduler.
    ///
    /// - Parameters:
    ///   - options: On top of those that lead it here, or in their place. It tries again soon when it fails.
    ///   - environment: The same; nil takes a variable away.
    ///   - port: Where it dials; nil: here.
    ///   - without: Options that lead it here and that it isn't to have.
    func startAgent(
        _ options: [String] = [], environment: [String: String?] = [:], port: UInt16? = nil,
        without: Set<String> = []
    ) throws -> AgentProcess {
        let led = [
            ("--agent-host", "127.0.0.1"), ("--agent-port", "\(port ?? self.port)"), ("--group", "tests"),
            ("--connect-interval-start", "0.05"), ("--connect-interval-max", "0.2"), ("--log-level", "debug"),
        ].filter { name, _ in !options.contains(name) && !without.contains(name) }
        let variables: [String: String?] = [
            "PATH": "/usr/bin:/bin", "HOME": "/tmp", "PROCSTAR_AGENT_CERT": anchorPath,
            "PROCSTAR_AGENT_TOKEN": Self.token, "SWIFT_BACKTRACE": "enable=no", "XDG_RUNTIME_DIR": folder.path,
        ]
        let agent = try AgentProcess(
            ["--agent"] + led.flatMap { [$0, $1] } + options,
            environment: variables.merging(environment) { _, wanted in wanted }.compactMapValues { $0 },
            scheduler: self)
        agents.append(agent)
        return agent
    }

    deinit {
        agents = []
        KeptProcesses.end(below: folder.path)
    }

    /// Where agents have folders of their own; others of theirs are best made here, too.
    var runtimeFolder: String { folder.path }

    /// The next agent that dials.
    func accept(within seconds: Double = 20, at place: SourceLocation = #_sourceLocation) throws -> Peer {
        try wait("an agent dials", within: seconds, at: place) { !arrivals.isEmpty }
        return arrivals.removeFirst()
    }

    /// The next agent that dials and hasn't hung up since.
    func acceptLiving(at place: SourceLocation = #_sourceLocation) throws -> Peer {
        while true {
            let peer = try accept(at: place)
            turn(for: .milliseconds(20))
            if peer.end == nil { return peer }
        }
    }

    /// Whether somebody has dialled and not been accepted.
    var hasArrivals: Bool { !arrivals.isEmpty }

    /// An agent of its own, registered, and aware of it.
    func agent(
        _ options: [String] = [], features: [String]? = nil, at place: SourceLocation = #_sourceLocation
    ) throws -> (process: AgentProcess, peer: Peer) {
        let process = try startAgent(options)
        let peer = try accept(at: place)
        try peer.register(features: features, at: place)
        try peer.nothingMore(at: place)
        return (process, peer)
    }

    // MARK: Waiting

    /// Nothing of what a test waited for has come about.
    struct Stuck: Error, CustomStringConvertible { let description: String }

    /// Turns the loop until `condition` holds, which may come about without an event.
    func wait(
        _ what: String, within seconds: Double = 20, at place: SourceLocation = #_sourceLocation,
        until condition: () throws -> Bool
    ) throws {
        guard let limit = Interval(seconds: seconds) else { preconditionFailure("no limit: \(seconds) s") }
        let deadline = loop.now + limit
        while try !condition() {
            guard loop.now < deadline else {
                throw Stuck(description: "\(place): \(what): not within \(seconds) s; \(lastSeen)")
            }
            turn(atMost: .milliseconds(5))
        }
    }

    /// Turns the loop for a time: only for what has no event to wait for, such as a peer that is to be slow.
    func turn(for interval: Interval) {
        let end = loop.now + interval
        while loop.now < end { turn(atMost: end.since(loop.now)) }
    }

    private func turn(atMost interval: Interval) {
        let timer = loop.at(loop.now + interval) {}
        var isOver = false
        loop.run {
            defer { isOver = true }
            return isOver
        }
        loop.cancel(timer)
    }

    func note(_ event: String) {
        trail.append(event)
        if trail.count > 40 { trail.removeFirst(20) }
    }

    /// For failures: the last events here, and what the agents logged.
    var lastSeen: String {
        let logs = agents.map { "agent \($0.pid)\($0.status.map { " (ended, status \($0))" } ?? ""):\n\($0.logEnd)" }
        return "last seen:\n  \(trail.suffix(12).joined(separator: "\n  "))\n\(logs.joined(separator: "\n"))"
    }
}
