internal import CLinux
internal import Glibc
package import ProcCore
package import ProcIO

/// Opens files for processes, at once where that is known to be instant, else on a
/// thread: a FIFO without a reader or a server that doesn't answer holds up its
/// own process and nobody else.
package final class FileOpener {
    /// What to open, with the meaning of openat(2).
    package struct Request: Sendable {
        /// Where relative paths start; nil: procstar's working directory.
        package let directory: SharedFD?
        package let path: String
        package let flags: CInt
        package let mode: UInt32

        package init(directory: SharedFD?, path: String, flags: CInt, mode: UInt32 = 0) {
            self.directory = directory
            self.path = path
            self.flags = flags
            self.mode = mode
        }

        /// To become a process's working directory.
        package static func workingDirectory(_ path: String) -> Request {
            Request(directory: nil, path: path, flags: clinux_o_path | clinux_o_directory)
        }

        fileprivate var isWorkingDirectory: Bool { flags & clinux_o_path != 0 }
        fileprivate var directoryNumber: CInt { directory?.rawValue ?? clinux_at_cwd }
    }

    /// How long a file that has been found instant is taken for it without another look.
    private static let belief = Interval.milliseconds(5)

    private let calls: BlockingCalls
    private var lastInstant: (path: String, until: Instant)?
    private let mounts = MountTable()

    package init(loop: EventLoop) throws(SystemError) { calls = try BlockingCalls(loop: loop) }

    /// An open that is under way on a thread.
    package typealias Pending = BlockingCalls.Call

    package func cancel(_ pending: Pending) { calls.cancel(pending) }

    /// Opens `/dev/null`, which never blocks.
    package func openNull(_ flags: CInt) -> Result<SharedFD, SystemError> {
        Self.open(Request(directory: nil, path: "/dev/null", flags: flags))
    }

    /// Opens now; nil when that might block.
    package func openInstantly(_ request: Request) -> Result<SharedFD, SystemError>? {
        guard isInstant(request) else { return nil }
        return request.isWorkingDirectory ? Self.open(request) : Self.openWithoutWaiting(request)
    }

    /// Even a regular file can keep an open waiting, for a lease on it to be given back; and what has been looked at
    /// may be a FIFO by now. Nil when it would have to wait.
    private static func openWithoutWaiting(_ request: Request) -> Result<SharedFD, SystemError>? {
        let flags = request.flags | O_NOCTTY | O_NONBLOCK
        let fd = clinux_open(request.directoryNumber, request.path, flags, request.mode)
        guard fd != -EAGAIN, fd != -ENXIO else { return nil }
        guard fd >= 0 else { return .failure(SystemError("open", on: request.path, errno: -fd)) }
        let descriptor = SharedFD(OwnedFD(adopting: fd))
        var status = stat()
        guard fstat(fd, &status) == 0, status.st_mode & S_IFMT != S_IFIFO else { return nil }
        // The child is to find the flags that its spec asks for.
        guard clinux_set_blocking(fd) == 0 else { return nil }
        return .success(descriptor)
    }

    /// Opens on a thread, however long it takes.
    package func open(_ request: Request, then: @escaping (Result<SharedFD, SystemError>) -> Void) -> Pending {
        calls.run({ Self.open(request) }, then: then)
    }

    /// Reads the first byte on a thread: afterwards the file's server is known to answer, and the exec, for which the
    /// loop waits, won't have to wait for it. Whether the file can be executed at all is left to the exec.
    package func touch(_ request: Request, then: @escaping () -> Void) -> Pending {
        calls.run {
            let fd = clinux_open(request.directoryNumber, request.path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0)
            guard fd >= 0 else { return }
            var byte: UInt8 = 0
            _ = read(fd, &byte, 1)
            close(fd)
        } then: {
            then()
        }
    }

    private static func open(_ request: Request) -> Result<SharedFD, SystemError> {
        let fd = clinux_open(request.directoryNumber, request.path, request.flags | O_NOCTTY, request.mode)
        guard fd >= 0 else { return .failure(SystemError("open", on: request.path, errno: -fd)) }
        return check(SharedFD(OwnedFD(adopting: fd)), request)
    }

    /// An O_PATH descriptor comes without a word from the file system's server, or about permission. Both are settled
    /// here rather than by the fchdir in the child, for which the loop would wait, and whose failure looks like exec's.
    private static func check(_ descriptor: SharedFD, _ request: Request) -> Result<SharedFD, SystemError> {
        guard request.isWorkingDirectory else { return .success(descriptor) }
        let result = clinux_may_enter(descriptor.rawValue)
        guard result == 0 else { return .failure(SystemError("enter", on: request.path, errno: -result)) }
        return .success(descriptor)
    }

    /// Whether the kernel has all it needs in its caches, and the file is of a kind that doesn't wait.
    package func isInstant(_ request: Request) -> Bool {
        switch kind(of: request.path, in: request.directoryNumber) {
        case .found(let kind): return isInstant(kind)
        case .missing where request.flags & O_CREAT == 0: return true  // and fails at once
        case .missing:
            guard case .found(let parent) = kind(of: Self.parent(of: request.path), in: request.directoryNumber) else {
                return false
            }
            return mounts.isLocal(major: parent.device_major, minor: parent.device_minor)
        case .unknown: return false
        }
    }

    /// ``isInstant(_:)`` of an executable, which is believed for a moment: thousands of processes in a row tend to be
    /// of one program.
    package func isInstantExecutable(_ request: Request, at now: Instant) -> Bool {
        if request.directory == nil, let last = lastInstant, last.path == request.path, now < last.until { return true }
        guard isInstant(request) else { return false }
        lastInstant = (request.path, now + Self.belief)
        return true
    }

    private enum Kind {
        case found(clinux_file_kind)
        case missing
        case unknown
    }

    private func kind(of path: String, in directory: CInt) -> Kind {
        let fd = clinux_open_path_cached(directory, path)
        guard fd >= 0 else { return fd == -ENOENT ? .missing : .unknown }
        defer { close(fd) }
        var kind = clinux_file_kind()
        return clinux_file_kind_cached(fd, &kind) == 0 ? .found(kind) : .unknown
    }

    private func isInstant(_ kind: clinux_file_kind) -> Bool {
        switch kind.mode & S_IFMT {
        case S_IFREG, S_IFDIR: return mounts.isLocal(major: kind.device_major, minor: kind.device_minor)
        case S_IFCHR: return kind.special_major == 1  // null, zero, full, random: mem(4)
        default: return false
        }
    }

    private static func parent(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == path.utf8.startIndex ? "/" : String(path[..<slash])
    }
}
