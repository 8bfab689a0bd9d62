import CLinux
import Glibc
import ProcCore
import ProcIO
import Testing

/// A loop for tests of sockets, and the ends that don't belong to what is tested.
final class NetBed {
    struct Stuck: Error {}

    let loop: EventLoop

    init() throws { loop = try EventLoop() }

    /// Runs the loop until `condition` holds, also if that comes about without an event, on a thread. Throws when it
    /// doesn't after a time far above what any test needs.
    func run(until condition: () -> Bool) throws {
        let deadline = loop.now + .seconds(30)
        var tick: EventLoop.TimerID?
        func turnAgain() { tick = loop.at(loop.now + .milliseconds(5), turnAgain) }
        turnAgain()
        defer { if let tick { loop.cancel(tick) } }
        var holds = false
        loop.run {
            holds = condition()
            return holds || loop.now > deadline
        }
        if !holds { throw Stuck() }
    }

    /// Runs the loop for a time in which what must not happen would.
    func run(for interval: Interval) throws {
        var isOver = false
        loop.at(loop.now + interval) { isOver = true }
        try run { isOver }
    }

    /// How a dial has ended.
    enum Outcome: Sendable {
        case connected(SharedFD, peer: SocketAddress)
        case failed(DialError)

        init(_ result: consuming Result<Connection, DialError>) {
            switch consume result {
            case .success(let connection):
                let peer = connection.peer
                self = .connected(SharedFD(connection.takeDescriptor()), peer: peer)
            case .failure(let error): self = .failed(error)
            }
        }

        var descriptor: SharedFD? { if case .connected(let descriptor, _) = self { descriptor } else { nil } }
        var peer: SocketAddress? { if case .connected(_, let peer) = self { peer } else { nil } }
        var errorText: String? { if case .failed(let error) = self { "\(error)" } else { nil } }
    }

    /// Dials to the end, with addresses that need no name server.
    func dial(
        _ endpoint: Endpoint, to addresses: [SocketAddress]? = nil, limits: Dialer.Limits = Dialer.Limits()
    ) throws -> Outcome {
        let resolver =
            try addresses.map { addresses in try Resolver(loop: loop) { _ in .success(addresses) } }
            ?? Resolver(loop: loop)
        var outcome: Outcome?
        _ = Dialer(loop: loop, resolver: resolver).dial(endpoint, limits: limits) { outcome = Outcome($0) }
        try run { outcome != nil }
        guard let outcome else { throw Stuck() }
        return outcome
    }

    /// A listener that keeps what comes, on a free port.
    func listen(on ip: IPAddress = .loopbackV4, _ settings: Listener.Settings = Listener.Settings()) throws -> Guests {
        try Guests(on: SocketAddress(ip, port: 0), loop: loop, settings)
    }
}

/// A listener and those who came.
final class Guests {
    private(set) var listener: Listener?
    let address: SocketAddress
    private let arrivals: Arrivals

    private final class Arrivals {
        var all: [(descriptor: SharedFD, peer: SocketAddress)] = []
        var troubles: [SystemError] = []
        var didArrive: () -> Void = {}
    }

    init(on address: SocketAddress, loop: EventLoop, _ settings: Listener.Settings = Listener.Settings()) throws {
        let arrivals = Arrivals()
        self.arrivals = arrivals
        let listener = try Listener(
            on: address, loop: loop, settings: settings, trouble: { arrivals.troubles.append($0) },
            accepted: { connection in
                let result: Result<Connection, DialError> = .success(connection)
                if case .connected(let descriptor, let peer) = NetBed.Outcome(result) {
                    arrivals.all.append((descriptor, peer))
                }
                arrivals.didArrive()
            })
        self.listener = listener
        self.address = listener.localAddress
    }

    var count: Int { arrivals.all.count }
    var troubles: [String] { arrivals.troubles.map { "\($0)" } }
    var peers: [SocketAddress] { arrivals.all.map(\.peer) }
    subscript(index: Int) -> SharedFD { arrivals.all[index].descriptor }

    /// Called for each after it was kept.
    func onArrival(_ action: @escaping () -> Void) { arrivals.didArrive = action }
    /// Lets go of the listener.
    func dismissListener() { listener = nil }
    /// Closes their connections.
    func sendAway() { arrivals.all = [] }
}

/// Sockets without a loop, of IPv4.
enum RawSocket {
    static func withAddress<Result>(
        _ address: SocketAddress, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        var form = sockaddr_in()
        form.sin_family = sa_family_t(AF_INET)
        form.sin_port = address.port.bigEndian
        if case .v4(let number) = address.ip { form.sin_addr.s_addr = number.bigEndian }
        return withUnsafePointer(to: form) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    /// A socket with a port; nobody listens on it unless there is a `backlog`.
    static func bound(to ip: IPAddress = .loopbackV4, backlog: CInt? = nil) throws -> (SharedFD, SocketAddress) {
        let socket = SharedFD(try OwnedFD(result: clinux_tcp_socket(AF_INET), "socket"))
        guard withAddress(SocketAddress(ip, port: 0), { bind(socket.rawValue, $0, $1) }) == 0 else {
            throw SystemError.last("bind")
        }
        if let backlog { _ = Glibc.listen(socket.rawValue, backlog) }
        return (socket, SocketAddress(ip, port: localPort(of: socket)))
    }

    static func localPort(of socket: SharedFD) -> UInt16 {
        var form = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = withUnsafeMutablePointer(to: &form) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket.rawValue, $0, &length) }
        }
        return UInt16(bigEndian: form.sin_port)
    }

    /// A blocking socket that is connected.
    static func connected(to address: SocketAddress) throws -> SharedFD {
        let socket = SharedFD(try OwnedFD(result: clinux_tcp_socket(AF_INET), "socket"))
        _ = clinux_set_blocking(socket.rawValue)
        guard withAddress(address, { connect(socket.rawValue, $0, $1) }) == 0 else {
            throw SystemError.last("connect", on: "\(address)")
        }
        return socket
    }

    static func say(_ bytes: [UInt8], on socket: SharedFD) {
        let count = send(socket.rawValue, bytes, bytes.count, CInt(MSG_NOSIGNAL))
        precondition(count == bytes.count, "a short write to a blocking or empty socket")
    }

    static func option(_ socket: SharedFD, _ level: CInt, _ name: CInt) -> CInt {
        var value: CInt = -1
        var length = socklen_t(MemoryLayout<CInt>.size)
        getsockopt(socket.rawValue, level, name, &value, &length)
        return value
    }

    /// What a connection of ours has to be like.
    static func hasAllFlags(_ socket: SharedFD) -> Bool {
        let flags = fcntl(socket.rawValue, F_GETFL)
        return flags & O_NONBLOCK != 0 && clinux_descriptor_flags(socket.rawValue) & FD_CLOEXEC != 0
            && option(socket, CInt(IPPROTO_TCP), TCP_NODELAY) == 1
    }
}

/// A port that answers nothing: its queue is full, and the kernel drops what comes.
struct BlackHole {
    let address: SocketAddress
    private let listener: SharedFD
    private let guest: SharedFD

    init(_ ip: IPAddress = .loopbackV4) throws {
        (listener, address) = try RawSocket.bound(to: ip, backlog: 0)
        // A backlog of 0 has room for one.
        guest = try RawSocket.connected(to: address)
    }
}

/// Keeps threads waiting until it is opened, in a call that a signal would end.
final class Gate: Sendable {
    private let reader: SharedFD
    private let writer: Guarded<SharedFD?>
    private let counts = Guarded((inside: 0, highest: 0, entered: 0, interrupted: 0))

    init() throws {
        var ends: (CInt, CInt) = (-1, -1)
        let result = clinux_pipe(&ends.0, &ends.1)
        guard result == 0 else { throw SystemError("pipe", errno: -result) }
        reader = SharedFD(OwnedFD(adopting: ends.0))
        writer = Guarded(SharedFD(OwnedFD(adopting: ends.1)))
    }

    deinit { open() }

    func open() { writer.withLock { $0 = nil } }

    func pass() {
        counts.withLock { counts in
            counts.inside += 1
            counts.entered += 1
            counts.highest = max(counts.highest, counts.inside)
        }
        var byte: UInt8 = 0
        while read(reader.rawValue, &byte, 1) < 0, errno == EINTR { counts.withLock { $0.interrupted += 1 } }
        counts.withLock { $0.inside -= 1 }
    }

    var inside: Int { counts.withLock { $0.inside } }
    var highest: Int { counts.withLock { $0.highest } }
    var entered: Int { counts.withLock { $0.entered } }
    var interrupted: Int { counts.withLock { $0.interrupted } }
}
