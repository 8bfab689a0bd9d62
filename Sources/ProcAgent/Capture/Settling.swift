/// Somebody waits for all that a process has written before it ended.
struct Settling {
    enum Step {
        /// There is more in the pipe.
        case draining
        case settled
        /// First there must be a place for it.
        case waiting
    }

    let then: () -> Void
    /// How many bytes will have come in; nil until that is known.
    private var total: UInt64?

    init(then: @escaping () -> Void) { self.then = then }

    /// How many bytes are to be taken yet.
    func owed(_ drain: PipeDrain) -> Int { total.map { Int($0 - min($0, drain.kept.total)) } ?? 0 }

    /// What to do first, with the pipe at hand.
    mutating func begin(_ drain: PipeDrain) -> Step {
        if total == nil { total = drain.kept.total + UInt64(drain.waiting) }
        return owed(drain) > 0 ? .draining : .settled
    }

    /// What to do when draining has paused.
    mutating func goOn(_ drain: PipeDrain, after pause: PipeDrain.Pause, of bound: PipeDrain.Bound) -> Step {
        let step = begin(drain)
        switch (pause, bound) {
        case (.unheld, _), (.needsDisk, _): return .waiting
        case (.noRoom, .exactly) where owed(drain) > 0: return .waiting
        case (.bound, .exactly), (_, .turn): return step
        case (_, .exactly): return .settled
        }
    }
}
