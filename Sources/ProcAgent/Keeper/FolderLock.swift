internal import CLinux
internal import Glibc
internal import ProcCore
internal import ProcIO

/// The lock of a folder: a file in it that one process at a time has locked (flock(2)), with that one's pid as text.
/// However the process ends, the lock goes with it; the file stays.
final class FolderLock {
    /// What an agent locks its folder by.
    static let agentFile = "agent.lock"

    /// What came of trying to get one.
    enum Attempt {
        case locked(FolderLock)
        /// - Parameter by: Unknown for a moment, while it is being taken or given up.
        case held(by: pid_t?)
        /// There is no such file, or it was removed, perhaps with its folder, before it was locked.
        case gone
    }

    private let file: OwnedFD
    var descriptor: CInt { file.rawValue }

    private init(_ file: consuming OwnedFD) { self.file = file }

    /// Tries once, without waiting.
    ///
    /// - Parameters:
    ///   - folder: A descriptor of the folder.
    ///   - path: Its path, for errors.
    ///   - creates: Whether a file that isn't there is made.
    static func attempt(
        _ name: String, in folder: CInt, _ path: String, creates: Bool
    ) throws(SystemError) -> Attempt {
        let result = clinux_open(folder, name, O_RDWR | O_NOFOLLOW | (creates ? O_CREAT : 0), 0o600)
        // Also where it was to be made: in a folder that has been removed.
        if result == -ENOENT { return .gone }
        return try lock(OwnedFD(result: result, "open", on: "\(path)/\(name)"), "\(path)/\(name)")
    }

    /// Takes over what an earlier program in this process has locked, by the number of its descriptor.
    static func resume(_ descriptor: CInt, _ path: String) throws(SystemError) -> Attempt {
        try lock(OwnedFD(adopting: descriptor), path)
    }

    private static func lock(_ file: consuming OwnedFD, _ path: String) throws(SystemError) -> Attempt {
        let result = clinux_lock(file.rawValue, true)
        if result == -EWOULDBLOCK { return .held(by: pid(in: file.rawValue)) }
        guard result == 0 else { throw SystemError("lock", on: path, errno: -result) }
        var status = stat()
        guard fstat(file.rawValue, &status) == 0 else { throw .last("fstat", on: path) }
        // Whoever clears up removes the file while it has the lock. By now another one may have its name.
        return status.st_nlink > 0 ? .locked(FolderLock(file)) : .gone
    }

    /// Whether nobody has it.
    static func isFree(_ name: String, in folder: CInt) -> Bool {
        let file = clinux_open(folder, name, O_RDONLY | O_NOFOLLOW, 0)
        guard file >= 0 else { return true }
        defer { close(file) }
        return clinux_lock(file, false) == 0
    }

    /// Writes our pid into the file.
    func sign() throws(SystemError) {
        let text = Array("\(getpid())".utf8)
        guard ftruncate(descriptor, 0) == 0, pwrite(descriptor, text, text.count, 0) == text.count else {
            throw .last("write", on: Self.agentFile)
        }
    }

    /// Takes the pid out again, before the lock is given up.
    func unsign() { _ = ftruncate(descriptor, 0) }

    /// The pid that stands in a lock's file.
    static func pid(in file: CInt) -> pid_t? {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 16) { bytes in
            let count = pread(file, bytes.baseAddress, bytes.count, 0)
            return count > 0 ? pid_t(String(decoding: bytes[..<count], as: UTF8.self)) : nil
        }
    }
}
