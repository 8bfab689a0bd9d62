import ProcCore
import Testing

@Suite struct SpecErrorTests {
    /// What is wrong with the spec of process `build`, and what its author reads, after `specs.build`.
    static let specs: [(spec: Document, error: String)] = [
        (7, #": 7 is not an object with keys among \#(keys)"#),
        ([:], #": "argv" is missing (or "command", a line for /bin/sh)"#),
        (["argv": nil, "command": nil], #": "argv" is missing (or "command", a line for /bin/sh)"#),
        (
            ["argv": ["/bin/true"], "command": "true"],
            #": both "argv" and "command" are given; one of them says what to run"#
        ),
        (["argv": ["/bin/true"], "pty": true], #": unknown key "pty"; known are \#(keys)"#),
        (["argv": .emptyArray], ".argv: an empty array; at least the program is needed"),
        (["argv": "ls -l"], #".argv: "ls -l" is not an array of strings"#),
        (["argv": ["sleep", 3]], ".argv[1]: 3 is not a string"),
        (["command": ["true"]], ".command: an array is not a string"),
        (with("exe", true), ".exe: true is not a string"),
        (with("id", 3.5), ".id: 3.5 is not a string"),
        (with("cwd", "work"), #".cwd: "work" is not an absolute path"#),
        (with("cwd", ""), #".cwd: "" is not an absolute path"#),
        (with("timeout", 0), ".timeout: 0 is not a number of seconds above 0"),
        (with("timeout", -0.5), ".timeout: -0.5 is not a number of seconds above 0"),
        (with("timeout", "10"), #".timeout: "10" is not a number of seconds above 0"#),
        (with("timeout", 1e300), ".timeout: 1e+300 is not a number of seconds above 0, at most 500 years"),
        (with("timeout", Document(.double(.nan))), ".timeout: nan is not a number of seconds above 0"),
        (
            with("timeout", Document(.double(.infinity))),
            ".timeout: inf is not a number of seconds above 0, at most 500 years"
        ),
        (with("orphans", "adopt"), #".orphans: "adopt" is not one of "keep", "kill""#),
        (with("orphans", nil), #".orphans: null is not one of "keep", "kill""#),
        (with("stop", "SIGTERM"), #".stop: "SIGTERM" is not an object with keys among "signal", "grace""#),
        (with("stop", ["sig": 3]), #".stop: unknown key "sig"; known are "signal", "grace""#),
        (
            with("stop", ["signal": "SIGFOO"]),
            #".stop.signal: "SIGFOO" is not a signal: a name such as "SIGTERM", or a number from 1 to 64"#
        ),
        (
            with("stop", ["signal": 65]),
            #".stop.signal: 65 is not a signal: a name such as "SIGTERM", or a number from 1 to 64"#
        ),
        (with("stop", ["grace": -1]), ".stop.grace: -1 is not a number of seconds from 0 up"),
        (with("env", .emptyArray), #".env: an array is not an object with keys among "inherit", "vars", "report""#),
        (with("env", ["var": [:]]), #".env: unknown key "var"; known are "inherit", "vars", "report""#),
        (with("env", ["inherit": "HOME"]), #".env.inherit: "HOME" is not true, false or an array of names"#),
        (with("env", ["inherit": ["HOME", nil]]), ".env.inherit[1]: null is not a string"),
        (with("env", ["vars": ["A"]]), ".env.vars: an array is not an object"),
        (with("env", ["vars": "A=b"]), ".env.vars: a string is not an object"),
        (with("env", "A=b"), #".env: a string is not an object with keys among "inherit", "vars", "report""#),
        (
            with("env", ["vars": ["A B": 1]]),
            #".env.vars."A B": a number is not a string, or null to remove the variable"#
        ),
        (with("env", ["report": 1]), ".env.report: 1 is not true or false"),
        (
            with("systemd_properties", ["unit": [:]]),
            #".systemd_properties: unknown key "unit"; known are "scope", "slice""#
        ),
        (
            with("systemd_properties", ["slice": ["memory_maximum": 1]]),
            #".systemd_properties.slice: unknown key "memory_maximum"; known are "memory_accounting", "#
                + #""tasks_accounting", "memory_min", "memory_low", "memory_high", "memory_max", "#
                + #""memory_swap_max", "tasks_max""#
        ),
        (
            with("systemd_properties", ["slice": ["memory_max": -1]]),
            ".systemd_properties.slice.memory_max: -1 is not a whole number from 0 up"
        ),
        (
            with("systemd_properties", ["slice": ["tasks_max": 1.5]]),
            ".systemd_properties.slice.tasks_max: 1.5 is not a whole number from 0 up"
        ),
        (
            with("systemd_properties", ["slice": ["tasks_accounting": 1]]),
            ".systemd_properties.slice.tasks_accounting: 1 is not true or false"
        ),
        (
            with("systemd_properties", ["scope": ["oom_policy": "die"]]),
            #".systemd_properties.scope.oom_policy: "die" is not one of "continue", "stop", "kill""#
        ),
        (
            with("systemd_properties", ["scope": ["cpu": 1]]),
            #".systemd_properties.scope: unknown key "cpu"; known are "oom_policy", "runtime_max_usec", "#
                + #""runtime_randomized_extra_usec""#
        ),
    ]

    /// What is wrong with the spec of an fd, and what its author reads, after the path to the fd.
    static let fds: [(fd: Document, error: String)] = [
        ("capture", ": \"capture\" is not one of \(words), nor an object with one of \(objects)"),
        (nil, ": null is not one of \(words), nor an object with one of \(objects)"),
        ([:], ": an object with 0 keys where there has to be one of \(objects)"),
        (["null": [:], "dup": [:]], ": an object with 2 keys where there has to be one of \(objects)"),
        (["close": nil], #".close: stands by itself, as the string "close""#),
        (["pty": [:]], ".pty: unknown kind of fd; known are \(objects), and as strings \(words)"),
        (["null": nil], #".null: null is not an object with keys among "flags""#),
        (
            ["null": ["flags": "read"]],
            #".null.flags: "read" is not one of "Default", "Read", "Write", "Create", "Replace", "Append", "#
                + #""CreateAppend", "ReadWrite""#
        ),
        (["null": ["mode": 1]], #".null: unknown key "mode"; known are "flags""#),
        (["file": ["flags": "Read"]], #".file: "path" is missing"#),
        (["file": ["path": 1]], ".file.path: 1 is not a string"),
        (
            ["file": ["path": "x", "mode": 4096]],
            ".file.mode: 4096 is not permissions, an integer from 0 to 4095 (octal 7777)"
        ),
        (
            ["file": ["path": "x", "mode": "0644"]],
            #".file.mode: "0644" is not permissions, an integer from 0 to 4095 (octal 7777)"#
        ),
        (
            ["file": ["path": "x", "append": true]],
            #".file: unknown key "append"; known are "path", "flags", "mode""#
        ),
        (["dup": [:]], #".dup: "fd" is missing"#),
        (["dup": ["fd": "stdout"]], #".dup.fd: "stdout" is not the number of an fd, an integer"#),
        (["dup": ["fd": 2_147_483_648]], ".dup.fd: 2147483648 is not the number of an fd, an integer"),
        (["dup": ["fd": 1, "x": 1]], #".dup: unknown key "x"; known are "fd""#),
        (["capture": ["mode": "sideways"]], #".capture.mode: "sideways" is not one of "tempfile", "memory""#),
        (["capture": ["mode": 1]], #".capture.mode: 1 is not one of "tempfile", "memory""#),
        (["capture": ["encoding": "utf8"]], #".capture.encoding: "utf8" is not "utf-8" or null"#),
        (["capture": ["attached": nil]], ".capture.attached: null is not true or false"),
        (["capture": ["limit": 0]], ".capture.limit: 0 is not a number of bytes, an integer above 0"),
        (["capture": ["limit": 1.5]], ".capture.limit: 1.5 is not a number of bytes, an integer above 0"),
        (["capture": ["keep": "middle"]], #".capture.keep: "middle" is not one of "head", "tail", "both""#),
        (
            ["capture": ["limit": 1, "on_limit": "kill"]],
            #".capture.on_limit: "kill" is not one of "truncate", "stop""#
        ),
        (
            ["capture": ["max": 1]],
            #".capture: unknown key "max"; known are "mode", "encoding", "attached", "limit", "keep", "on_limit""#
        ),
        (["pipe-read": ["fd": "1"]], #".pipe-read: "proc_id" is missing"#),
        (["pipe-read": ["proc_id": "x"]], #".pipe-read: "fd" is missing"#),
        (["pipe-read": ["proc_id": 1, "fd": "1"]], ".pipe-read.proc_id: 1 is not a string"),
        (
            ["pipe-read": ["proc_id": "x", "fd": 1]],
            #".pipe-read.fd: 1 is not an fd: "stdin", "stdout", "stderr" or a number in quotes, such as "3""#
        ),
        (
            ["pipe-read": ["proc_id": "x", "fd": "1", "mode": 1]],
            #".pipe-read: unknown key "mode"; known are "proc_id", "fd""#
        ),
    ]

    /// What is wrong with a list of fds, and what its author reads, after `specs.build.fds`.
    static let lists: [(fds: Document, error: String)] = [
        ("stdout", #": "stdout" is not an array of [FD, SPEC] or an object from FD to SPEC"#),
        (["stdout"], #"[0]: "stdout" is not an array [FD, SPEC]"#),
        ([["stdout", "close"], ["stdout"]], "[1]: an array of 1 where there have to be two, [FD, SPEC]"),
        (
            [[1, "close"]],
            #"[0]: 1 is not an fd: "stdin", "stdout", "stderr" or a number in quotes, such as "3""#
        ),
    ]

    static let keys =
        #""argv", "command", "exe", "env", "fds", "cwd", "timeout", "stop", "orphans", "systemd_properties", "id""#
    static let words = #""inherit", "close", "pipe-write""#
    static let objects = #""null", "file", "dup", "capture", "pipe-read""#

    /// A spec that is right but for `value` under `key`.
    static func with(_ key: String, _ value: Document) -> Document { ["argv": ["/bin/true"], key: value] }

    static func error(_ spec: Document) -> String? {
        let document: Document = ["specs": ["fine": ["argv": ["/bin/true"]], "build": spec]]
        return text { _ = try StartRequest(document: document.value) { _ in false } }
    }

    @Test(arguments: specs.indices)
    func aWrongSpecIsRefusedWithItsPlace(index: Int) {
        #expect(Self.error(Self.specs[index].spec) == "specs.build" + Self.specs[index].error)
    }

    @Test(arguments: fds.indices)
    func aWrongFdIsRefusedWithItsPlaceInAnArray(index: Int) {
        let fds: Document = [["stdin", "inherit"], ["1", ["null": [:]]], ["2", Self.fds[index].fd]]
        #expect(Self.error(Self.with("fds", fds)) == "specs.build.fds[2]" + Self.fds[index].error)
    }

    @Test(arguments: fds.indices)
    func aWrongFdIsRefusedWithItsPlaceInAnObject(index: Int) {
        let fds: Document = ["stdin": "inherit", "3": Self.fds[index].fd]
        #expect(Self.error(Self.with("fds", fds)) == "specs.build.fds.3" + Self.fds[index].error)
    }

    @Test(arguments: lists.indices)
    func aWrongListOfFdsIsRefused(index: Int) {
        #expect(Self.error(Self.with("fds", Self.lists[index].fds)) == "specs.build.fds" + Self.lists[index].error)
    }

    @Test(arguments: [
        ("plain_1-A", "plain_1-A"), ("my job", #""my job""#), ("a.b", #""a.b""#), ("", #""""#), ("[2]", #""[2]""#),
        ("é", #""é""#), ("a\"\\\n\u{1}", #""a\"\\\n\u0001""#), ("\u{85}", #""\u0085""#),
        (String(repeating: "x", count: 60), "\"" + String(repeating: "x", count: 48) + "…\""),
    ])
    func anIdThatIsNoPlainWordIsQuoted(id: String, shown: String) {
        let document: Document = ["specs": [id: 1]]
        let error = text { _ = try StartRequest(document: document.value) { _ in false } }
        #expect(error?.hasPrefix("specs.\(shown): 1 is not an object") == true, "\(error ?? "no error")")
    }

    @Test func aLongFoundTextIsCut() {
        let long = String(repeating: "é", count: 100_000)
        let expected = "specs.build.orphans: \"\(String(repeating: "é", count: 48))…\" is not one of \"keep\", \"kill\""
        #expect(Self.error(Self.with("orphans", .init(.string(long)))) == expected)
    }

    @Test(arguments: [
        (Value.binary([1]), "binary data"), (.text([65]), "captured output"), (.base64([65]), "captured output"),
        (.uint(.max), "18446744073709551615"), (.double(1), "1.0"),
    ])
    func valuesThatNoJSONHasAreRefusedToo(value: Value, shown: String) {
        #expect(Self.error(Self.with("exe", Document(value))) == "specs.build.exe: \(shown) is not a string")
    }
}
