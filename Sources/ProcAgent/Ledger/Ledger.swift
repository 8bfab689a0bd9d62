package import ProcCore
package import ProcIO

/// What an agent records of its processes, in memory that outlives it: the keeper holds it for the next agent.
///
/// Belongs to the loop. Only ever appended to, one write a record; when most of what it says has been overtaken, a
/// shorter one takes its place.
package final class Ledger {
    package enum Failure: Error, Equatable, CustomStringConvertible {
        case system(SystemError)
        case format(LedgerFormatError)
        /// It ends too early, though whoever wrote it is still there.
        case torn(LedgerReading.Flaw)

        package var description: String {
            switch self {
            case .system(let error): error.description
            case .format(let error): error.description
            case .torn(let flaw): flaw.description
            }
        }
    }

    /// What error messages call it.
    static let name = "the ledger"
    /// It may grow by this much, beyond twice what it had when it was last compacted, before it is compacted again.
    static let slack = 4 << 20
    /// How much the loop itself copies in a turn: a tenth of a millisecond.
    private static let shortCopy = 256 << 10

    /// Told when another file has taken the place of ``file``: the keeper is to have it, and once it has,
    /// ``replacementIsHeld()`` is to be called. Until then the former one is written to as well, so that whichever of
    /// them the next agent gets is complete.
    package var onReplaced: (SharedFD) -> Void = { _ in }

    private let header: LedgerHeader
    private let worker: Worker
    private let warn: (String) -> Void
    private(set) var current: LedgerFile
    private var former: LedgerFile?
    private var isCompacting = false
    private var threshold = Ledger.slack

    /// Makes a new one.
    ///
    /// - Parameters:
    ///   - worker: Compacts it; that may take a second where there are many thousands of processes.
    ///   - warn: Told why it could not be compacted. It is tried again when it has grown further.
    package convenience init(
        bootID: BootID?, worker: Worker, warn: @escaping (String) -> Void
    ) throws(SystemError) {
        try self.init([], bootID: bootID, worker: worker, warn: warn)
    }

    private init(
        _ records: [LedgerRecord], bootID: BootID?, worker: Worker, warn: @escaping (String) -> Void
    ) throws(SystemError) {
        header = LedgerHeader(bootID: bootID)
        current = try .inMemory(header.bytes + LedgerRecord.encoded(records))
        self.worker = worker
        self.warn = warn
    }

    private init(_ current: LedgerFile, _ header: LedgerHeader, worker: Worker, warn: @escaping (String) -> Void) {
        self.header = header
        self.current = current
        self.worker = worker
        self.warn = warn
    }

    /// Goes on with one that an earlier agent has written. A torn end is cut off.
    ///
    /// One of another format is written anew: then ``file`` isn't `file`, and the keeper is to have it.
    package static func open(
        _ file: SharedFD, worker: Worker, warn: @escaping (String) -> Void
    ) throws(Failure) -> (ledger: Ledger, reading: LedgerReading) {
        let reading = try read(file, name: name)
        do throws(SystemError) {
            guard reading.header.version == LedgerHeader.version else {
                let records = reading.image.records
                let ledger = try Ledger(records, bootID: reading.header.bootID, worker: worker, warn: warn)
                return (ledger, reading)
            }
            var current = LedgerFile(file, name: name, count: reading.intactCount)
            if reading.tear != nil { current.cut(to: reading.intactCount) }
            return (Ledger(current, reading.header, worker: worker, warn: warn), reading)
        } catch {
            throw .system(error)
        }
    }

    /// All that a file says that is a ledger.
    static func read(_ file: SharedFD, name: String) throws(Failure) -> LedgerReading {
        let bytes: [UInt8]
        do throws(SystemError) { bytes = try LedgerFile.contents(of: file, name: name) } catch { throw .system(error) }
        do throws(LedgerFormatError) { return try LedgerReading(bytes) } catch { throw .format(error) }
    }

    /// What the keeper is to hold.
    package var file: SharedFD { current.file }

    /// How many bytes it has.
    package var count: Int { current.count }

    // MARK: Writing

    package func append(_ record: LedgerRecord) throws(SystemError) {
        try append(framed: LedgerRecord.encoded([record]))
    }

    /// Appends what ``LedgerRecord/encoded(_:)`` gave: all of it, or, when this throws, nothing.
    package func append(framed bytes: [UInt8]) throws(SystemError) {
        let count = current.count
        try current.append(bytes)
        if var file = former {
            do throws(SystemError) {
                try file.append(bytes)
                former = file
            } catch {
                current.cut(to: count)
                throw error
            }
        }
        if current.count > threshold, former == nil, !isCompacting { compact() }
    }

    // MARK: Compacting

    /// The keeper holds ``file``: the former one isn't needed any more.
    package func replacementIsHeld() { former = nil }

    private func compact() {
        isCompacting = true
        let source = current
        let header = header
        worker.run {
            Result { () throws(Failure) in try source.compacted(header) }
        } then: { [weak self] result in
            self?.catchUp(result, from: source.count)
        }
    }

    /// Copies what was appended in the meantime, much of it on the worker, and exchanges the files.
    ///
    /// - Parameters:
    ///   - shorter: Says what the first `start` bytes of the current one say.
    private func catchUp(_ shorter: Result<LedgerFile, Failure>, from start: Int) {
        do throws(Failure) {
            var shorter = try shorter.get()
            let source = current
            let rest = start..<source.count
            guard rest.count > Self.shortCopy else {
                try shorter.take(rest, of: source)
                return replace(with: shorter)
            }
            worker.run { [shorter] in
                var shorter = shorter
                return Result { () throws(Failure) in
                    try shorter.take(rest, of: source)
                    return shorter
                }
            } then: { [weak self] result in
                self?.catchUp(result, from: rest.upperBound)
            }
        } catch {
            isCompacting = false
            threshold = current.count + Self.slack
            warn("can't compact the ledger, which has \(ByteCount(UInt64(count))): \(error)")
        }
    }

    private func replace(with shorter: LedgerFile) {
        isCompacting = false
        threshold = Self.slack + 2 * shorter.count
        former = current
        current = shorter
        onReplaced(shorter.file)
    }
}

extension LedgerFile {
    /// A shorter one that says the same.
    fileprivate func compacted(_ header: LedgerHeader) throws(Ledger.Failure) -> LedgerFile {
        let bytes: [UInt8]
        do throws(SystemError) { bytes = try read(0..<count) } catch { throw .system(error) }
        let reading: LedgerReading
        do throws(LedgerFormatError) { reading = try LedgerReading(bytes) } catch { throw .format(error) }
        if let tear = reading.tear { throw .torn(tear) }
        do throws(SystemError) {
            return try .inMemory(header.bytes + LedgerRecord.encoded(reading.image.records))
        } catch {
            throw .system(error)
        }
    }

    fileprivate mutating func take(_ range: Range<Int>, of other: LedgerFile) throws(Ledger.Failure) {
        do throws(SystemError) { try append(range, of: other) } catch { throw .system(error) }
    }
}
