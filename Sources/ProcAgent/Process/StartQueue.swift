internal import ProcCore

/// Accepted processes that wait for their turn to be started, in order.
struct StartQueue {
    struct Member {
        let entry: ProcessEntry
        let process: StartRequest.Entry
    }

    /// Those of one request.
    struct Batch {
        private var members: [Member?]
        private let pipes: RequestPipes
        private var first = 0

        /// - Parameter pipes: Those between the members, who are named by their index.
        init(_ members: [Member], pipes: RequestPipes) {
            self.members = members
            self.pipes = pipes
        }

        mutating func next() -> Order? {
            guard first < members.count, let member = members[first] else { return nil }
            // Specs are large and no longer needed once they have been carried out.
            members[first] = nil
            defer { first += 1 }
            return Order(entry: member.entry, process: member.process, index: first, pipes: pipes)
        }
    }

    struct Order {
        let entry: ProcessEntry
        let process: StartRequest.Entry
        /// Of the process in its request.
        let index: Int
        let pipes: RequestPipes
    }

    private var batches: [Batch] = []
    private var upcoming: Order?
    /// Whether the loop will come back to it.
    var isScheduled = false
    /// To be called once, when all orders before it have been taken.
    var whenEmpty: [() -> Void] = []

    var isEmpty: Bool { upcoming == nil }

    mutating func takeCallbacks() -> [() -> Void] {
        defer { whenEmpty = [] }
        return whenEmpty
    }

    mutating func add(_ batch: Batch) {
        batches.append(batch)
        if upcoming == nil { advance() }
    }

    mutating func next() -> Order? {
        guard let order = upcoming else { return nil }
        advance()
        return order
    }

    private mutating func advance() {
        upcoming = nil
        while !batches.isEmpty {
            upcoming = batches[0].next()
            if upcoming != nil { return }
            batches.removeFirst()
        }
    }
}

extension ProcessSpec {
    /// How many descriptors a process of this spec may hold at once: its pidfd, its directory, and what its fds
    /// come from.
    var descriptorsNeeded: Int {
        fds.reduce(2) { count, entry in
            switch entry.spec {
            // Pipes are counted where they are made.
            case .inherit, .close, .dup, .pipeWrite, .pipeRead: count
            case .null, .file: count + 1
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
