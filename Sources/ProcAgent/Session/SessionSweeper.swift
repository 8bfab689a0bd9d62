internal import CLinux
internal import Glibc
internal import ProcIO

/// Carries out what is wanted of sessions, many at a time, off the loop.
///
/// Orders that come while a scan is under way wait for the next one and share it,
/// so stopping ten thousand processes reads `/proc` a few times, not ten thousand.
final class SessionSweeper {
    private struct Order {
        let session: pid_t
        let wish: SessionScan.Wish
        let leaderIsGone: Bool
        let then: (_ members: Int) -> Void
        /// How often one has looked again after somebody was found.
        var looksAgain = 0
    }

    /// After a look that has killed somebody, so many more: one that forks and ends can be nowhere in a look, when the
    /// machine is busy, neither as the parent, who is gone, nor as the child, who came behind it.
    private static let looksAfterKill = 2

    private let worker: Worker
    private var waiting: [Order] = []
    private var isScanning = false

    init(worker: Worker) { self.worker = worker }

    /// Orders `wish` for one session; `then` gets the number of its living members, without the leader.
    ///
    /// - Parameter leaderIsGone: Whether its leader has been reaped.
    func order(
        _ wish: SessionScan.Wish, of session: pid_t, leaderIsGone: Bool, then: @escaping (_ members: Int) -> Void
    ) {
        waiting.append(Order(session: session, wish: wish, leaderIsGone: leaderIsGone, then: then))
        scanIfIdle()
    }

    private func scanIfIdle() {
        guard !isScanning, !waiting.isEmpty else { return }
        isScanning = true
        var wishes: [pid_t: SessionScan.Wish] = [:]
        var batch: [Order] = []
        var later: [Order] = []
        // One wish for each session in a scan; the rest, in their order, in the next one.
        for order in waiting {
            if wishes[order.session] == nil {
                wishes[order.session] = order.wish
                batch.append(order)
            } else {
                later.append(order)
            }
        }
        waiting = later
        let scan = SessionScan(
            wishes: wishes, leaderless: Set(batch.lazy.filter(\.leaderIsGone).map(\.session)))
        worker.run {
            scan.run()
        } then: { [self] findings in
            isScanning = false
            for order in batch { conclude(order, findings) }
            scanIfIdle()
        }
    }

    private func conclude(_ order: Order, _ findings: SessionScan.Findings) {
        let members = findings.members[order.session] ?? 0
        var order = order
        if order.wish == .signal(SIGKILL) {
            // Somebody forks faster than one scan looks: once more, after what others want.
            if !findings.isComplete { return waiting.append(order) }
            if members > 0 || order.looksAgain > 0, order.looksAgain < Self.looksAfterKill {
                order.looksAgain += 1
                return waiting.append(order)
            }
        }
        order.then(members)
    }
}
