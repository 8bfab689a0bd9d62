internal import Glibc
internal import ProcAgent
internal import ProcCore

/// What is done before anything of a spec is started, on a thread that may wait: the input may be a terminal, the
/// output a FIFO.
struct Preparation: Sendable {
    let request: PreparedStart
    let files: [ResultFile]
    let showsProgress: Bool

    init(_ input: Input, _ delivery: DeliveryOptions, _ terms: StartTerms) throws {
        let request = try SpecDocument.read(input).get()
        var files: [ResultFile] = []
        if delivery.print { files.append(.standardOutput) }
        if let path = delivery.output { files.append(try ResultFile(path: path)) }
        self.files = files
        showsProgress = isatty(STDERR_FILENO) == 1 && request.hidesStandardStreams
        self.request = ProcessTable.prepare(request, terms)
    }
}

extension StartRequest {
    /// Whether no process has anything of what procstar was started with, but for standard input: one that writes to
    /// the terminal would get into a progress line's way.
    fileprivate var hidesStandardStreams: Bool {
        processes.allSatisfy { process in
            let fds = process.spec.fds
            // What is asked for is taken to be open.
            let inherited = Set(fds.map(\.name.number)).union(0...2)
            return FdTable(fds: fds, inherited: inherited, limit: .max).sources.allSatisfy { target, source in
                switch source {
                case .inherited: target == STDIN_FILENO
                case .opened: true
                }
            }
        }
    }
}
