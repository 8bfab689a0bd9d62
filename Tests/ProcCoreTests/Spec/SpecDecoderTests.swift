import ProcCore
import Testing

@Suite struct SpecDecoderTests {
    @Test func aSpecOfArgumentsAloneHasTheDefaults() throws {
        let spec = try decode(["argv": ["/bin/echo", "hi"]])
        #expect(spec == ProcessSpec(argv: ["/bin/echo", "hi"]))
        #expect(spec.executable == "/bin/echo")
        #expect(spec.environment == EnvironmentSpec(inherit: .all, vars: [], report: false))
        #expect(spec.stop == StopSpec(signal: .terminate, grace: .seconds(10)))
        #expect(spec.orphans == .keep)
        #expect(spec.timeout == nil && spec.workingDirectory == nil && spec.fds.isEmpty)
    }

    @Test func nullMeansLeftOutWhereThereIsNoDefault() throws {
        let spec = try decode([
            "argv": ["/bin/true"], "command": nil, "exe": nil, "id": nil, "cwd": nil, "timeout": nil,
            "systemd_properties": nil,
        ])
        #expect(spec == ProcessSpec(argv: ["/bin/true"]))
    }

    @Test func everyKeyIsRead() throws {
        let spec = try decode([
            "argv": ["name"], "exe": "/bin/true", "cwd": "/tmp", "timeout": 1.5, "orphans": "kill", "id": "ignored",
            "stop": ["signal": "SIGINT", "grace": 0],
            "env": ["inherit": ["HOME", "PATH"], "vars": ["B": "2", "A": nil, "C": ""], "report": true],
        ])
        #expect(spec.argv == ["name"])
        #expect(spec.executable == "/bin/true")
        #expect(spec.workingDirectory == "/tmp")
        #expect(spec.timeout == .milliseconds(1500))
        #expect(spec.orphans == .kill)
        #expect(spec.stop == StopSpec(signal: .interrupt, grace: .zero))
        #expect(spec.environment.inherit == .only(["HOME", "PATH"]))
        #expect(spec.environment.vars == [.init("B", "2"), .init("A", nil), .init("C", "")])
        #expect(spec.environment.report)
    }

    @Test func aCommandIsALineForTheShell() throws {
        #expect(try decode(["command": "echo a | wc"]).argv == ["/bin/sh", "-c", "echo a | wc"])
        #expect(try decode(["command": "x", "exe": "/bin/bash"]).executable == "/bin/bash")
    }

    @Test(arguments: [
        (Document(true), EnvironmentSpec.Inheritance.all), (false, .none), (Document.emptyArray, .only([])),
        (Document(.array([.string("A")])), .only(["A"])),
    ])
    func inheritanceHasThreeForms(document: Document, inheritance: EnvironmentSpec.Inheritance) throws {
        #expect(try decode(["argv": ["x"], "env": ["inherit": document]]).environment.inherit == inheritance)
    }

    @Test(arguments: [
        (Document(15), Signal.terminate), ("TERM", .terminate), ("SIGKILL", .kill), ("9", .kill),
    ])
    func aStopSignalIsANameOrANumber(document: Document, signal: Signal) throws {
        #expect(try decode(["argv": ["x"], "stop": ["signal": document]]).stop.signal == signal)
    }

    @Test func aTimeoutTooShortToCountIsNotZero() throws {
        #expect(try decode(["argv": ["x"], "timeout": 1e-300]).timeout == Interval(nanoseconds: 1))
        #expect(try decode(["argv": ["x"], "timeout": 3]).timeout == .seconds(3))
    }

    static let fds: [(document: Document, spec: FdSpec)] = [
        ("inherit", .inherit),
        ("close", .close),
        ("pipe-write", .pipeWrite),
        (["null": [:]], .null(.standard)),
        (["null": ["flags": "Append"]], .null(.append)),
        (["file": ["path": "out"]], .file(path: "out", flags: .standard, mode: 0o666)),
        (["file": ["path": "/x", "flags": "Create", "mode": 0o600]], .file(path: "/x", flags: .create, mode: 0o600)),
        (["dup": ["fd": 1]], .dup(1)),
        (["dup": ["fd": -1]], .dup(-1)),
        (["capture": [:]], .capture(CaptureSpec())),
        (
            ["capture": ["mode": "memory", "encoding": "utf-8", "attached": false]],
            .capture(CaptureSpec(mode: .memory, encoding: .utf8, attached: false))
        ),
        (
            ["capture": ["mode": "tempfile", "encoding": nil, "attached": true, "limit": nil, "keep": "tail"]],
            .capture(CaptureSpec(mode: .tempfile, encoding: nil, attached: true, limit: nil))
        ),
        (
            ["capture": ["limit": 10]],
            .capture(CaptureSpec(limit: CaptureSpec.Limit(bytes: 10, keep: .head, onLimit: .truncate)))
        ),
        (
            ["capture": ["limit": 1, "keep": "both", "on_limit": "stop"]],
            .capture(CaptureSpec(limit: CaptureSpec.Limit(bytes: 1, keep: .both, onLimit: .stop)))
        ),
    ]

    @Test(arguments: fds.indices)
    func eachKindOfFdIsReadFromPairsAndFromAnObject(index: Int) throws {
        let (document, expected) = Self.fds[index]
        let entries = [FdEntry(FdName(7), expected), FdEntry(FdName(0), .inherit)]
        let pairs: Document = [["7", document], ["stdin", "inherit"]]
        let object: Document = ["7": document, "0": "inherit"]
        #expect(try decode(["argv": ["x"], "fds": pairs]).fds == entries)
        #expect(try decode(["argv": ["x"], "fds": object]).fds == entries)
    }

    @Test func whatASchedulerSendsForAnyHostIsRead() throws {
        let spec = try decode([
            "argv": ["/bin/true"],
            "systemd_properties": [
                "scope": ["oom_policy": nil],
                "slice": [
                    "tasks_accounting": true, "memory_accounting": true, "memory_max": nil, "memory_swap_max": 0,
                ],
            ],
        ])
        #expect(spec.systemd.settings.contains(.tasksAccounting(true)))
        #expect(spec.systemd.settings.contains(.memoryAccounting(true)))
        #expect(spec.systemd.settings.contains(.memorySwapMax(0)))
        #expect(spec.systemd.settings.count == 3)
        #expect(spec.systemd.unenforced == ["memory_swap_max"])
    }

    @Test func everySystemdSettingKeepsItsNameAndValue() throws {
        let spec = try decode([
            "argv": ["/bin/true"],
            "systemd_properties": [
                "scope": ["oom_policy": "kill", "runtime_max_usec": 1, "runtime_randomized_extra_usec": 2],
                "slice": [
                    "memory_accounting": false, "memory_min": 0, "memory_low": 4, "memory_high": 5,
                    "memory_max": .init(.uint(.max)), "memory_swap_max": 7, "tasks_accounting": nil, "tasks_max": 8,
                ],
            ],
        ])
        #expect(
            spec.systemd.settings == [
                .memoryAccounting(false), .memoryMin(0), .memoryLow(4), .memoryHigh(5), .memoryMax(.max),
                .memorySwapMax(7), .tasksMax(8), .oomPolicy(.kill), .runtimeMaxUsec(1),
                .runtimeRandomizedExtraUsec(2),
            ])
        // A protection of nothing needs no enforcement, and accounting is none; how long a process runs, we see to.
        #expect(
            spec.systemd.unenforced == [
                "memory_low", "memory_high", "memory_max", "memory_swap_max", "tasks_max", "oom_policy",
                "runtime_randomized_extra_usec",
            ])
        #expect(spec.systemd.runtime == Interval(nanoseconds: 1000))
        #expect(SystemdProperties([.runtimeMaxUsec(0)]).runtime == nil)
        #expect(SystemdProperties([.runtimeMaxUsec(0)]).unenforced == [])
    }

    private func decode(_ document: Document) throws -> ProcessSpec { try SpecDecoder.decode(document.value) }
}
