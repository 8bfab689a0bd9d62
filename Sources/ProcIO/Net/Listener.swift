internal import CLinux
internal import Glibc
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
    package let localAddress: SocketAddress

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
        let socket = try Self.socket(on: address, settings.backlog)
        var storage = sockaddr_storage()
        let named = clinux_local_address(socket.rawValue, &storage)
        guard named >= 0 else { throw SystemError("listen on", on: "\(address)", errno: -named) }
        let bound = SocketAddress(storage) ?? address
        localAddress = bound
        acceptor = try Acceptor(socket, "\(bound)", loop, settings, trouble) { descriptor, peer in
            // Of another family nothing can come in.
            if let address = SocketAddress(peer) { accepted(Connection(descriptor, peer: address)) }
        }
    }

    deinit { acceptor.close() }

    /// Leaves further connections to wait in the kernel, until ``resume()``: a limit has been reached.
    package func pause() { acceptor.isPaused = true }

    package func resume() { acceptor.isPaused = false }

    /// Listens no more. Connections that weren't accepted are reset.
    package func close() { acceptor.close() }

    private static func socket(on address: SocketAddress, _ backlog: CInt) throws(SystemError) -> OwnedFD {
        let socket: OwnedFD
        do {
            socket = try address.makeSocket()
        } catch {
            throw SystemError("listen on", on: "\(address)", errno: error.errno)
        }
        let number = socket.rawValue
        let result = address.withSockaddr { clinux_listen(number, $0, $1, backlog) }
        guard result >= 0 else { throw SystemError("listen on", on: "\(address)", errno: -result) }
        return socket
    }
}
