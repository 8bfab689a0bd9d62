internal import CLinux
internal import Glibc
package import ProcCore

/// A small regular file that says how something is set up, such as a token or certificates, as it is now.
package struct ConfigurationFile {
    package let path: String
    package let bytes: [UInt8]
    /// Permission bits: `0o600`.
    package let mode: UInt32
    /// The user whose file it is.
    package let owner: UInt32

    /// A file that isn't there or isn't fit to be read.
    package enum Failure: Error, Equatable, CustomStringConvertible {
        case system(SystemError)
        /// - Parameter found: `a directory`.
        case notRegular(path: String, found: String)
        case tooLong(path: String, limit: Int)

        package var description: String {
            switch self {
            case .system(let error): error.description
            case .notRegular(let path, let found): "\(path) is \(found), not a regular file"
            case .tooLong(let path, let limit):
                "\(path) is too long: at most \(ByteCount(UInt64(limit))) are read"
            }
        }

        /// Whether there is no such file, nor a folder that it could be in.
        package var isAbsence: Bool {
            if case .system(let error) = self { error.errno == ENOENT || error.errno == ENOTDIR } else { false }
        }
    }

    /// Reads a file. A FIFO or a device in its place is an error, and not waited for.
    package init(path: String, limit: Int) throws(Failure) {
        let file = try Self.open(path)
        var status = stat()
        guard fstat(file.rawValue, &status) == 0 else { throw .system(.last("fstat", on: path)) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw .notRegular(path: path, found: Self.kind(status.st_mode))
        }
        self.path = path
        mode = status.st_mode & 0o7777
        owner = status.st_uid
        bytes = try Self.read(file.rawValue, path, expected: Int(status.st_size), limit)
    }

    private static func open(_ path: String) throws(Failure) -> OwnedFD {
        // O_NONBLOCK: a FIFO would be waited for until somebody opens its other end.
        let result = clinux_open(clinux_at_cwd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0)
        guard result >= 0 else { throw .system(SystemError("open", on: path, errno: -result)) }
        return OwnedFD(adopting: result)
    }

    private static func read(_ fd: CInt, _ path: String, expected: Int, _ limit: Int) throws(Failure) -> [UInt8] {
        // One more than expected, to see whether there is more.
        var bytes = [UInt8](repeating: 0, count: min(expected, limit) + 1)
        var count = 0
        while count <= limit {
            if count == bytes.count { bytes += [UInt8](repeating: 0, count: limit + 1 - count) }
            let got = bytes.withUnsafeMutableBytes { bytes in
                Glibc.read(fd, bytes.baseAddress?.advanced(by: count), bytes.count - count)
            }
            if got < 0 {
                let error = SystemError.last("read", on: path)
                if error.errno == EINTR { continue }
                throw .system(error)
            }
            if got == 0 { return Array(bytes[..<count]) }
            count += got
        }
        throw .tooLong(path: path, limit: limit)
    }

    private static func kind(_ mode: mode_t) -> String {
        switch mode & S_IFMT {
        case S_IFDIR: "a directory"
        case S_IFIFO: "a FIFO"
        case S_IFSOCK: "a socket"
        case S_IFCHR, S_IFBLK: "a device"
        default: "something else"
        }
    }
}
