// Reads start requests that no person would write. Whatever the document, the answer is an error or a request that
// holds together: fds once each, every pipe end joined once, and descriptors that can be planned.
//
// The input is not JSON but choices, one byte each, so that the fuzzer spends its time on documents that are nearly
// right: see `Choices`.

/// Makes a document out of bytes, which say at each turn what comes next. When they run out, the rest is plain.
private struct Choices {
    private var bytes: UnsafeBufferPointer<UInt8>.Iterator

    init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes.makeIterator() }

    mutating func next(_ count: Int) -> Int { Int(bytes.next() ?? 0) % count }

    /// Words that specs know, and some that they don't.
    private static let words = [
        "argv", "command", "exe", "env", "fds", "cwd", "timeout", "stop", "orphans", "systemd_properties", "id",
        "inherit", "vars", "report", "signal", "grace", "keep", "kill", "null", "file", "dup", "capture", "pipe-read",
        "pipe-write", "close", "flags", "Default", "Append", "path", "mode", "fd", "memory", "tempfile", "encoding",
        "utf-8", "attached", "limit", "on_limit", "head", "both", "truncate", "proc_id", "scope", "slice", "memory_max",
        "tasks_max", "oom_policy", "runtime_max_usec", "SIGTERM", "SIGRTMIN+3", "stdin", "stdout", "stderr", "0", "1",
        "2", "3", "9", "1024", "2147483648", "-1", "01", "a", "b", "", "/tmp", "/bin/true", "A=B", "\0", "é\n\"",
        String(repeating: "long", count: 40),
    ]

    private static let numbers: [Value] = [
        .int(0), .int(1), .int(2), .int(9), .int(-1), .int(.min), .int(.max), .uint(.max), .int(4096), .double(0.5),
        .double(-1), .double(.nan), .double(.infinity), .double(1e300), .double(1e-300),
    ]

    mutating func word() -> String { Self.words[next(Self.words.count)] }

    /// Any value, which is hardly ever right.
    mutating func value(_ depth: Int = 3) -> Value {
        switch next(depth > 0 ? 8 : 6) {
        case 0: .null
        case 1: .bool(next(2) == 1)
        case 2: Self.numbers[next(Self.numbers.count)]
        case 3, 4: .string(word())
        case 5: [.binary([1, 2]), .text([0xff]), .base64([0])][next(3)]
        case 6: .array((0..<next(4)).map { _ in value(depth - 1) })
        default: .map((0..<next(4)).map { _ in Value.Member(word(), value(depth - 1)) })
        }
    }

    /// What `right` makes, or now and then anything.
    mutating func mostly(_ right: (inout Choices) -> Value) -> Value { next(16) == 15 ? value() : right(&self) }

    mutating func document() -> Value {
        mostly { choices in
            let specs = (0..<choices.next(5)).map { Value.Member(choices.id($0), choices.spec()) }
            return .map([Value.Member("specs", .map(specs))] + (choices.next(16) == 15 ? [choices.member()] : []))
        }
    }

    private static let ids = ["a", "b", "c", "my job", "taken"]
    private static let fdNames = ["0", "1", "2", "3", "4", "stdin", "stdout", "stderr", "1000", "x"]

    /// The id at a position, or now and then one that may be there already.
    private mutating func id(_ position: Int) -> String { next(16) == 15 ? Self.ids[next(5)] : Self.ids[position] }

    private mutating func member() -> Value.Member { Value.Member(word(), value()) }

    /// An object of some of `keys`, with words under them.
    private mutating func object(_ keys: [String]) -> Value {
        .map(keys.compactMap { key in next(2) == 0 ? nil : Value.Member(key, mostly { .string($0.word()) }) })
    }

    private mutating func spec() -> Value {
        mostly { choices in
            let argv = (0..<(choices.next(3) + 1)).map { _ in Value.string(choices.word()) }
            var members = [Value.Member("argv", .array(argv)), Value.Member("fds", choices.fds())]
            switch choices.next(6) {
            case 0: break
            case 1: members.append(Value.Member("env", .map([Value.Member("vars", choices.object(Self.words))])))
            case 2: members.append(Value.Member("env", .map([Value.Member("inherit", choices.value())])))
            case 3: members.append(Value.Member("stop", choices.object(["signal", "grace"])))
            case 4: members.append(Value.Member("systemd_properties", choices.value()))
            default: members.append(choices.member())
            }
            return .map(members)
        }
    }

    private mutating func fds() -> Value {
        mostly { choices in
            let pairs = (0..<choices.next(6)).map { position in
                (choices.next(4) == 3 ? choices.fdName() : Self.fdNames[position], choices.fd())
            }
            return choices.next(2) == 0
                ? .array(pairs.map { .array([.string($0), $1]) }) : .map(pairs.map { Value.Member($0, $1) })
        }
    }

    private mutating func fdName() -> String { Self.fdNames[next(Self.fdNames.count)] }

    private mutating func fd() -> Value {
        mostly { choices in
            switch choices.next(8) {
            case 0: return .string("inherit")
            case 1: return .string("close")
            case 2: return .string("pipe-write")
            case 3:
                let source: [Value.Member] = [
                    Value.Member("proc_id", .string(Self.ids[choices.next(4)])),
                    Value.Member("fd", .string(choices.fdName())),
                ]
                return .map([Value.Member("pipe-read", .map(source))])
            case 4: return .map([Value.Member("dup", .map([Value.Member("fd", .int(Int64(choices.next(6)) - 1))]))])
            case 5:
                let keys = ["mode", "encoding", "attached", "limit", "keep", "on_limit"]
                return .map([Value.Member("capture", choices.next(2) == 0 ? .map([]) : choices.object(keys))])
            case 6: return .map([Value.Member("file", .map([Value.Member("path", .string(choices.word()))]))])
            default: return .map([Value.Member("null", .map([]))])
            }
        }
    }
}

/// Traps when a request that was accepted contradicts itself.
private func check(_ request: StartRequest) {
    var ends: [StartRequest.Pipe.End: Int] = [:]
    for pipe in request.pipes {
        ends[pipe.writer, default: 0] += 1
        ends[pipe.reader, default: 0] += 1
        let writer = request.processes[pipe.writer.process].spec.fds.first { $0.name.number == pipe.writer.fd }
        precondition(writer?.spec == .pipeWrite, "a pipe without a write end")
        let reader = request.processes[pipe.reader.process].spec.fds.first { $0.name.number == pipe.reader.fd }
        guard case .pipeRead(let source) = reader?.spec else { preconditionFailure("a pipe without a read end") }
        precondition(source.process == request.processes[pipe.writer.process].id && source.fd == writer?.name)
    }
    for (index, process) in request.processes.enumerated() {
        precondition(Set(process.spec.fds.map(\.name)).count == process.spec.fds.count, "an fd twice")
        for entry in process.spec.fds {
            let end = StartRequest.Pipe.End(process: index, fd: entry.name.number)
            switch entry.spec {
            case .pipeWrite, .pipeRead: precondition(ends[end] == 1, "an end that isn't joined once")
            case .inherit, .close, .null, .file, .dup, .capture: precondition(ends[end] == nil)
            }
        }
        launch(process.spec)
    }
}

/// Prepares the launch of a process as far as that goes without the system.
private func launch(_ spec: ProcessSpec) {
    let table = FdTable(fds: spec.fds, inherited: [0, 2, 4], limit: 1000)
    // Numbers in the middle of the targets, so that copies meet each other.
    let plan = FdPlan(
        mapping: table.sources.mapValues { source in
            switch source {
            case .inherited(let fd): fd
            case .opened(let index): CInt(index)
            }
        })
    precondition(plan.copies.count >= table.sources.count)
    let restriction = (try? ExecutableRestriction(spec.argv)) ?? nil
    let failures = LaunchCheck.failures(spec, table: table, restriction: restriction)
    precondition(failures.allSatisfy { !$0.description.contains("\0") })
    guard failures.isEmpty else { return }
    let environment = ChildEnvironment(inherited: ["A=1", "a", "=", "A=2"].map { Array($0.utf8) })
    let block = environment.block(for: spec.environment)
    let count = block.withPointers { pointers in
        var count = 0
        while pointers[count] != nil { count += 1 }
        return count
    }
    precondition(count == block.count)
    precondition(ChildEnvironment.pairs(block).count <= count)
}

/// Called by libFuzzer with each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>, _ size: Int) -> CInt {
    var choices = Choices(UnsafeBufferPointer(start: data, count: size))
    let document = choices.document()
    do {
        check(try StartRequest(document: document) { $0 == "taken" })
    } catch {
        precondition(!error.description.isEmpty)
    }
    // The same bytes as an operator's words.
    let value = String(decoding: UnsafeBufferPointer(start: data, count: size), as: UTF8.self)
    if let restriction = try? ExecutableRestriction(["/" + value]) {
        _ = restriction.verdict(executable: "/x", argv: [value, value])
    }
    return 0
}
