internal import CLinux
package import ProcCore

/// A TCP port on which connections are accepted, on the loop.
///
/// Its owner holds it: when the object goes, the port is closed and nothing is called any more. Connections that were
/// accepted are the callback's.
package final class Listener {
    /// What it has to be told besides the address.
    package struct Settings: Sendable {
        /// Connections that wait to be accepted; the kernel cuts it to `net.core.somaxconn`.
        package var backlog: CInt = 1024
        /// Accepted in one turn of the loop, so that a flood of connections doesn't keep it from everything else.
        package var acceptsPerTurn = 32
        /// How long nothing is accepted after there were no descriptors or no memory: some may be free by then.
        package var respite = Interval.milliseconds(100)
        /// Such trouble is reported at most this often.
        package var reportInterval = Interval.seconds(60)

        package init() {}
    }

    /// Where it listens, with the port that was chosen if that was to be 0.
    package var localAddress: SocketAddress { acceptor.localAddress }

    private let acceptor: Acceptor

    /// Listens at once. An IPv6 address takes IPv6 connections only, also `[::]`, beside which `0.0.0.0` can be had.
    ///
    /// - Parameters:
    ///   - trouble: Told when connections can't be accepted, for the log: `accept on 127.0.0.1:80: Too many open files`.
    ///   - accepted: Gets each connection, on the loop. May pause, close or drop the listener; none comes after that.
    package init(
        on address: SocketAddress, loop: EventLoop, settings: Settings = Settings(),
        trouble: @escaping (SystemError) -> Void, accepted: @escaping (consuming Connection) -> Void
    ) throws(SystemError) {
        acceptor = try Acceptor(address, loop, settings, trouble, accepted)
    }

    deinit { acceptor.close() }

    /// Leaves further connections to wait in the kernel, until ``resume()``: a limit has been reached.
    package func pause() { acceptor.isPaused = true }

    package func resume() { acceptor.isPaused = false }

    /// Listens no more. Connections that weren't accepted are reset.
    package func close() { acceptor.close() }
}

/// What the loop calls. Apart from ``Listener``, which its owner may drop in the midst of a callback.
private final class Acceptor {
    let localAddress: SocketAddress
    var isPaused = false { didSet { updateInterest() } }

    private let loop: EventLoop
    private let settings: Listener.Settings
    private let accepted: (consuming Connection) -> Void
    private let trouble: (SystemError) -> Void
    /// Nil when closed.
    private var descriptor: OwnedFD?
    private var token: EventLoop.Token?
    /// Runs while nothing is accepted for lack of descriptors or memory.
    private var respite: EventLoop.TimerID?
    private var quietUntil: Instant?

    init(
        _ address: SocketAddress, _ loop: EventLoop, _ settings: Listener.Settings,
        _ trouble: @escaping (SystemError) -> Void, _ accepted: @escaping (consuming Connection) -> Void
    ) throws(SystemError) {
        func refusal(_ errno: CInt) -> SystemError { SystemError("listen on", on: "\(address)", errno: errno) }

        let socket: OwnedFD
        do { socket = try address.makeSocket() } catch { throw refusal(error.errno) }
        let number = socket.rawValue
        let result = address.withSockaddr { clinux_listen(number, $0, $1, settings.backlog) }
        guard result >= 0 else { throw refusal(-result) }
        var bound = sockaddr_storage()
        let named = clinux_local_address(number, &bound)
        guard named >= 0 else { throw refusal(-named) }

        localAddress = SocketAddress(bound) ?? address
        self.loop = loop
        self.settings = settings
        self.trouble = trouble
        self.accepted = accepted
        token = try loop.watch(number, for: .readable) { [unowned self] _ in acceptSome() }
        descriptor = consume socket
    }

    func close() {
        if let respite { loop.cancel(respite) }
        respite = nil
        if let token { loop.unwatch(token) }
        token = nil
        descriptor = nil
    }

    private func updateInterest() {
        guard let token else { return }
        loop.change(token, to: isPaused || respite != nil ? [] : .readable)
    }

    private func acceptSome() {
        for _ in 0..<settings.acceptsPerTurn {
            // The callback may have paused or closed it.
            guard !isPaused, let number = descriptor?.rawValue else { return }
            var peer = sockaddr_storage()
            let result = clinux_accept(number, &peer)
            guard result < 0 else {
                let connection = OwnedFD(adopting: result)
                // Of another family nothing can come in.
                if let address = SocketAddress(peer) { accepted(Connection(connection, peer: address)) }
                continue
            }
            switch AcceptFailure(errno: -result) {
            case .nobody: return
            case .oneLost: continue
            case .exhausted: return rest(because: -result)
            }
        }
    }

    /// The connection still waits, and the loop would call again at once.
    private func rest(because errno: CInt) {
        respite = loop.at(loop.now + settings.respite) { [unowned self] in
            respite = nil
            updateInterest()
        }
        updateInterest()
        if let quietUntil, loop.now < quietUntil { return }
        quietUntil = loop.now + settings.reportInterval
        trouble(SystemError("accept on", on: "\(localAddress)", errno: errno))
    }
}
