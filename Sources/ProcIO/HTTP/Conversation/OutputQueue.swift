/// What is to be sent, in order: small pieces copied together, so that they leave in one call; large ones as they are,
/// until their turn comes.
struct OutputQueue: ~Copyable {
    /// From this size on a piece waits as it is.
    private static let largeSize = 16 << 10
    /// How much of a large piece is made ready at a time.
    private static let stride = 64 << 10

    private var front = ByteQueue()
    /// Those before ``next`` are used up, and empty.
    private var later: [[UInt8]] = []
    private var next = 0
    /// Of the first of them.
    private var offset = 0
    private var laterCount = 0

    /// All that waits.
    var count: Int { front.count + laterCount }

    /// What can be sent now, lent until the queue is touched.
    var bytes: UnsafeBufferPointer<UInt8> { front.bytes }

    /// Where what is small goes.
    mutating func write(_ body: (inout ByteQueue) -> Void) {
        if laterCount == 0 { return body(&front) }
        var bytes = ByteQueue()
        body(&bytes)
        wait(Array(bytes.bytes))
    }

    mutating func append(_ bytes: [UInt8]) {
        if bytes.count < Self.largeSize, laterCount == 0 { front.append(bytes) } else { wait(bytes) }
        refill()
    }

    private mutating func wait(_ bytes: [UInt8]) {
        guard !bytes.isEmpty else { return }
        later.append(bytes)
        laterCount += bytes.count
    }

    /// So much of ``bytes`` has been sent.
    mutating func sent(_ size: Int) {
        front.removeFirst(size)
        refill()
    }

    private mutating func refill() {
        guard laterCount > 0, front.isEmpty else { return }
        while front.count < Self.stride, next < later.count {
            let size = min(later[next].count - offset, Self.stride - front.count)
            later[next].withUnsafeBufferPointer { bytes in
                front.append(UnsafeBufferPointer(rebasing: bytes[offset..<(offset + size)]))
            }
            offset += size
            laterCount -= size
            guard offset == later[next].count else { break }
            later[next] = []
            next += 1
            offset = 0
        }
        guard next == later.count || next >= 1024 else { return }
        later.removeFirst(next)
        next = 0
    }
}
