package import ProcCore
package import ProcIO

/// Makes captures, and owns what they share.
package final class CaptureFactory {
    /// An unprivileged user's pipes may take 64 MiB together (pipe-user-pages-soft); beyond that new ones are
    /// two pages small. So few get a big one at a time, and only when they have shown that they fill a small one.
    static let largePipe = 1 << 20
    private static let mostLargePipes = 32

    /// The same trouble isn't reported again for this long: a full disk stops many captures at once.
    private static let silence = Interval.seconds(600)

    package let settings: CaptureSettings
    package let budget: MemoryBudget
    let loop: EventLoop
    /// Writes to files, which may be slow, for captures that have left memory.
    let spill: Worker
    let compression: CompressionQueue
    let discards: Discards
    /// For reading on the loop.
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: PipeDrain.bufferSize, alignment: 4096)
    let warn: (String) -> Void
    private var largePipes = 0
    private var noRoomNoted: Instant?
    private var hasNotedCompression = false

    /// - Parameters:
    ///   - worker: Compresses, among other things.
    ///   - warn: Told, sparingly, of trouble that people should know of.
    package init(
        loop: EventLoop, worker: Worker, settings: CaptureSettings, warn: @escaping (String) -> Void
    ) throws(SystemError) {
        self.loop = loop
        self.settings = settings
        self.warn = warn
        budget = MemoryBudget(total: settings.memoryTotal)
        spill = try Worker(loop: loop, name: "spill")
        compression = CompressionQueue(worker: worker)
        discards = Discards(loop: loop, worker: spill)
    }

    deinit { scratch.deallocate() }

    /// A capture that nobody writes to yet.
    ///
    /// - Parameters:
    ///   - label: Whose output it is, such as `build/stdout`, for warnings and for `/proc/PID/fd`.
    ///   - holder: Holds what the capture has, so that it can be restored; nil: it ends with this program.
    package func make(
        _ parameters: CaptureParameters, label: String, holder: (any CaptureHolder)?
    ) throws(SystemError) -> any OutputCapture {
        let files = UnnamedFile(directory: settings.directory, label: label)
        if parameters.isInOwnFile { return try FileCapture(self, files: files, holder: holder) }
        return try PipeCapture(self, parameters, files: files, holder: holder)
    }

    /// A capture that a program before this one has made, as it was when that ended.
    ///
    /// Where something is missing, it is one that has failed.
    ///
    /// - Parameters:
    ///   - parameters: Those that it was made with; so is `label`.
    ///   - held: What `holder` has held, by slot.
    ///   - record: What it has had put on record last.
    ///   - holder: Nil: from now on it ends with this program.
    package func restore(
        _ parameters: CaptureParameters, label: String, held: [UInt8: SharedFD], record: CaptureRecord?,
        holder: (any CaptureHolder)?
    ) -> any OutputCapture {
        let files = UnnamedFile(directory: settings.directory, label: label)
        let slots = HeldFiles(holder, held)
        if parameters.isInOwnFile { return FileCapture(self, files: files, restoring: slots, record: record) }
        return PipeCapture(self, parameters, files: files, restoring: slots, record: record)
    }

    /// The size to give to a pipe that was found full; nil when enough have it.
    func takeLargePipe() -> Int? {
        guard largePipes < Self.mostLargePipes else { return nil }
        largePipes += 1
        return Self.largePipe
    }

    func giveLargePipe() { largePipes -= 1 }

    func noteNoRoom(_ error: SystemError, for files: UnnamedFile) {
        let now = loop.now
        if let noRoomNoted, now < noRoomNoted + Self.silence { return }
        noRoomNoted = now
        warn("capture \(files.label): \(error); trying again every second, the process waits")
    }

    /// The file that compression has made; nil where the capture is to stay as it is.
    func result(of progress: GzipWriter.Progress, in files: UnnamedFile) -> GzipFile? {
        switch progress {
        case .done(let file):
            return file
        case .failed(let error):
            if !hasNotedCompression { warn("compress capture \(files.label): \(error)") }
            hasNotedCompression = true
            return nil
        case .more, .notWorthIt:
            return nil
        }
    }
}
