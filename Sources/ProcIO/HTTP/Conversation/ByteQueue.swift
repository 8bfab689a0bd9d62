internal import Glibc

/// Bytes on their way through: added at the end, taken from the front, and in one piece at any time.
struct ByteQueue: ~Copyable {
    /// What is kept when it is empty; an idle connection shouldn't hold more than a usual request.
    private static let keptCapacity = 1024

    private var memory: UnsafeMutablePointer<UInt8>?
    private var capacity = 0
    private var start = 0
    private var end = 0

    deinit { memory?.deallocate() }

    var count: Int { end - start }
    var isEmpty: Bool { start == end }

    /// All of them, lent until the queue is touched.
    var bytes: UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: memory.map { UnsafePointer($0 + start) }, count: count)
    }

    mutating func removeFirst(_ size: Int) {
        precondition(size <= count, "more is taken from a queue than is in it")
        start += size
        if start == end { removeAll() }
    }

    mutating func removeLast(_ size: Int) {
        precondition(size <= count, "more is taken from a queue than is in it")
        end -= size
    }

    mutating func removeAll() {
        start = 0
        end = 0
        guard capacity > Self.keptCapacity else { return }
        memory?.deallocate()
        memory = nil
        capacity = 0
    }

    mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard let source = bytes.baseAddress, !bytes.isEmpty else { return }
        room(for: bytes.count).update(from: source, count: bytes.count)
        end += bytes.count
    }

    mutating func append(_ text: StaticString) {
        append(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { append($0) }
    }

    mutating func append(_ bytes: [UInt8]) { bytes.withUnsafeBufferPointer { append($0) } }

    /// - Parameter radix: At most 16; digits are in lower case.
    mutating func append(_ number: UInt64, radix: UInt64 = 10) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
            var at = digits.count
            var rest = number
            repeat {
                at -= 1
                let digit = UInt8(rest % radix)
                digits[at] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
                rest /= radix
            } while rest > 0
            append(UnsafeBufferPointer(rebasing: digits[at...]))
        }
    }

    private mutating func room(for size: Int) -> UnsafeMutablePointer<UInt8> {
        if let memory, capacity - end >= size { return memory + end }
        let used = count
        let needed = used + size
        // Moved to the front where that leaves as much room as there are bytes, so that each is moved a few times only.
        if let memory, capacity >= 2 * needed {
            memmove(memory, memory + start, used)
        } else {
            var larger = max(capacity, 512)
            while larger < needed { larger *= 2 }
            let moved = UnsafeMutablePointer<UInt8>.allocate(capacity: larger)
            if let memory { moved.update(from: memory + start, count: used) }
            memory?.deallocate()
            memory = moved
            capacity = larger
        }
        (start, end) = (0, used)
        guard let memory else { preconditionFailure("a queue without memory") }
        return memory + end
    }
}
