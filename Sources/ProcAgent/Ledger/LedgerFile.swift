internal import CLinux
internal import Glibc
internal import ProcCore
internal import ProcIO

/// A file that is only ever appended to, in memory or on disk.
struct LedgerFile: Sendable {
    /// How much is copied at a time.
    private static let block = 1 << 20

    let file: SharedFD
    /// What error messages call it.
    private let name: String
    /// Bytes that count. What may lie behind them is the rest of a write that failed.
    private(set) var count: Int

    /// - Parameter count: How much of what is there counts.
    init(_ file: SharedFD, name: String, count: Int = 0) {
        self.file = file
        self.name = name
        self.count = count
    }

    /// One in memory that holds `bytes`.
    static func inMemory(_ bytes: [UInt8]) throws(SystemError) -> LedgerFile {
        let file = SharedFD(try OwnedFD(result: clinux_memfd("procstar:ledger"), "memfd_create").settled())
        var ledger = LedgerFile(file, name: Ledger.name)
        try ledger.append(bytes)
        return ledger
    }

    /// Appends all of `bytes`, or nothing.
    mutating func append(_ bytes: [UInt8]) throws(SystemError) {
        var written = 0
        while written < bytes.count {
            let result = bytes.withUnsafeBytes { bytes in
                pwrite(file.rawValue, bytes.baseAddress.map { $0 + written }, bytes.count - written, count + written)
            }
            guard result >= 0 else {
                let error = SystemError.last("write", on: name)
                if error.errno == EINTR { continue }
                cut(to: count)
                throw error
            }
            written += result
        }
        count += written
    }

    /// Appends a part of another file.
    mutating func append(_ range: Range<Int>, of other: LedgerFile) throws(SystemError) {
        var start = range.lowerBound
        while start < range.upperBound {
            let end = min(start + Self.block, range.upperBound)
            try append(try other.read(start..<end))
            start = end
        }
    }

    /// Takes back what lies beyond `count`. Where that fails it does no harm: it is written over, and a reader stops
    /// where a record isn't whole.
    mutating func cut(to count: Int) {
        self.count = count
        _ = ftruncate(file.rawValue, off_t(count))
    }

    func read(_ range: Range<Int>) throws(SystemError) -> [UInt8] {
        // The one empty array must not be written to; see CaptureReader.
        guard !range.isEmpty else { return [] }
        var failure: SystemError?
        let bytes = [UInt8](unsafeUninitializedCapacity: range.count) { buffer, filled in
            while filled < range.count {
                let rest = UnsafeMutableBufferPointer(rebasing: buffer[filled...])
                let result = pread(file.rawValue, rest.baseAddress, rest.count, range.lowerBound + filled)
                guard result > 0 else {
                    // Its end is an error, too: nobody takes away what counts.
                    failure = result < 0 ? .last("read", on: name) : SystemError("read", on: name, errno: ENODATA)
                    if failure?.errno == EINTR { continue }
                    return
                }
                failure = nil
                filled += result
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// All that lies in a file, to the end that it has now.
    static func contents(of file: SharedFD, name: String) throws(SystemError) -> [UInt8] {
        var status = stat()
        guard fstat(file.rawValue, &status) == 0 else { throw SystemError.last("fstat", on: name) }
        return try LedgerFile(file, name: name).read(0..<Int(status.st_size))
    }
}
