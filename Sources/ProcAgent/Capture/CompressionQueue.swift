internal import ProcIO

/// Compresses captures on the worker, one capture after the other.
///
/// One at a time, so that what lies in memory twice is never more than one
/// capture; in slices, so that the worker's other jobs get their turn.
final class CompressionQueue {
    /// About 20 ms.
    private static let slice = 4 << 20

    private struct Entry {
        let files: UnnamedFile
        let place: CapturePlace
        let snapshot: () -> CaptureSnapshot?
        let then: (GzipWriter.Progress) -> Void
    }

    private let worker: Worker
    private var waiting: ArraySlice<Entry> = []
    private var isBusy = false

    init(worker: Worker) { self.worker = worker }

    /// When the turn comes: compresses what `snapshot` gives, and calls `then` with the outcome.
    /// As soon as `snapshot`, which is asked before each slice, gives nil, nothing more is done.
    func add(
        to place: CapturePlace, files: UnnamedFile, _ snapshot: @escaping () -> CaptureSnapshot?,
        then: @escaping (GzipWriter.Progress) -> Void
    ) {
        waiting.append(Entry(files: files, place: place, snapshot: snapshot, then: then))
        if !isBusy { startNext() }
    }

    private func startNext() {
        isBusy = true
        while let entry = waiting.popFirst() {
            guard let snapshot = entry.snapshot() else { continue }
            return advance(GzipWriter(snapshot, to: entry.place, files: entry.files), for: entry)
        }
        isBusy = false
    }

    private func advance(_ writer: GzipWriter, for entry: Entry) {
        worker.run {
            writer.advance(Self.slice)
        } then: { [self] progress in
            switch progress {
            case .more where entry.snapshot() != nil:
                advance(writer, for: entry)
            case .more:
                startNext()
            case .done, .notWorthIt, .failed:
                entry.then(progress)
                startNext()
            }
        }
    }
}
