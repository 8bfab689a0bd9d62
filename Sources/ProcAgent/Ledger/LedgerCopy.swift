internal import CLinux
internal import Glibc
package import ProcCore
package import ProcIO

/// A copy of a ledger on disk, which lags a little: for when the keeper is gone as well.
///
/// All that touches the disk is done on the worker. Nothing waits for the disk to have taken it, so after a power
/// failure some of the last half minute may be missing.
package final class LedgerCopy {
    /// Between the starts of two jobs.
    private static let distance = Interval.milliseconds(100)
    /// After trouble.
    var patience = Interval.seconds(5)

    private let ledger: Ledger
    private let loop: EventLoop
    private let worker: Worker
    private let warn: (String) -> Void
    private let copy: CopyOnDisk
    private var isDue = false
    private var isFinished = false
    private var isTroubled = false
    private var notBefore: Instant

    /// - Parameters:
    ///   - path: Is replaced, if it is there, with the first job.
    ///   - worker: For the ledger alone: a slow disk holds up whatever else it has to do.
    ///   - warn: Told of trouble, once until that is over; it is tried again all the time.
    package init(
        of ledger: Ledger, at path: String, loop: EventLoop, worker: Worker, warn: @escaping (String) -> Void
    ) {
        self.ledger = ledger
        self.loop = loop
        self.worker = worker
        self.warn = warn
        copy = CopyOnDisk(path: path)
        notBefore = loop.now
    }

    /// What the copy at `path` says; nil when there is none.
    package static func read(_ path: String) throws(Ledger.Failure) -> LedgerReading? {
        let result = clinux_open(clinux_at_cwd, path, O_RDONLY | O_NONBLOCK, 0)
        guard result != -ENOENT else { return nil }
        guard result >= 0 else { throw .system(SystemError("open", on: path, errno: -result)) }
        return try Ledger.read(SharedFD(OwnedFD(adopting: result)), name: path)
    }

    /// Something was appended, or another file has taken the ledger's place.
    package func noteGrowth() {
        guard !isDue, !isFinished else { return }
        isDue = true
        loop.at(notBefore) { [weak self] in self?.advance() }
    }

    private func advance() {
        guard !isFinished else { return }
        notBefore = loop.now + Self.distance
        let copy = copy
        let source = ledger.current
        worker.run {
            copy.update(from: source)
        } then: { [weak self] trouble in
            self?.finishJob(source, trouble)
        }
    }

    private func finishJob(_ source: LedgerFile, _ trouble: SystemError?) {
        isDue = false
        if let trouble {
            notBefore = loop.now + patience
            if !isTroubled { warn("can't keep a copy of the ledger on disk, and try again: \(trouble)") }
        }
        isTroubled = trouble != nil
        if isTroubled || ledger.current.file !== source.file || ledger.count > source.count { noteGrowth() }
    }

    /// Ends it: the copy is brought up to date, or removed where nothing is left that it could tell of. The process can
    /// end when `then` has been called; on a disk that hangs it never is.
    package func finish(remove: Bool, then: @escaping () -> Void = {}) {
        isFinished = true
        let copy = copy
        let source = ledger.current
        worker.run {
            remove ? copy.remove() : copy.update(from: source)
        } then: { [self] trouble in
            if let trouble, !isTroubled { warn("the last copy of the ledger on disk: \(trouble)") }
            then()
        }
    }
}

/// The worker's side of it.
private final class CopyOnDisk: Sendable {
    private struct Progress {
        /// What is copied, and how far. The file is held so that nothing else can be mistaken for it.
        let source: SharedFD
        var target: LedgerFile
    }

    private let path: String
    // Jobs come one after the other, so it is never waited for.
    private let progress = Guarded<Progress?>(nil)

    init(path: String) { self.path = path }

    /// Copies what is missing, or everything into a new file when the ledger's is another. Returns what went wrong.
    func update(from source: LedgerFile) -> SystemError? {
        progress.withLock { progress in
            do throws(SystemError) {
                if var current = progress, current.source === source.file {
                    // Some of it may have been copied before something went wrong.
                    defer { progress = current }
                    try current.target.append(current.target.count..<source.count, of: source)
                } else {
                    progress = Progress(source: source.file, target: try makeNew(of: source))
                }
                return nil
            } catch {
                return error
            }
        }
    }

    /// Until it is complete, the former one stays where it is.
    private func makeNew(of source: LedgerFile) throws(SystemError) -> LedgerFile {
        let temporary = path + ".new"
        // What an agent has left that was killed here.
        unlink(temporary)
        let result = clinux_open(clinux_at_cwd, temporary, O_WRONLY | O_CREAT | O_EXCL, 0o600)
        var target = LedgerFile(SharedFD(try OwnedFD(result: result, "create", on: temporary)), name: path)
        do throws(SystemError) {
            try target.append(0..<source.count, of: source)
            // Lest the name reach the disk before what it names.
            guard fdatasync(target.file.rawValue) == 0 else { throw SystemError.last("fdatasync", on: temporary) }
            guard rename(temporary, path) == 0 else { throw SystemError.last("rename \(temporary) to", on: path) }
        } catch {
            unlink(temporary)
            throw error
        }
        return target
    }

    func remove() -> SystemError? {
        progress.withLock { $0 = nil }
        guard unlink(path) != 0 else { return nil }
        let error = SystemError.last("unlink", on: path)
        return error.errno == ENOENT ? nil : error
    }
}
