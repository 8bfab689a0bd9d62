internal import ProcAgent
internal import ProcCore
internal import ProcIO

/// Writes the results of all processes, in their order, as one JSON object.
///
/// A few at a time, on a worker thread, so that neither a large output nor a slow
/// reader holds up the loop, and memory doesn't grow with the number of processes.
final class ResultDelivery {
    /// What a batch holds at most; attached output is read one process at a time within it.
    private static let batch = 64

    private let ids: [String]
    private let table: ProcessTable
    private let worker: Worker
    private let document: ResultDocument
    private let then: (ResultDocument.Outcome) -> Void
    private var next = 0

    init(
        _ ids: [String], of table: ProcessTable, worker: Worker, document: ResultDocument,
        then: @escaping (ResultDocument.Outcome) -> Void
    ) {
        self.ids = ids
        self.table = table
        self.worker = worker
        self.document = document
        self.then = then
    }

    func begin() { deliverBatch() }

    private func deliverBatch() {
        let upTo = min(next + Self.batch, ids.count)
        let snapshots = ids[next..<upTo].compactMap { id in table.snapshot(id).map { (id, $0) } }
        next = upTo
        let isLast = next == ids.count
        let document = document
        worker.run {
            document.add(snapshots)
            return isLast ? document.finish() : nil
        } then: { [self] (outcome: ResultDocument.Outcome?) in
            if let outcome { then(outcome) } else { deliverBatch() }
        }
    }
}
