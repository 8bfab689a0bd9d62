internal import ProcCore

/// Accepted processes that wait for their turn to be started, in order.
struct StartQueue {
    struct Order {
        let entry: ProcessEntry
        let process: StartRequest.Entry
        /// Of the process in its request.
        let index: Int
        let pipes: RequestPipes
    }

    private var orders: [Order?] = []
    private var first = 0
    /// Whether the loop will come back to it.
    var isScheduled = false
    /// To be called once, when all orders before it have been taken.
    var whenEmpty: [() -> Void] = []

    var isEmpty: Bool { first == orders.count }

    mutating func takeCallbacks() -> [() -> Void] {
        defer { whenEmpty = [] }
        return whenEmpty
    }

    mutating func add(_ order: Order) { orders.append(order) }

    mutating func next() -> Order? {
        guard first < orders.count else { return nil }
        let order = orders[first]
        // Specs are large and no longer needed once they have been carried out.
        orders[first] = nil
        first += 1
        if isEmpty {
            orders = []
            first = 0
        }
        return order
    }
}

extension ProcessSpec {
    /// How many descriptors a process of this spec may hold at once: its pidfd, its directory, and what its fds
    /// come from.
    var descriptorsNeeded: Int {
        fds.reduce(2) { count, entry in
            switch entry.spec {
            case .inherit, .close, .dup: count
            case .null, .file: count + 1
            case .pipeWrite, .pipeRead: count + 2
            case .capture(let capture): count + capture.descriptorsNeeded
            }
        }
    }

    /// How many of them stay when it has ended, until it is deleted.
    var descriptorsKept: Int {
        fds.reduce(0) { count, entry in
            if case .capture(let capture) = entry.spec { count + capture.descriptorsNeeded } else { count }
        }
    }
}

extension CaptureSpec {
    /// What one capture holds open at most: what is read from, and what is kept in (memory, and a file beyond it).
    fileprivate var descriptorsNeeded: Int {
        switch limit?.keep {
        case nil: mode == .tempfile ? 2 : 3
        case .head: 3
        // The tail is kept twice over, so that what was shown once stays true.
        case .tail, .both: 7
        }
    }
}
