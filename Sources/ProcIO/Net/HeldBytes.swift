internal import Glibc

/// Bytes that wait to be written, at one place in memory until they are, and wiped then: a token may be among them.
final class HeldBytes {
    private let memory: UnsafeMutableBufferPointer<UInt8>
    private var offset = 0
    private var end = 0

    /// - Parameter fill: Writes the bytes to the front of the memory that it gets, and says how many.
    init<Failure>(capacity: Int, _ fill: (UnsafeMutableBufferPointer<UInt8>) throws(Failure) -> Int) throws(Failure) {
        memory = .allocate(capacity: capacity)
        memory.initialize(repeating: 0)
        end = try fill(memory)
    }

    deinit {
        memory.wipe()
        memory.deallocate()
    }

    /// What hasn't been written; lent as long as this lives.
    var rest: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(rebasing: memory[offset..<end]) }

    var isUsedUp: Bool { offset == end }

    func used(_ count: Int) { offset += count }
}

extension UnsafeMutableBufferPointer where Element: BitwiseCopyable {
    /// Zeroes what was secret, also where the optimizer sees that nobody reads it any more.
    func wipe() {
        if let baseAddress { explicit_bzero(baseAddress, count * MemoryLayout<Element>.stride) }
    }
}
