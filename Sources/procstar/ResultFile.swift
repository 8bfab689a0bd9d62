internal import CLinux
internal import Glibc
internal import ProcCore
internal import ProcIO

/// A place that results are written to: standard output, or the file of `--output`.
struct ResultFile: Sendable {
    private let name: String
    /// Nil for those that were open before us.
    private let descriptor: SharedFD?
    private let number: CInt

    static let standardOutput = ResultFile(name: "standard output", number: STDOUT_FILENO)
    static let standardError = ResultFile(name: "standard error", number: STDERR_FILENO)

    private init(name: String, number: CInt) {
        self.name = name
        self.number = number
        descriptor = nil
    }

    /// Opens `path` before anything is started, so that a folder that is missing is told now and not after an hour's
    /// run. What the file holds stays until ``empty()``. A FIFO is waited for until somebody reads it, so this is for
    /// a worker thread.
    init(path: String) throws(SystemError) {
        name = path
        let fd = clinux_open(clinux_at_cwd, path, O_WRONLY | O_CREAT, 0o666)
        descriptor = SharedFD(try OwnedFD(result: fd, "open", on: path))
        number = fd
    }

    /// Forgets what an earlier run has left there.
    func empty() throws(SystemError) {
        guard let descriptor else { return }
        var status = stat()
        guard fstat(descriptor.rawValue, &status) == 0 else { throw .last("fstat", on: name) }
        // A pipe or a terminal has nothing to forget.
        guard status.st_mode & S_IFMT == S_IFREG else { return }
        guard ftruncate(descriptor.rawValue, 0) == 0 else { throw .last("ftruncate", on: name) }
    }

    /// Writes all of `bytes`.
    func write(_ bytes: UnsafeRawBufferPointer) throws(SystemError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = UnsafeRawBufferPointer(rebasing: rest).withMemoryRebound(to: UInt8.self) {
                Glibc.write(number, $0.baseAddress, $0.count)
            }
            if count < 0 {
                let error = SystemError.last("write", on: name)
                switch error.errno {
                case EINTR: continue
                case EAGAIN: waitUntilWritable()
                default: throw error
                }
            } else {
                rest = rest.dropFirst(count)
            }
        }
    }

    /// Writes lines for people. Where they can't be written, nobody could be told.
    func tell(_ lines: [String]) {
        let bytes = Array(lines.map { "\($0)\n" }.joined().utf8)
        bytes.withUnsafeBytes { bytes in
            do { try write(bytes) } catch {}
        }
    }

    /// Whoever shares the descriptor with us may have made it non-blocking.
    private func waitUntilWritable() {
        var target = pollfd(fd: number, events: Int16(POLLOUT), revents: 0)
        _ = poll(&target, 1, -1)
    }
}
