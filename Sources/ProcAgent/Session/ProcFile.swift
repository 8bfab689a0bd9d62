internal import CLinux
internal import Glibc

/// Reads the files of `/proc/PID`.
package enum ProcFile: String, Sendable {
    case stat, status

    /// The file's bytes, or nil when there is no such process (any more).
    package func read(_ pid: CInt) -> [UInt8]? { Self.read("/proc/\(pid)/\(rawValue)", isOneRecord: true) }

    /// All of a file that the kernel makes up as it is read, so that its size isn't known before.
    ///
    /// - Parameter isOneRecord: The kernel makes all of it at once, so a read that leaves room has got all.
    package static func read(_ path: String, isOneRecord: Bool = false) -> [UInt8]? {
        let fd = clinux_open(clinux_at_cwd, path, O_RDONLY, 0)
        guard fd >= 0 else { return nil }
        defer { close(fd) }
        return withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { block in
            var bytes: [UInt8] = []
            while true {
                let count = Glibc.read(fd, block.baseAddress, block.count)
                if count < 0, errno == EINTR { continue }
                if count < 0 { return nil }
                if count == 0 { return bytes }
                bytes.append(contentsOf: block[..<count])
                if isOneRecord, count < block.count { return bytes }
            }
        }
    }
}
