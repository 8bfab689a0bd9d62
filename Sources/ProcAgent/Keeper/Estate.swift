internal import ProcCore
internal import ProcIO

/// What a former agent has left.
struct Estate {
    let image: LedgerImage
    /// By token.
    let children: [UInt64: KeptChild]
    /// Of the keeper that has them; nil when there was none any more.
    let keeper: Int32?
    /// What is to be said of those that were started and that nobody has; a clause for people.
    let loss: String

    init(_ handOver: KeeperHandOver, _ image: LedgerImage) {
        self.image = image
        children = Dictionary(handOver.children.map { ($0.child.token, $0) }) { former, _ in former }
        keeper = handOver.welcome.pid
        loss = "the keeper that it was a child of was killed"
    }

    /// From a ledger's copy on disk: there is nothing else.
    init(_ reading: LedgerReading, isOfThisBoot: Bool) {
        image = reading.image
        children = [:]
        keeper = nil
        loss =
            isOfThisBoot
            ? "both the agent and the keeper were killed while it ran; it may still be running, and nobody looks after it"
            : "the machine was restarted while it ran"
    }
}

/// What has become of a process that a former agent was asked to start.
enum Legacy {
    /// It hasn't been started.
    case pending
    /// The keeper has it.
    case kept(KeptChild, LedgerRecord.Begun)
    /// It never ran, or was lost before.
    case failed(LedgerRecord.Failed)
    /// How it ended is known; what it wrote is lost.
    case remembered(LedgerRecord.Begun, LedgerRecord.Ended)
    /// It was started, and nobody knows how it ended.
    case lost

    init(_ process: LedgerProcess, in estate: Estate) {
        if let failed = process.failed {
            self = .failed(failed)
        } else if let begun = process.begun, let child = estate.children[process.token] {
            self = .kept(child, begun)
        } else if let begun = process.begun, let ended = process.ended {
            self = .remembered(begun, ended)
        } else if let begun = process.begun {
            // What a keeper was asked for and doesn't know, it never did; of one that is gone nobody can tell.
            self = begun.keeper == estate.keeper && process.pid == nil ? .pending : .lost
        } else {
            // Without a keeper there is only the ledger's copy, which may lack the last that happened.
            self = estate.keeper == nil ? .lost : .pending
        }
    }
}
