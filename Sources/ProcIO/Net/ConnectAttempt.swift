internal import CLinux
internal import ProcCore

/// One socket on its way to one address. Closed with the object, unless it was released.
final class ConnectAttempt {
    let address: SocketAddress
    private let loop: EventLoop
    private var descriptor: OwnedFD?
    private var token: EventLoop.Token?

    /// Calls `ended`, on the loop, with 0 or the errno, as often as the loop turns until the object goes or is released.
    init(_ address: SocketAddress, loop: EventLoop, ended: @escaping (CInt) -> Void) throws(SystemError) {
        self.address = address
        self.loop = loop
        let socket = try address.makeSocket()
        let number = socket.rawValue
        let result = address.withSockaddr { clinux_connect(number, $0, $1) }
        guard result == 0 || result == -EINPROGRESS else { throw SystemError("connect", errno: -result) }
        token = try loop.watch(number, for: .writable) { _ in ended(Self.outcome(of: number)) }
        descriptor = consume socket
    }

    deinit { unwatch() }

    /// Gives the connected socket up to the caller.
    func release() -> OwnedFD {
        unwatch()
        guard let socket = descriptor.take() else { preconditionFailure("released twice") }
        return socket
    }

    private func unwatch() {
        if let token { loop.unwatch(token) }
        token = nil
    }

    /// 0, or why there is no connection.
    private static func outcome(of socket: CInt) -> CInt {
        let error = -clinux_socket_error(socket)
        // Nobody listens there. Kept, it would talk to itself, and take the port from who is to listen.
        if error == 0, clinux_is_connected_to_itself(socket) == 1 { return ECONNREFUSED }
        return error
    }
}
