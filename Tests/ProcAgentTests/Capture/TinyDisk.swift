import CLinux
import Glibc
import TestSupport
import Testing

/// A file system of 2 MiB that goes when the last descriptor is closed.
final class TinyDisk {
    private let directory: CInt
    /// A way to it; it has no name, so nothing is left behind however the test ends.
    var path: String { "/proc/self/fd/\(directory)" }
    private var ballast: CInt = -1

    init() throws {
        let mountPoint = try CaptureBed.newDirectory()
        defer { rmdir(mountPoint) }
        try #require(
            reap(try spawn(["/bin/mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", mountPoint], fds: [2: 2])) == 0)
        directory = clinux_open(clinux_at_cwd, mountPoint, O_RDONLY | clinux_o_directory, 0)
        try #require(reap(try spawn(["/bin/umount", "-l", mountPoint], fds: [2: 2])) == 0)
    }

    deinit {
        close(ballast)
        close(directory)
    }

    /// Leaves `bytes` free.
    func fill(leaving bytes: Int) {
        ballast = clinux_open(clinux_at_cwd, "\(path)/ballast", O_WRONLY | O_CREAT, 0o600)
        let block = [UInt8](repeating: 0, count: 4096)
        while write(ballast, block, block.count) > 0 {}
        var status = stat()
        fstat(ballast, &status)
        ftruncate(ballast, status.st_size - off_t(bytes))
    }

    func empty() { ftruncate(ballast, 0) }
}
