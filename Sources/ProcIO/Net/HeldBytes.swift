/// Bytes that wait to be written, at one place in memory until they are, and wiped then: a token may be among them.
final class HeldBytes {
    private let bytes: UnsafeMutableBufferPointer<UInt8>
    private var offset = 0

    init(_ content: [UInt8]) {
        bytes = .allocate(capacity: content.count)
        _ = bytes.initialize(from: content)
    }

    deinit {
        bytes.update(repeating: 0)
        bytes.deallocate()
    }

    /// What hasn't been written; lent as long as this lives.
    var rest: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(rebasing: bytes[offset...]) }

    var isUsedUp: Bool { offset == bytes.count }

    func used(_ count: Int) { offset += count }
}
