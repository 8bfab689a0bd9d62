internal import Glibc
package import ProcCore
internal import ProcIO

/// The folder of capture files, as something to be tried out.
package struct CaptureFolder {
    package let path: String

    package init(path: String) { self.path = path }

    /// Makes a capture file, writes to it, and lets it go. How many bytes there is room for.
    package func tryOut() throws(SystemError) -> UInt64 {
        let file = try UnnamedFile(directory: path, label: "check").create(in: .disk)
        var byte: UInt8 = 0
        guard write(file.rawValue, &byte, 1) == 1 else { throw SystemError.last("write a capture file in", on: path) }
        var status = statvfs()
        guard fstatvfs(file.rawValue, &status) == 0 else { throw SystemError.last("statvfs", on: path) }
        let (room, isBeyond) = UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
        return isBeyond ? .max : room
    }
}
