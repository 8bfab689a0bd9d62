internal import CLinux
internal import Glibc
internal import ProcCore

/// Bytes of a file on their way out, by sendfile(2) or as pieces, and read from a disk by nobody but a worker: so a slow
/// one holds up this file's reader, and nobody else.
final class FileOutput {
    /// What is looked at, read or sent at a time: large beside what it costs to ask.
    private static let stride: UInt64 = 256 << 10
    /// How many pieces are read before they are wanted.
    private static let ahead = 2

    private let file: SharedFD
    private let worker: Worker
    /// Of what isn't sent, or for pieces, what isn't asked for.
    private var offset: UInt64
    private var left: UInt64
    /// Up to where the file was found in memory.
    private var cachedUntil: UInt64 = 0
    /// Whether it waits for a disk.
    private(set) var isReading = false
    private var pieces: [[UInt8]] = []
    private var failure: SystemError?
    /// Called when there is something after there was nothing.
    var resumed: () -> Void = {}

    init(_ file: SharedFD, offset: UInt64, count: UInt64, worker: Worker) {
        self.file = file
        self.worker = worker
        self.offset = offset
        left = count
    }

    /// Whether all is sent, or handed out.
    var isDone: Bool { left == 0 && pieces.isEmpty && !isReading }

    // MARK: By sendfile

    /// What to send now; nil while it is being read into memory.
    func slice() -> FileSlice? {
        guard left > 0, !isReading else { return nil }
        if offset >= cachedUntil {
            let count = min(left, Self.stride)
            // Memory is filled from the front, so that where both ends are there, so is all else, but for a rare page.
            guard isCached(offset), isCached(offset + count - 1) else {
                readIntoMemory(count)
                return nil
            }
            cachedUntil = offset + count
        }
        return FileSlice(descriptor: file.rawValue, offset: offset, count: Int(min(left, cachedUntil - offset)))
    }

    func sent(_ count: Int) {
        offset += UInt64(count)
        left -= UInt64(count)
    }

    private func isCached(_ offset: UInt64) -> Bool { clinux_is_in_memory(file.rawValue, Int64(offset)) }

    private func readIntoMemory(_ count: UInt64) {
        isReading = true
        let (file, offset) = (file, offset)
        worker.run {
            withUnsafeTemporaryAllocation(byteCount: Int(count), alignment: 16) { room in
                // What comes to nothing will do so again, for sendfile, which tells.
                _ = pread(file.rawValue, room.baseAddress, room.count, Int(offset))
            }
        } then: { [weak self] (_: Void) in
            guard let self else { return }
            isReading = false
            cachedUntil = offset + count
            resumed()
        }
    }

    // MARK: As pieces

    /// The next bytes; nil while they are being read.
    func piece() throws(SystemError) -> [UInt8]? {
        if let failure { throw failure }
        defer { readAhead() }
        guard !pieces.isEmpty else { return nil }
        return pieces.removeFirst()
    }

    private func readAhead() {
        guard !isReading, failure == nil, left > 0, pieces.count < Self.ahead else { return }
        isReading = true
        let (file, offset) = (file, offset)
        let count = Int(min(left, Self.stride))
        sent(count)
        worker.run {
            Self.read(file, offset, count)
        } then: { [weak self] result in
            guard let self else { return }
            isReading = false
            let wasAwaited = pieces.isEmpty
            switch result {
            case .success(let piece): pieces.append(piece)
            case .failure(let failure): self.failure = failure
            }
            if wasAwaited { resumed() } else { readAhead() }
        }
    }

    private static func read(_ file: SharedFD, _ offset: UInt64, _ count: Int) -> Result<[UInt8], SystemError> {
        var problem: CInt = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { room, filled in
            while filled < count {
                let result = pread(
                    file.rawValue, room.baseAddress.map { $0 + filled }, count - filled, Int(offset) + filled)
                if result < 0, errno == EINTR { continue }
                guard result > 0 else {
                    // It has become shorter.
                    problem = result < 0 ? errno : ENODATA
                    return
                }
                filled += result
            }
        }
        return problem == 0 ? .success(bytes) : .failure(SystemError("read a file to be sent", errno: problem))
    }
}
