internal import CLinux
internal import Glibc
internal import ProcCore
internal import ProcIO

/// A keeper that serves us, and how one learns of its end.
struct KeeperLink {
    let socket: KeeperSocket
    let pidfd: SharedFD
    let handOver: KeeperHandOver

    /// A former agent's connection may be on its way to its end.
    private static let busyPatience = Interval.seconds(5)
    private static let busyDistance: useconds_t = 10_000

    /// The one that listens for the folder; nil when none does.
    static func find(_ folder: StateFolder) throws -> KeeperLink? {
        let deadline = Instant.now + busyPatience
        while true {
            guard let connection = try KeeperProgram.connect(to: folder.socketPath) else { return nil }
            do throws(KeeperError) {
                return try KeeperLink(connection, pidfd: nil)
            } catch {
                guard case .busy = error, Instant.now < deadline else { throw error }
                usleep(busyDistance)
            }
        }
    }

    /// Takes what a keeper has.
    ///
    /// - Parameter pidfd: Of the keeper, where it is at hand.
    init(_ connection: SharedFD, pidfd: SharedFD?) throws(KeeperError) {
        socket = KeeperSocket(connection)
        let mask = umask(0)
        umask(mask)
        let directory = clinux_open(clinux_at_cwd, ".", clinux_o_path | clinux_o_directory, 0)
        handOver = try KeeperHandOver.take(
            from: socket, umask: UInt32(mask),
            directory: directory < 0 ? nil : SharedFD(OwnedFD(adopting: directory)))
        if let pidfd {
            self.pidfd = pidfd
            return
        }
        let opened = clinux_pidfd_open(handOver.welcome.pid)
        guard opened >= 0 else { throw .lost(SystemError.reason(of: -opened)) }
        self.pidfd = SharedFD(OwnedFD(adopting: opened))
    }
}
