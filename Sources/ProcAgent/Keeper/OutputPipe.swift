internal import CLinux
internal import Glibc
internal import ProcCore
internal import ProcIO

/// What a program of our own says, read without waiting, as far as anybody would want to read it.
final class OutputPipe {
    private static let limit = 16 << 10

    private let reader: SharedFD
    private var writer: SharedFD?
    private var bytes: [UInt8] = []
    private(set) var hasEnded = false

    var descriptor: CInt { reader.rawValue }
    var text: String { String(decoding: bytes, as: UTF8.self) }

    init() throws(SystemError) {
        var ends: (reader: CInt, writer: CInt) = (-1, -1)
        let result = clinux_pipe(&ends.reader, &ends.writer)
        guard result == 0 else { throw SystemError("pipe", errno: -result) }
        reader = SharedFD(OwnedFD(adopting: ends.reader))
        writer = SharedFD(OwnedFD(adopting: ends.writer))
        _ = clinux_set_nonblocking(reader.rawValue)
    }

    /// The end for the program. As long as anybody has it, ``hasEnded`` stays false.
    func takeWriter() -> SharedFD {
        defer { writer = nil }
        guard let writer else { preconditionFailure("the writing end is taken twice") }
        return writer
    }

    /// Takes what is there, at most what a pipe holds.
    func readAll() {
        withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 1) { block in
            let count = read(descriptor, block.baseAddress, block.count)
            guard count >= 0 else { return }
            hasEnded = count == 0
            bytes.append(contentsOf: block[..<min(count, Self.limit - bytes.count)])
        }
    }
}
