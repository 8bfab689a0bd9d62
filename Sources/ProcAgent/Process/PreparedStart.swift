internal import ProcCore

/// A request with all that the table keeps of it, made where it holds up nobody.
///
/// Twenty thousand processes take some 30 ms to make ready, and a few to accept.
package struct PreparedStart: @unchecked Sendable {
    // Unchecked: the entries belong to the loop. They are made here, and nobody but the table that they are handed
    // to ever looks at them.
    let entries: [String: ProcessEntry]
    let processes: [StartRequest.Entry]
    let pipes: [StartRequest.Pipe]
    /// The names of limits that can't be enforced, of all processes.
    let unenforced: Set<String>

    /// Those of its processes.
    package var ids: [String] { processes.map(\.id) }

    init(_ request: StartRequest, inheritance: Inheritance) {
        var entries = [String: ProcessEntry](minimumCapacity: request.processes.count)
        var unenforced: Set<String> = []
        for process in request.processes {
            let entry = ProcessEntry(process, token: .random(in: 1...(.max)), inheritance: inheritance)
            unenforced.formUnion(entry.unenforced)
            entries[process.id] = entry
        }
        self.entries = entries
        processes = request.processes
        pipes = request.pipes
        self.unenforced = unenforced
    }
}
