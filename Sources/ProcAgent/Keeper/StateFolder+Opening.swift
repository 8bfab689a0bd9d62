internal import CLinux
internal import Glibc
internal import ProcCore
internal import ProcIO

extension StateFolder {
    /// How often, and how far apart, a lock is tried for: somebody who clears up, or an agent that is just ending, has
    /// it for a moment.
    private static let tries = 100
    private static let distance: useconds_t = 10_000

    /// The folder of `--state-dir`, made if it isn't there.
    ///
    /// - Parameter connID: Nil for the one that the agent before had there.
    package static func open(path: String, connID: String?) throws(Problem) -> StateFolder {
        try take(absolute(path), subject: "--state-dir \(path)", connID: connID, isRuntime: false)
    }

    /// The folder of an agent without one, by its connection id.
    ///
    /// - Parameters:
    ///   - connID: Nil for a random one.
    ///   - environment: For `XDG_RUNTIME_DIR`.
    package static func runtime(connID: String?, environment: [String: String]) throws(Problem) -> StateFolder {
        let id = connID ?? randomConnID()
        let base = try RuntimeBase.base(for: id, among: RuntimeBase.candidates(environment: environment))
        let folder = try take(
            base.folder(for: id), subject: "connection id \(Quoted.text(id))", connID: id, isRuntime: true)
        base.sweep()
        return folder
    }

    /// The folder that the program had whose place this one has taken, in the same process.
    ///
    /// - Parameter lock: The descriptor that came with it, which is owned from here on.
    package static func resume(lock: CInt, isRuntime: Bool) throws(Problem) -> StateFolder {
        let attempt: FolderLock.Attempt
        let file: String
        do throws(SystemError) {
            file = try LinkTarget.read("/proc/self/fd/\(lock)")
            attempt = try FolderLock.resume(lock, file)
        } catch {
            throw .system(error)
        }
        guard file.hasSuffix("/\(FolderLock.agentFile)") else {
            throw .unfit("descriptor \(lock) is \(file), not the lock of a folder")
        }
        let path = String(file.dropLast(FolderLock.agentFile.utf8.count + 1))
        switch attempt {
        case .locked(let lock):
            guard let folder = try enter(path, isRuntime: isRuntime) else { throw .unfit("\(path) has been removed") }
            return try StateFolder(path, folder, lock: lock, connID: nil, isRuntime: isRuntime)
        case .held(let pid): throw .inUse(path, pid: pid)
        case .gone: throw .unfit("\(file) has been removed")
        }
    }

    /// Whether the folder of `--state-dir` is there; throws if it won't do.
    package static func isThere(_ path: String) throws(Problem) -> Bool { try enter(path, isRuntime: false) != nil }

    /// Tries whether an agent could have the folder of `--state-dir`, and leaves all as it was; false if it isn't there
    /// yet.
    package static func tryOut(_ path: String) throws(Problem) -> Bool {
        try checkLength(absolute(path))
        if try isThere(path) {
            guard access(path, W_OK) == 0 else { throw .system(.last("write to", on: path)) }
            return true
        }
        guard mkdir(path, 0o700) == 0 else { throw .system(.last("create", on: path)) }
        rmdir(path)
        return false
    }

    /// Where the folder of an agent without `--state-dir` is; without a connection id, the folder that it is in.
    package static func runtimePath(
        connID: String?, environment: [String: String]
    ) throws(Problem) -> String {
        let base = try RuntimeBase.base(
            for: connID ?? randomConnID(), among: RuntimeBase.candidates(environment: environment))
        return connID.map(base.folder) ?? base.path
    }

    private static func take(
        _ path: String, subject: String, connID: String?, isRuntime: Bool
    ) throws(Problem) -> StateFolder {
        try checkLength(path)
        var holder: pid_t?
        for _ in 0..<tries {
            guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw .system(.last("create", on: path)) }
            // Whoever clears up may have removed it since: then it is made again.
            guard let folder = try enter(path, isRuntime: isRuntime) else { continue }
            let attempt: FolderLock.Attempt
            do throws(SystemError) {
                attempt = try FolderLock.attempt(FolderLock.agentFile, in: folder.rawValue, path, creates: true)
            } catch {
                throw .system(error)
            }
            switch attempt {
            case .locked(let lock):
                return try StateFolder(path, folder, lock: lock, connID: connID, isRuntime: isRuntime)
            case .held(let pid):
                holder = pid
                usleep(distance)
            case .gone: continue
            }
        }
        throw .inUse(subject, pid: holder)
    }

    static func checkLength(_ path: String) throws(Problem) {
        let socket = "\(path)/\(socketFile)"
        guard socket.utf8.count > CLINUX_SOCKET_PATH_LIMIT else { return }
        throw .unfit(
            "\(socket) has \(socket.utf8.count) bytes, and the path of a socket has \(CLINUX_SOCKET_PATH_LIMIT) at most; "
                + "name a folder with a shorter path")
    }

    /// Opens a folder that is nobody's but ours; nil if there is none.
    private static func enter(_ path: String, isRuntime: Bool) throws(Problem) -> SharedFD? {
        // A runtime folder may stand where others could put a link.
        let flags = O_RDONLY | clinux_o_directory | (isRuntime ? O_NOFOLLOW : 0)
        let result = clinux_open(clinux_at_cwd, path, flags, 0)
        if result == -ENOENT { return nil }
        guard result >= 0 else { throw .system(SystemError("open", on: path, errno: -result)) }
        let folder = SharedFD(OwnedFD(adopting: result))
        var status = stat()
        guard fstat(result, &status) == 0 else { throw .system(.last("fstat", on: path)) }
        guard status.st_uid == geteuid() else {
            throw .unfit(
                "\(path) belongs to user \(status.st_uid); chown \(geteuid()) \(ShellWord.quoted(path)), "
                    + "or name another folder")
        }
        guard status.st_mode & 0o077 == 0 else {
            throw .unfit(
                "\(path) has mode 0\(String(status.st_mode & 0o7777, radix: 8)), so that others can reach what is in it; "
                    + "chmod 700 \(ShellWord.quoted(path))")
        }
        return folder
    }

    private static func absolute(_ path: String) -> String {
        guard !path.hasPrefix("/"), let current = getcwd(nil, 0) else { return path }
        defer { free(current) }
        return "\(String(cString: current))/\(path)"
    }
}
