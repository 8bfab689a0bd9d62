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
        let then: (_ members: Int) -> Void
    }

    private let worker: Worker
    private var waiting: [Order] = []
    private var isScanning = false

    init(worker: Worker) { self.worker = worker }

    /// Orders `wish` for one session; `then` gets the number of its living members, without the leader.
    func order(_ wish: SessionScan.Wish, of session: pid_t, then: @escaping (_ members: Int) -> Void) {
        waiting.append(Order(session: session, wish: wish, then: then))
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
        let scan = SessionScan(wishes: wishes)
        worker.run {
            scan.run()
        } then: { [self] findings in
            isScanning = false
            for order in batch {
                // Somebody forks faster than one scan looks: once more, after what others want.
                if !findings.isComplete, order.wish == .signal(SIGKILL) {
                    waiting.append(order)
                } else {
                    order.then(findings.members[order.session] ?? 0)
                }
            }
            scanIfIdle()
        }
    }
}
