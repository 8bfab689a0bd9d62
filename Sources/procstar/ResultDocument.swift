internal import ProcAgent
internal import ProcCore
internal import ProcIO

/// The JSON object of results while it is being written, and the summary lines that come with it.
///
/// Lives on the worker thread; the lock is never contended and only proves that.
final class ResultDocument: Sendable {
    struct Outcome: Sendable {
        /// A line for each process.
        var summary: [String] = []
        /// The files that could not be written.
        var problems: [SystemError] = []
    }

    private struct State {
        var writers: [ResultWriter]
        var outcome = Outcome()
    }

    private let scale: SystemScale
    private let wantsSummary: Bool
    private let state: Guarded<State>

    /// - Parameters:
    ///   - files: Where the object goes; it may be nowhere, and then only the summary is made.
    ///   - scale: How `/proc` counts.
    init(to files: [ResultFile], pretty: Bool, wantsSummary: Bool, scale: SystemScale) {
        self.scale = scale
        self.wantsSummary = wantsSummary
        state = Guarded(State(writers: files.map { ResultWriter($0, pretty: pretty) }))
    }

    func add(_ snapshots: [(String, ResultSnapshot)]) {
        state.withLock { state in
            for (id, snapshot) in snapshots {
                let result = state.writers.isEmpty ? snapshot.withoutAttachments : snapshot.completed()
                if wantsSummary { state.outcome.summary.append(result.summaryLine(id: id, scale: scale)) }
                guard !state.writers.isEmpty else { continue }
                let value = result.value(scale: scale)
                for writer in state.writers { writer.add(id, value) }
            }
        }
    }

    func finish() -> Outcome {
        state.withLock { state in
            for writer in state.writers { writer.finish() }
            state.outcome.problems = state.writers.compactMap(\.problem)
            return state.outcome
        }
    }
}

/// One copy of the document on its way to one file. After a failure it writes no more.
final class ResultWriter {
    private let file: ResultFile
    private var json: JSONWriter
    private(set) var problem: SystemError?

    init(_ file: ResultFile, pretty: Bool) {
        self.file = file
        json = JSONWriter(pretty: pretty) { try file.write($0) }
        attempt {
            try file.empty()
            try json.beginObject()
        }
    }

    func add(_ id: String, _ value: Value) {
        attempt {
            try json.key(id)
            try json.write(value)
        }
    }

    func finish() {
        attempt {
            try json.endObject()
            try json.newline()
            try json.finish()
        }
    }

    private func attempt(_ body: () throws -> Void) {
        guard problem == nil else { return }
        do {
            try body()
        } catch let error as SystemError {
            problem = error
        } catch {
            preconditionFailure("the writer throws what the file throws: \(error)")
        }
    }
}
