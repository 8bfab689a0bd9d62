internal import CLinux
internal import ProcCore
internal import ProcIO

/// Captures in an unlinked file that the process itself appends to.
final class FileCapture: OutputCapture {
    private enum Content {
        case plain(SharedFD)
        case compressed(GzipFile)
        case closed
    }

    private let factory: CaptureFactory
    private let files: UnnamedFile
    private var content: Content
    /// Until somebody lets go of the file.
    private var backOff = CompressionBackOff()
    private var retry: EventLoop.TimerID?

    private(set) var childEnd: SharedFD?
    let failure: String? = nil
    let cut: UInt64 = 0
    /// Never called: there is no limit.
    var onLimit: (() -> Void)?
    /// Never called: the process writes to the file by itself.
    var onGrowth: (() -> Void)?

    init(_ factory: CaptureFactory, files: UnnamedFile) throws(SystemError) {
        self.factory = factory
        self.files = files
        let (writer, reader) = try files.createForChild()
        childEnd = writer
        content = .plain(reader)
    }

    func begin() { childEnd = nil }

    func abandon() { childEnd = nil }

    var length: UInt64 {
        switch content {
        case .plain(let file): UInt64(FileState(of: file).size)
        case .compressed(let file): UInt64(file.plainCount)
        case .closed: 0
        }
    }

    func snapshot() -> CaptureSnapshot {
        switch content {
        case .plain(let file):
            CaptureSnapshot(parts: [.stored(file, offset: 0, count: FileState(of: file).size)])
        case .compressed(let file):
            CaptureSnapshot(parts: [.gzip(file)])
        case .closed:
            CaptureSnapshot(parts: [])
        }
    }

    /// At once: what a process has written to a file is there.
    func settle(then: @escaping () -> Void) { then() }

    func finish() {
        guard factory.settings.compressAbove != nil else { return }
        compressIfNobodyWrites()
    }

    private func compressIfNobodyWrites() {
        guard case .plain(let file) = content, let least = factory.settings.compressAbove else { return }
        switch clinux_has_no_writer(file.rawValue) {
        case 1:
            let state = FileState(of: file)
            if state.size > least { compress(state) }
        case 0:
            tryLater()
        default:
            break  // This file system has no leases: nobody can tell, so it stays plain.
        }
    }

    private func tryLater() {
        retry = factory.loop.at(factory.loop.now + backOff.next()) { [weak self] in self?.compressIfNobodyWrites() }
    }

    private func compress(_ before: FileState) {
        factory.compression.add(to: .disk, files: files) { [weak self] in
            guard let self, case .plain = content else { return nil }
            return snapshot()
        } then: { [weak self] progress in
            guard let self, case .plain(let file) = content else { return }
            // A descendant that has the file open for reading can open it anew for writing, through /dev/stdout.
            guard FileState(of: file) == before, clinux_has_no_writer(file.rawValue) == 1 else {
                tryLater()
                return
            }
            guard let compressed = factory.result(of: progress, in: files) else { return }
            factory.discards.add(file)
            content = .compressed(compressed)
        }
    }

    func close() {
        if let retry { factory.loop.cancel(retry) }
        onLimit = nil
        onGrowth = nil
        childEnd = nil
        switch content {
        case .plain(let file): factory.discards.add(file)
        case .compressed(let file): factory.discards.add(file.file)
        case .closed: break
        }
        content = .closed
    }
}

/// How much is in a file, and when that last changed.
private struct FileState: Equatable {
    let size: Int
    private let seconds: Int
    private let nanoseconds: Int

    init(of file: SharedFD) {
        var status = stat()
        // fstat of an open regular file fails only for a size that the type can't hold.
        precondition(fstat(file.rawValue, &status) == 0, "fstat: \(SystemError.last("fstat").reason)")
        size = Int(status.st_size)
        seconds = status.st_mtim.tv_sec
        nanoseconds = status.st_mtim.tv_nsec
    }
}

/// The waits between looks at a file that someone still writes to: 1 s, doubled up to 60 s.
struct CompressionBackOff {
    private var wait = Interval.seconds(1)

    mutating func next() -> Interval {
        defer { wait = min(Interval(nanoseconds: wait.nanoseconds * 2), .seconds(60)) }
        return wait
    }
}
