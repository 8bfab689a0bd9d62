import CLinux
import Glibc
import ProcCore
import ProcIO

/// A network between an agent and its scheduler that can be cut, stalled, and slow.
///
/// It passes on bytes of TLS, so a cut is always in the midst of something.
final class Relay {
    /// Which way bytes go.
    enum Way: CaseIterable { case up, down }

    private let loop: EventLoop
    private let target: SocketAddress
    private var listener: Listener?
    private var wires: [Wire] = []
    /// Where an agent is to dial.
    private(set) var port: UInt16 = 0

    /// While true, nothing is passed on, and nobody is told.
    var isStalled = false { didSet { wires.forEach { $0.update() } } }
    /// The most that is passed on at a time.
    var chunk = 1 << 16
    /// How many bytes may still pass each way before every connection is cut; nil for any number.
    var allowance: [Way: Int] = [:]
    /// What has passed, in bytes.
    private(set) var passed: [Way: Int] = [.up: 0, .down: 0]
    private(set) var connections = 0

    init(to scheduler: Scheduler) throws {
        loop = scheduler.loop
        target = SocketAddress(.loopbackV4, port: scheduler.port)
        let listener = try Listener(on: SocketAddress(.loopbackV4, port: 0), loop: loop, trouble: { _ in }) {
            [unowned self] connection in
            connections += 1
            do {
                wires.append(try Wire(connection.takeDescriptor(), try connect(), loop, self))
            } catch {
                preconditionFailure("a relay on loopback: \(error)")
            }
        }
        port = listener.localAddress.port
        self.listener = listener
    }

    /// On loopback the kernel completes a connection by itself.
    private func connect() throws -> OwnedFD {
        let socket = socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { throw SystemError.last("socket") }
        let owned = OwnedFD(adopting: socket)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = target.port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw SystemError.last("connect", on: "\(target)") }
        _ = fcntl(socket, F_SETFL, O_NONBLOCK)
        return owned
    }

    /// Cuts every connection.
    func cut() { wires.forEach { $0.close() } }

    /// How many of `count` bytes may pass.
    fileprivate func allow(_ count: Int, _ way: Way) -> Int {
        let count = min(allowance[way] ?? count, count)
        if let left = allowance[way] { allowance[way] = left - count }
        passed[way, default: 0] += count
        return count
    }

    fileprivate var isUsedUp: Bool { allowance.values.contains(0) }
}

/// One connection through a relay.
private final class Wire {
    private let loop: EventLoop
    private unowned let relay: Relay
    private let agent: SharedFD
    private let scheduler: SharedFD
    /// Came and couldn't be passed on yet.
    private var held: [Relay.Way: [UInt8]] = [:]
    private var tokens: [EventLoop.Token] = []

    init(_ agent: consuming OwnedFD, _ scheduler: consuming OwnedFD, _ loop: EventLoop, _ relay: Relay) throws {
        self.loop = loop
        self.relay = relay
        self.agent = SharedFD(agent)
        self.scheduler = SharedFD(scheduler)
        for descriptor in [self.agent, self.scheduler] {
            tokens.append(
                try loop.watch(descriptor.rawValue, for: .readable) { [unowned self] _ in
                    for way in Relay.Way.allCases { pass(way) }
                })
        }
        update()
    }

    deinit { tokens.forEach(loop.unwatch) }

    func close() {
        tokens.forEach(loop.unwatch)
        tokens = []
        shutdown(agent.rawValue, CInt(SHUT_RDWR))
        shutdown(scheduler.rawValue, CInt(SHUT_RDWR))
    }

    /// Waits for what there is to wait for.
    func update() {
        guard tokens.count == 2 else { return }
        func interest(reads: Relay.Way, writes: Relay.Way) -> EventLoop.Readiness {
            if relay.isStalled { return [] }
            var interest: EventLoop.Readiness = []
            if held[reads]?.isEmpty ?? true { interest.insert(.readable) }
            if !(held[writes]?.isEmpty ?? true) { interest.insert(.writable) }
            return interest
        }
        loop.change(tokens[0], to: interest(reads: .up, writes: .down))
        loop.change(tokens[1], to: interest(reads: .down, writes: .up))
    }

    private func pass(_ way: Relay.Way) {
        guard tokens.count == 2, !relay.isStalled else { return }
        let (from, to) = way == .up ? (agent, scheduler) : (scheduler, agent)
        var bytes = held[way] ?? []
        if bytes.isEmpty {
            bytes = [UInt8](repeating: 0, count: relay.chunk)
            let count = recv(from.rawValue, &bytes, bytes.count, 0)
            if count < 0, errno == EAGAIN || errno == EINTR { return }
            guard count > 0 else { return close() }
            bytes.removeLast(bytes.count - relay.allow(count, way))
        }
        let sent = send(to.rawValue, bytes, bytes.count, CInt(MSG_NOSIGNAL))
        guard sent >= 0 || errno == EAGAIN || errno == EINTR else { return close() }
        held[way] = Array(bytes[max(sent, 0)...])
        update()
        if relay.isUsedUp, held.values.allSatisfy(\.isEmpty) { relay.cut() }
    }
}
