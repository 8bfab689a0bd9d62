import CZlib
import Glibc

/// zlib as it is, byte by byte, so that it has nothing but its window to copy from.
final class ReferenceInflater {
    private var stream = z_stream()

    init(windowBits: UInt8) {
        let size = Int32(MemoryLayout<z_stream>.size)
        precondition(inflateInit2_(&stream, -Int32(windowBits), zlibVersion(), size) == Z_OK)
    }

    deinit { inflateEnd(&stream) }

    func message(_ payload: [UInt8]) -> [UInt8]? {
        var input = payload + [0x00, 0x00, 0xff, 0xff]
        var bytes: [UInt8] = []
        return input.withUnsafeMutableBufferPointer { input in
            stream.next_in = input.baseAddress
            stream.avail_in = UInt32(input.count)
            while true {
                var byte: UInt8 = 0
                let result = withUnsafeMutablePointer(to: &byte) { byte in
                    stream.next_out = byte
                    stream.avail_out = 1
                    return inflate(&stream, Z_SYNC_FLUSH)
                }
                guard stream.avail_out == 0 else { return stream.avail_in == 0 ? bytes : nil }
                guard result == Z_OK else { return nil }
                bytes.append(byte)
            }
        }
    }
}

/// What zlib makes of a message by itself, as a payload.
func referencePayload(_ message: [UInt8], level: Int32) -> [UInt8] {
    var stream = z_stream()
    let size = Int32(MemoryLayout<z_stream>.size)
    precondition(deflateInit2_(&stream, level, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY, zlibVersion(), size) == Z_OK)
    defer { deflateEnd(&stream) }
    var input = message
    var output = [UInt8](repeating: 0, count: message.count * 2 + 1000)
    let room = output.count
    input.withUnsafeMutableBufferPointer { input in
        output.withUnsafeMutableBufferPointer { output in
            stream.next_in = input.baseAddress
            stream.avail_in = UInt32(input.count)
            stream.next_out = output.baseAddress
            stream.avail_out = UInt32(output.count)
            precondition(deflate(&stream, Z_SYNC_FLUSH) == Z_OK && stream.avail_out > 0)
        }
    }
    return Array(output[..<(room - Int(stream.avail_out) - 4)])
}

/// Address space of zeros, of which only what is touched takes memory.
final class Reservation {
    let start: UnsafeMutablePointer<UInt8>
    private let byteCount: Int

    init(byteCount: Int) {
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        guard let space = mmap(nil, byteCount, PROT_READ | PROT_WRITE, flags, -1, 0), space != MAP_FAILED else {
            fatalError("no address space")
        }
        start = space.bindMemory(to: UInt8.self, capacity: byteCount)
        self.byteCount = byteCount
    }

    deinit { munmap(start, byteCount) }
}
