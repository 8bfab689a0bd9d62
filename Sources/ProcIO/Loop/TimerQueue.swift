package import ProcCore

/// Actions by the time they are due: a binary heap in which a cancelled entry
/// stays until it comes up, or until cancelled ones are the majority.
package struct TimerQueue {
    /// Names one timer.
    package struct ID: Hashable, Sendable {
        fileprivate let number: UInt64
    }

    private struct Entry {
        let instant: Instant
        let number: UInt64

        /// Earlier first; of two at the same instant, the one that was added first.
        func precedes(_ other: Entry) -> Bool {
            instant == other.instant ? number < other.number : instant < other.instant
        }
    }

    private var heap: [Entry] = []
    private var actions: [UInt64: () -> Void] = [:]
    private var lastNumber: UInt64 = 0

    package init() {}

    /// How many wait.
    package var count: Int { actions.count }

    /// When the next one is due.
    package var next: Instant? {
        mutating get {
            while let first = heap.first, actions[first.number] == nil { removeFirst() }
            return heap.first?.instant
        }
    }

    package mutating func add(at instant: Instant, _ action: @escaping () -> Void) -> ID {
        lastNumber += 1
        actions[lastNumber] = action
        heap.append(Entry(instant: instant, number: lastNumber))
        siftUp(heap.count - 1)
        return ID(number: lastNumber)
    }

    package mutating func cancel(_ id: ID) {
        guard actions.removeValue(forKey: id.number) != nil else { return }
        if heap.count > 64, heap.count > 2 * actions.count { dropCancelled() }
    }

    /// Takes out the earliest that is due. One at a time: each may cancel those that come after it.
    package mutating func takeDue(at now: Instant) -> (() -> Void)? {
        while let first = heap.first, first.instant <= now {
            removeFirst()
            if let action = actions.removeValue(forKey: first.number) { return action }
        }
        return nil
    }

    private mutating func dropCancelled() {
        heap = heap.filter { actions[$0.number] != nil }.sorted { $0.precedes($1) }
    }

    private mutating func removeFirst() {
        let last = heap.removeLast()
        guard !heap.isEmpty else { return }
        heap[0] = last
        var parent = 0
        while true {
            let left = 2 * parent + 1
            guard left < heap.count else { return }
            let right = left + 1
            let child = right < heap.count && heap[right].precedes(heap[left]) ? right : left
            guard heap[child].precedes(heap[parent]) else { return }
            heap.swapAt(parent, child)
            parent = child
        }
    }

    private mutating func siftUp(_ start: Int) {
        var child = start
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child].precedes(heap[parent]) else { return }
            heap.swapAt(parent, child)
            child = parent
        }
    }
}
