internal import CLinux
internal import ProcCore
internal import ProcIO

/// Where captured bytes lie.
enum CapturePlace: Sendable {
    case memory, disk
}

/// Makes files without a name, which are gone when the last descriptor is closed. Mode 0600.
struct UnnamedFile: Sendable {
    /// For those on disk.
    let directory: String
    /// What `/proc/PID/fd` shows for those in memory, to tell an operator whose they are.
    let label: String

    /// A file for our own use: we write and read it by offset.
    func create(in place: CapturePlace) throws(SystemError) -> SharedFD {
        switch place {
        case .memory:
            // The kernel takes at most 249 bytes.
            let name = "procstar:" + String(decoding: label.utf8.prefix(200), as: UTF8.self)
            return SharedFD(try OwnedFD(result: clinux_memfd(name), "memfd_create").settled())
        case .disk:
            return SharedFD(try open(flags: O_RDWR).settled())
        }
    }

    /// A file on disk that a child appends to, and our own view of it.
    ///
    /// Two open file descriptions: whatever the child does with its offset or its
    /// flags, reading is not touched by it, nor the other way round.
    func createForChild() throws(SystemError) -> (writer: SharedFD, reader: SharedFD) {
        let writer = SharedFD(try open(flags: O_WRONLY | O_APPEND))
        let path = "/proc/self/fd/\(writer.rawValue)"
        let reader = try OwnedFD(result: clinux_open(clinux_at_cwd, path, O_RDONLY, 0), "open", on: path)
        return (writer, SharedFD(reader.settled()))
    }

    private func open(flags: CInt) throws(SystemError) -> OwnedFD {
        let result = clinux_open_unnamed(directory, flags, 0o600)
        switch -result {
        case EOPNOTSUPP, EISDIR, ENOENT: return try openNamed(flags: flags)
        default: return try OwnedFD(result: result, "create a capture file in", on: directory)
        }
    }

    /// For file systems without O_TMPFILE (NFS, some FUSE): a file that has a name for a moment.
    func openNamed(flags: CInt) throws(SystemError) -> OwnedFD {
        while true {
            let path = "\(directory)/.procstar-\(String(UInt64.random(in: .min ... .max), radix: 36))"
            let result = clinux_open(clinux_at_cwd, path, flags | O_CREAT | O_EXCL, 0o600)
            if result == -EEXIST { continue }
            let file = try OwnedFD(result: result, "create a capture file in", on: directory)
            guard unlink(path) == 0 else { throw SystemError.last("unlink", on: path) }
            return file
        }
    }
}
