internal import CLinux
internal import Glibc
package import ProcCore

/// A process at the other end of a Unix socket, as it was when it connected (SO_PEERCRED, unix(7)).
package struct LocalPeer: Equatable, Sendable {
    package let pid: Int32
    package let uid: UInt32
    package let gid: UInt32
}

/// A path on which connections of this machine are accepted, on the loop.
///
/// Only its own user, and root, may connect. When the object goes, so does the path, unless something else has taken its
/// place.
package final class UnixListener {
    private let path: String
    private let acceptor: Acceptor
    /// Device and number of the socket's file.
    private let identity: FileIdentity?

    private struct FileIdentity: Equatable {
        let device: dev_t
        let number: ino_t

        init?(_ path: String) {
            var status = stat()
            guard lstat(path, &status) == 0 else { return nil }
            device = status.st_dev
            number = status.st_ino
        }
    }

    /// Listens at once. A socket that is there and that nobody serves any more is replaced.
    ///
    /// - Parameters:
    ///   - trouble: Told when connections can't be accepted, for the log.
    ///   - accepted: Gets each connection, on the loop. May pause, close or drop the listener; none comes after that.
    package init(
        at path: String, loop: EventLoop, settings: Listener.Settings = Listener.Settings(),
        trouble: @escaping (SystemError) -> Void, accepted: @escaping (consuming OwnedFD, LocalPeer) -> Void
    ) throws(SystemError) {
        self.path = path
        let socket = try Self.socket(at: path, settings.backlog)
        identity = FileIdentity(path)
        acceptor = try Acceptor(socket, path, loop, settings, trouble) { descriptor, _ in
            var peer = clinux_credentials()
            // Who isn't known isn't let in.
            guard clinux_peer_credentials(descriptor.rawValue, &peer) == 0 else { return }
            accepted(descriptor, LocalPeer(pid: peer.pid, uid: peer.uid, gid: peer.gid))
        }
    }

    deinit { close() }

    /// Leaves further connections to wait in the kernel, until ``resume()``: a limit has been reached.
    package func pause() { acceptor.isPaused = true }

    package func resume() { acceptor.isPaused = false }

    /// Listens no more. Connections that weren't accepted are reset.
    package func close() {
        guard acceptor.isOpen else { return }
        if let identity, identity == FileIdentity(path) { unlink(path) }
        acceptor.close()
    }

    private static func socket(at path: String, _ backlog: CInt) throws(SystemError) -> OwnedFD {
        func refusal(_ errno: CInt) -> SystemError { SystemError("listen on", on: path, errno: errno) }

        let result = clinux_unix_listen(path, S_IRUSR | S_IWUSR, backlog)
        if result >= 0 { return OwnedFD(adopting: result) }
        guard result == -EADDRINUSE, isDeserted(path) else { throw refusal(-result) }
        // Of two who find it deserted, the second must not remove the socket of the first.
        let folder = clinux_lock_folder(path)
        guard folder >= 0 else { throw refusal(-folder) }
        defer { _ = Glibc.close(folder) }
        if isDeserted(path) { unlink(path) }
        let second = clinux_unix_listen(path, S_IRUSR | S_IWUSR, backlog)
        guard second >= 0 else { throw refusal(-second) }
        return OwnedFD(adopting: second)
    }

    /// Whether it is a socket on which nobody listens.
    private static func isDeserted(_ path: String) -> Bool {
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return false }
        let result = clinux_unix_connect(path)
        if result >= 0 { _ = Glibc.close(result) }
        return result == -ECONNREFUSED
    }
}
