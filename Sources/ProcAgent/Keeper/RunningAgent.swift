internal import CLinux
internal import Glibc
package import ProcCore
internal import ProcIO

/// The agent that has a folder now.
package struct RunningAgent: Sendable {
    package let pid: CInt
    private let pidfd: SharedFD

    /// A lock whose holder isn't known is being taken, or given up, or somebody looks at it.
    private static let tries = 100
    private static let distance: useconds_t = 10_000

    /// Finds it by the lock of its folder; nil if there is none.
    package static func find(in folder: String) throws(SystemError) -> RunningAgent? {
        for _ in 0..<tries {
            let path = "\(folder)/\(FolderLock.agentFile)"
            let result = clinux_open(clinux_at_cwd, path, O_RDONLY | O_NOFOLLOW, 0)
            if result == -ENOENT { return nil }
            let file = try OwnedFD(result: result, "open", on: path)
            if clinux_lock(file.rawValue, false) == 0 { return nil }
            if let agent = holder(of: file) { return agent }
            usleep(distance)
        }
        return nil
    }

    /// The folder of the agent with a connection id, where it has none of its own choice; nil if there is none.
    package static func folder(connID: String, environment: [String: String]) -> String? {
        RuntimeBase.candidates(environment: environment).map { $0.folder(for: connID) }
            .first { access("\($0)/\(FolderLock.agentFile)", F_OK) == 0 }
    }

    private static func holder(of file: borrowing OwnedFD) -> RunningAgent? {
        guard let pid = FolderLock.pid(in: file.rawValue) else { return nil }
        let pidfd = clinux_pidfd_open(pid)
        guard pidfd >= 0 else { return nil }
        let agent = RunningAgent(pid: pid, pidfd: SharedFD(OwnedFD(adopting: pidfd)))
        // The pid of one that was killed may be another program's by now, which a signal could end.
        return hasOpen(file.rawValue, pid) ? agent : nil
    }

    /// Whether a process has the file open. True as well where we may not look.
    private static func hasOpen(_ file: CInt, _ pid: pid_t) -> Bool {
        var wanted = stat()
        guard fstat(file, &wanted) == 0 else { return false }
        guard let directory = opendir("/proc/\(pid)/fd") else { return errno == EACCES }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            var found = stat()
            let isSame = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { fstatat(dirfd(directory), $0, &found, 0) == 0 }
            }
            if isSame, found.st_dev == wanted.st_dev, found.st_ino == wanted.st_ino { return true }
        }
        return false
    }

    package func signal(_ signum: CInt) throws(SystemError) {
        let result = clinux_pidfd_send_signal(pidfd.rawValue, signum)
        guard result == 0 else { throw SystemError("signal", on: "the agent with pid \(pid)", errno: -result) }
    }

    /// Waits that long at most for its end.
    package func ends(within limit: Interval) -> Bool {
        var target = pollfd(fd: pidfd.rawValue, events: Int16(POLLIN), revents: 0)
        return poll(&target, 1, CInt(clamping: limit.nanoseconds / 1_000_000)) == 1
    }
}
