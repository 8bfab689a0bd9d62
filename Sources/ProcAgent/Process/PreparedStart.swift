internal import ProcCore

/// What a request is made ready for.
package struct StartTerms: Sendable {
    let inheritance: Inheritance
    /// Whether it goes on record, for an agent after us.
    let isRecorded: Bool
}

/// A request with all that the table keeps of it, made where it holds up nobody.
///
/// Twenty thousand processes take some 30 ms to make ready, and a few to accept.
package struct PreparedStart: @unchecked Sendable {
    // Unchecked: the entries belong to the loop. They are made here, and nobody but the table that they are handed
    // to ever looks at them.
    let entries: [String: ProcessEntry]
    let processes: [StartRequest.Entry]
    /// For the ledger; empty where there is none.
    let records: [UInt8]
    let pipes: [StartRequest.Pipe]
    /// The names of limits that can't be enforced, of all processes.
    let unenforced: Set<String>

    var members: [StartQueue.Member] {
        processes.compactMap { process in
            entries[process.id].map { StartQueue.Member(entry: $0, process: process) }
        }
    }

    private static func acceptances(
        _ request: StartRequest, _ entries: [String: ProcessEntry]
    ) -> [LedgerRecord] {
        var pipes: [Int: [LedgerRecord.PipeEnd]] = [:]
        for (number, pipe) in request.pipes.enumerated() {
            for end in [pipe.writer, pipe.reader] {
                pipes[end.process, default: []].append(LedgerRecord.PipeEnd(fd: end.fd, pipe: number))
            }
        }
        let number = UInt64.random(in: 0...(.max))
        return request.processes.enumerated().compactMap { index, process in
            guard let entry = entries[process.id] else { return nil }
            return .accepted(
                token: entry.token,
                LedgerRecord.Accepted(
                    id: process.id, spec: process.document, request: number, index: index, pipes: pipes[index] ?? []))
        }
    }

    /// Those of its processes.
    package var ids: [String] { processes.map(\.id) }

    init(_ request: StartRequest, _ terms: StartTerms) {
        var entries = [String: ProcessEntry](minimumCapacity: request.processes.count)
        var unenforced: Set<String> = []
        for process in request.processes {
            let entry = ProcessEntry(process, token: .random(in: 1...(.max)), inheritance: terms.inheritance)
            unenforced.formUnion(entry.unenforced)
            entries[process.id] = entry
        }
        self.entries = entries
        processes = request.processes
        pipes = request.pipes
        records = terms.isRecorded ? LedgerRecord.encoded(Self.acceptances(request, entries)) : []
        self.unenforced = unenforced
    }
}
