internal import CLinux
internal import ProcCore
internal import ProcIO

/// Captures in an unlinked file that the process itself appends to.
final class FileCapture: OutputCapture {
    private enum Content {
        case plain(SharedFD)
        case compressed(GzipFile)
        case closed

        var file: SharedFD? {
            switch self {
            case .plain(let file): file
            case .compressed(let file): file.file
            case .closed: nil
            }
        }
    }

    private let factory: CaptureFactory
    private let files: UnnamedFile
    private var content: Content
    private var held: HeldFiles?
    /// Until somebody lets go of the file.
    private var backOff = CompressionBackOff()
    private var retry: EventLoop.TimerID?

    private(set) var childEnd: SharedFD?
    private(set) var failure: String?
    let cut: UInt64 = 0
    let holdsBytesInMemory = false
    /// Never called: there is no limit.
    var onLimit: (() -> Void)?
    /// Never called: the process writes to the file by itself.
    var onGrowth: (() -> Void)?

    init(_ factory: CaptureFactory, files: UnnamedFile, holder: (any CaptureHolder)?) throws(SystemError) {
        self.factory = factory
        self.files = files
        let (writer, reader) = try files.createForChild()
        childEnd = writer
        content = .plain(reader)
        held = holder.map { HeldFiles($0, [HeldFiles.first: reader]) }
    }

    init(_ factory: CaptureFactory, files: UnnamedFile, restoring held: HeldFiles, record: CaptureRecord?) {
        self.factory = factory
        self.files = files
        self.held = held
        do throws(RestoreFailure) {
            switch record {
            case .compressed(let record)?:
                content = .compressed(try GzipFile(record, held: held.files))
            case .failed(let reason)?:
                content = .closed
                failure = reason
            case nil:
                guard let reader = held.files[HeldFiles.first] else { throw .missing("its file") }
                content = .plain(reader)
            }
        } catch {
            content = .closed
            fail(error)
        }
        held.keepOnly(content.file.map { [$0] } ?? [])
    }

    private func fail(_ failure: RestoreFailure) {
        factory.warn("capture \(files.label): \(failure)")
        self.failure = "\(failure)"
        held?.record(.failed("\(failure)"))
    }

    var heldAtStart: [(slot: UInt8, file: SharedFD)] { childEnd == nil ? [] : held?.atStart ?? [] }

    func begin() { childEnd = nil }

    func abandon() {
        childEnd = nil
        held = nil
    }

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
            guard isUnchanged(file, since: before) else { return tryLater() }
            guard let compressed = factory.result(of: progress, in: files) else { return }
            guard let held else { return adopt(compressed, insteadOf: file) }
            held.hold(compressed.file) { [weak self] slot in self?.replace(before, by: compressed, in: slot) }
        }
    }

    /// A descendant that has the file open for reading can open it anew for writing, through /dev/stdout.
    private func isUnchanged(_ file: SharedFD, since before: FileState) -> Bool {
        FileState(of: file) == before && clinux_has_no_writer(file.rawValue) == 1
    }

    /// The compressed file is held in `slot`.
    private func replace(_ before: FileState, by compressed: GzipFile, in slot: UInt8) {
        guard case .plain(let file) = content else { return }
        guard isUnchanged(file, since: before) else {
            held?.keepOnly([file])
            return tryLater()
        }
        held?.record(compressed.record(in: slot, total: UInt64(compressed.plainCount), cut: 0))
        held?.keepOnly([compressed.file])
        adopt(compressed, insteadOf: file)
    }

    private func adopt(_ compressed: GzipFile, insteadOf file: SharedFD) {
        factory.discards.add(file)
        content = .compressed(compressed)
    }

    func close() {
        if let retry { factory.loop.cancel(retry) }
        onLimit = nil
        onGrowth = nil
        childEnd = nil
        held = nil
        if let file = content.file { factory.discards.add(file) }
        content = .closed
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
