/// The elements of arrays and maps that are still being read, innermost last.
///
/// All share one memory, so that each finished array is allocated once, at its
/// exact size, and its elements are moved there, not copied.
struct PendingElements<Element>: ~Copyable {
    private var memory: UnsafeMutablePointer<Element>
    private var capacity = 32
    private(set) var count = 0

    init() { memory = .allocate(capacity: capacity) }

    deinit {
        memory.deinitialize(count: count)
        memory.deallocate()
    }

    @inline(__always)
    mutating func append(_ element: consuming Element) {
        if count == capacity { grow() }
        (memory + count).initialize(to: element)
        count += 1
    }

    private mutating func grow() {
        let larger = UnsafeMutablePointer<Element>.allocate(capacity: capacity * 2)
        larger.moveInitialize(from: memory, count: count)
        memory.deallocate()
        memory = larger
        capacity *= 2
    }

    /// The elements from `start` on, lent until the next call.
    func elements(from start: Int) -> UnsafeBufferPointer<Element> {
        UnsafeBufferPointer(start: memory + start, count: count - start)
    }

    /// Takes the elements from `start` on away, as an array.
    @inline(__always)
    mutating func take(from start: Int) -> [Element] {
        var taken: [Element] = []
        taken.reserveCapacity(count - start)
        for place in start..<count { taken.append((memory + place).move()) }
        count = start
        return taken
    }
}
