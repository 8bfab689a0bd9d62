internal import CLinux
internal import Glibc
internal import ProcCore
internal import ProcIO

/// Where the runtime folders of a user's agents are, one for each connection id.
struct RuntimeBase: Equatable {
    let path: String

    /// The places for it, for this user, the best first. `$TMPDIR` is none: it differs from start to start.
    static func candidates(user: uid_t = geteuid(), environment: [String: String]) -> [RuntimeBase] {
        var paths: [String] = []
        if let folder = environment["XDG_RUNTIME_DIR"], folder.hasPrefix("/") { paths.append("\(folder)/procstar") }
        if user == 0 { paths.append("/run/procstar") }
        paths.append("/tmp/procstar-\(user)")
        return paths.map(RuntimeBase.init)
    }

    /// The base for a connection id: the one where it has a folder already, else the first that can be used.
    static func base(for id: String, among candidates: [RuntimeBase]) throws(StateFolder.Problem) -> RuntimeBase {
        var objections: [String] = []
        var usable: [RuntimeBase] = []
        for candidate in candidates {
            if let objection = candidate.objection(for: id) {
                objections.append(objection)
            } else {
                usable.append(candidate)
            }
        }
        guard let first = usable.first else {
            throw .unfit(
                "no folder for the time that the agent runs: \(objections.joined(separator: "; ")); "
                    + "name one with --state-dir DIR")
        }
        return usable.first { access($0.folder(for: id), F_OK) == 0 } ?? first
    }

    func folder(for id: String) -> String { "\(path)/\(Self.name(for: id))" }

    /// Makes the base if need be; why it can't be used, nil if it can.
    func objection(for id: String) -> String? {
        do throws(StateFolder.Problem) {
            try StateFolder.checkLength(folder(for: id))
        } catch {
            return error.description
        }
        // Someone else's XDG_RUNTIME_DIR, as sudo(8) leaves it behind, is no place for a folder of ours.
        let parent = String(path.prefix(upTo: path.lastIndex(of: "/") ?? path.startIndex))
        var status = stat()
        guard lstat(parent, &status) == 0 else { return SystemError.last("look at", on: parent).description }
        if status.st_uid != geteuid(), status.st_mode & S_ISVTX == 0 {
            return "\(parent) belongs to user \(status.st_uid)"
        }
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
            return SystemError.last("create", on: path).description
        }
        // Not through a link: in /tmp others could have put one.
        guard lstat(path, &status) == 0 else { return SystemError.last("look at", on: path).description }
        guard status.st_mode & S_IFMT == S_IFDIR else { return "\(path) is not a folder" }
        guard status.st_uid == geteuid() else { return "\(path) belongs to user \(status.st_uid)" }
        guard status.st_mode & 0o022 == 0 else { return "\(path) can be changed by others" }
        guard access(path, W_OK | X_OK) == 0 else { return SystemError.last("write to", on: path).description }
        return nil
    }

    // MARK: Names

    /// A connection id as the name of a folder: itself, if it is short and plain; else what is plain of its beginning,
    /// and a number made of all of it behind a `~`, which no plain one has.
    static func name(for id: String) -> String {
        let kept = id.utf8.prefix(longestName).map { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                byte
            default: UInt8(ascii: "_")
            }
        }
        if !kept.isEmpty, kept.elementsEqual(id.utf8) { return id }
        // FNV-1a: two ids of one user that meet are not to be expected.
        let hash = id.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        return "\(String(decoding: kept.prefix(16), as: UTF8.self))~\(hash.hexadecimal(digits: 16))"
    }

    /// A UUID has 36 bytes.
    private static let longestName = 40

    // MARK: Clearing up

    /// Removes the folders that nobody needs any more: whose agent is gone, and whose keeper.
    func sweep() {
        guard let directory = opendir(path) else { return }
        defer { closedir(directory) }
        for name in Self.names(in: directory) {
            let folder = clinux_open(dirfd(directory), name, O_RDONLY | clinux_o_directory | O_NOFOLLOW, 0)
            guard folder >= 0 else { continue }
            defer { close(folder) }
            guard isRuntimeFolder(name) else { continue }
            // While we have the agent's lock, no agent starts there, nor does a keeper, whom only an agent starts.
            guard
                case .locked(let lock)? = try? FolderLock.attempt(
                    FolderLock.agentFile, in: folder, path, creates: true),
                FolderLock.isFree(StateFolder.keeperLockFile, in: folder)
            else { continue }
            _ = Self.remove("\(path)/\(name)", folder)
            withExtendedLifetime(lock) {}
        }
    }

    /// Whether it was made for the connection id that its name says, or nothing is in it yet. Anything else that somebody
    /// has put there, a state folder perhaps, isn't touched.
    private func isRuntimeFolder(_ name: String) -> Bool {
        let folder = "\(path)/\(name)"
        if case let id? = try? StateFolder.storedConnID(folder) { return Self.name(for: id) == name }
        guard let directory = opendir(folder) else { return false }
        defer { closedir(directory) }
        return Self.names(in: directory).allSatisfy { $0 == FolderLock.agentFile }
    }

    /// Removes a folder with all that is in it, while the caller has its lock. What an agent makes that comes just
    /// then stays: it finds its lock removed, or the folder not empty.
    static func remove(_ path: String, _ folder: CInt) -> Bool {
        let copy = clinux_dup_above(folder, 0)
        guard copy >= 0 else { return false }
        guard let directory = fdopendir(copy) else {
            close(copy)
            return false
        }
        defer { closedir(directory) }
        rewinddir(directory)
        // The lock last: as long as it has its name, nobody else gets in.
        for name in names(in: directory) where name != FolderLock.agentFile { unlinkat(folder, name, 0) }
        unlinkat(folder, FolderLock.agentFile, 0)
        return rmdir(path) == 0
    }

    private static func names(in directory: OpaquePointer) -> [String] {
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}
