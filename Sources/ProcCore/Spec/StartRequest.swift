/// Processes to start together: every spec is valid by itself, ids are new, and each pipe has both ends.
package struct StartRequest: Sendable {
    package struct Entry: Equatable, Sendable {
        package let id: String
        package let spec: ProcessSpec
        /// The spec as it came.
        package let document: Value

        package init(id: String, spec: ProcessSpec, document: Value) {
            self.id = id
            self.spec = spec
            self.document = document
        }
    }

    /// A pipe between two processes of the request.
    package struct Pipe: Equatable, Sendable {
        /// One end: a process, and an fd of it.
        package struct End: Equatable, Hashable, Sendable {
            /// Index in ``StartRequest/processes``.
            package let process: Int
            package let fd: CInt

            package init(process: Int, fd: CInt) {
                self.process = process
                self.fd = fd
            }
        }

        package let writer: End
        package let reader: End

        package init(writer: End, reader: End) {
            self.writer = writer
            self.reader = reader
        }
    }

    /// In document order.
    package let processes: [Entry]
    /// In the order of their readers. Every `pipeWrite` and `pipeRead` of the specs is in exactly one of them.
    package let pipes: [Pipe]

    /// Reads a document `{"specs": {ID: SPEC, …}}`, as files and HTTP clients send it.
    ///
    /// - Parameter isTaken: Whether there is a process of this id already.
    package init(document: Value, isTaken: (String) -> Bool) throws(SpecError) {
        guard case .map = document else { throw document.isNot(#"an object {"specs": {ID: SPEC, …}}"#) }
        let fields = try SpecFields(document, keys: ["specs"])
        try self.init(specs: try fields.require("specs") { value in value }, isTaken: isTaken)
    }

    /// Reads a map `{ID: SPEC, …}`, as agent messages carry it in their field `specs`.
    package init(specs: Value, isTaken: (String) -> Bool) throws(SpecError) {
        processes = try below(.key("specs")) { () throws(SpecError) in
            guard case .map = specs else { throw specs.isNot("an object from process id to spec") }
            return try specs.members { id, spec throws(SpecError) in
                Entry(id: id, spec: try SpecDecoder.decode(spec), document: spec)
            }
        }
        for process in processes where isTaken(process.id) {
            throw SpecError.verbatim("duplicate proc id: \(process.id)")
        }
        pipes = try Self.match(processes, try Self.indices(processes))
    }

    /// Where each id stands.
    private static func indices(_ processes: [Entry]) throws(SpecError) -> [String: Int] {
        var indices = [String: Int](minimumCapacity: processes.count)
        for (index, process) in processes.enumerated() {
            guard indices.updateValue(index, forKey: process.id) == nil else {
                throw SpecError.verbatim("duplicate proc id: \(process.id)")
            }
        }
        return indices
    }

    /// Finds the one reader of each write end.
    private static func match(_ processes: [Entry], _ indices: [String: Int]) throws(SpecError) -> [Pipe] {
        let writers = writeEnds(processes)
        let written = Set(writers.map(\.end))
        var readers: [Pipe.End: Pipe.End] = [:]
        var pipes: [Pipe] = []
        for (index, process) in processes.enumerated() {
            for entry in process.spec.fds {
                guard case .pipeRead(let source) = entry.spec else { continue }
                let writer = indices[source.process].map { Pipe.End(process: $0, fd: source.fd.number) }
                guard let writer, written.contains(writer) else { throw unmatchedRead(source) }
                let reader = Pipe.End(process: index, fd: entry.name.number)
                if let other = readers.updateValue(reader, forKey: writer) {
                    throw unmatchedRead(
                        source, " (\(processes[other.process].id) \(FdName.canonical(other.fd)) reads it already)")
                }
                pipes.append(Pipe(writer: writer, reader: reader))
            }
        }
        for (end, name) in writers where readers[end] == nil {
            throw SpecError.verbatim("unmatched write pipe: \(processes[end.process].id) \(name.spelling)")
        }
        return pipes
    }

    private static func writeEnds(_ processes: [Entry]) -> [(end: Pipe.End, name: FdName)] {
        processes.enumerated().flatMap { index, process in
            process.spec.fds.compactMap { entry in
                entry.spec == .pipeWrite ? (Pipe.End(process: index, fd: entry.name.number), entry.name) : nil
            }
        }
    }

    private static func unmatchedRead(_ source: FdSpec.PipeEnd, _ detail: String = "") -> SpecError {
        SpecError.verbatim("unmatched read pipe: \(source.process) \(source.fd.spelling)\(detail)")
    }
}
