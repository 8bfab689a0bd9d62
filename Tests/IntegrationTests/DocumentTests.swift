import CLinux
import Glibc
import ProcCore
import ProcIO
import TestSupport
import Testing

/// What the program makes of the documents it is given, whole and wrong.
@Suite struct DocumentTests {
    /// A start that leaves a trace: `{}` stands for the marker file's creation.
    static func good(_ marker: String) -> String { #""good": {"argv": ["/usr/bin/touch", \#(json(marker))]}"# }

    /// Runs a document whose first process would create a marker; what was said on standard error.
    static func refusal(of rest: (_ good: String) -> String, sourceLocation: SourceLocation = #_sourceLocation) throws
        -> String
    {
        let folder = TemporaryDirectory()
        let ended = try Procstar.run(rest(good(folder.path("marker"))))
        #expect(ended.exitCode == 2 && ended.output.isEmpty, sourceLocation: sourceLocation)
        #expect(contents(of: folder.path("marker")) == nil, "something was started", sourceLocation: sourceLocation)
        #expect(
            ended.errorText.hasPrefix("procstar: standard input: ") && ended.errorText.hasSuffix("\n"),
            sourceLocation: sourceLocation)
        return String(ended.errorText.dropFirst("procstar: standard input: ".count).dropLast())
    }

    @Test func aMarkerWouldBeThere() throws {
        let folder = TemporaryDirectory()
        #expect(try Procstar.run("{\"specs\": {\(Self.good(folder.path("marker")))}}").exitCode == 0)
        #expect(contents(of: folder.path("marker")) != nil)
    }

    static let invalid: [(spec: String, message: String)] = [
        ("7", "specs.bad: 7 is not an object with keys among "),
        (#"{}"#, #"specs.bad: "argv" is missing (or "command", a line for /bin/sh)"#),
        (#"{"argv": []}"#, "specs.bad.argv: an empty array; at least the program is needed"),
        (#"{"argv": "ls"}"#, #"specs.bad.argv: "ls" is not an array of strings"#),
        (#"{"argv": ["ls", 7]}"#, "specs.bad.argv[1]: 7 is not a string"),
        (#"{"argv": ["a"], "command": "b"}"#, #"specs.bad: both "argv" and "command" are given"#),
        (#"{"argv": ["a"], "frob": 1}"#, #"specs.bad: unknown key "frob"; known are "argv", "#),
        (#"{"argv": ["a"], "argv": ["b"]}"#, #"duplicate key "argv""#),
        (#"{"argv": ["a"], "exe": 1}"#, "specs.bad.exe: 1 is not a string"),
        (
            #"{"argv": ["a"], "env": {"inherit": "yes"}}"#,
            #"specs.bad.env.inherit: "yes" is not true, false or an array"#
        ),
        (#"{"argv": ["a"], "env": {"vars": {"A": 1}}}"#, "specs.bad.env.vars.A: a number is not a string, or null"),
        (#"{"argv": ["a"], "env": {"frob": {}}}"#, #"specs.bad.env: unknown key "frob"; known are "inherit", "vars""#),
        (#"{"argv": ["a"], "fds": [["stdin"]]}"#, "specs.bad.fds[0]: an array of 1 where there have to be two"),
        (
            #"{"argv": ["a"], "fds": [["stdin", "frob"]]}"#,
            #"specs.bad.fds[0]: "frob" is not one of "inherit", "close""#
        ),
        (#"{"argv": ["a"], "fds": [[0, "inherit"]]}"#, "specs.bad.fds[0]: 0 is not an fd: "),
        (#"{"argv": ["a"], "fds": [["0", {"null": {}}], ["stdin", "close"]]}"#, "duplicate fd: stdin"),
        (#"{"argv": ["a"], "fds": [["01", "close"]]}"#, "bad fd: 01"),
        (
            #"{"argv": ["a"], "fds": [["0", {"null": {}}], ["1", {"capture": {"mode": "sideways"}}]]}"#,
            #"specs.bad.fds[1].capture.mode: "sideways" is not one of "tempfile", "memory""#
        ),
        (
            #"{"argv": ["a"], "fds": {"stdout": {"file": {"flags": "Read"}}}}"#,
            #"specs.bad.fds.stdout.file: "path" is missing"#
        ),
        (#"{"argv": ["a"], "cwd": "tmp"}"#, #"specs.bad.cwd: "tmp" is not an absolute path"#),
        (#"{"argv": ["a"], "timeout": 0}"#, "specs.bad.timeout: 0 is not a number of seconds above 0"),
        (#"{"argv": ["a"], "stop": {"signal": "SIGFROB"}}"#, #"specs.bad.stop.signal: "SIGFROB" is not a signal: "#),
        (#"{"argv": ["a"], "orphans": "eat"}"#, #"specs.bad.orphans: "eat" is not one of "keep", "kill""#),
        (
            #"{"argv": ["a"], "systemd_properties": {"slice": {"memory_max": -1}}}"#,
            "specs.bad.systemd_properties.slice.memory_max: -1 is not "
        ),
    ]

    @Test(arguments: invalid)
    func oneWrongSpecRefusesTheWholeRequest(spec: String, message: String) throws {
        let said = try Self.refusal { "{\"specs\": {\($0), \"bad\": \(spec)}}" }
        // A duplicate key is found by the reader of JSON, which counts lines.
        #expect(said.contains(message), "\(said)")
        if !message.hasPrefix("duplicate key") { #expect(said.hasPrefix(message), "\(said)") }
        #expect(!said.contains("\n"))
    }

    @Test(arguments: [
        ("", "line 1, column 1: expected a value, found the end of the document"),
        ("{", "line 1, column 2: "), ("nope", "line 1, column 1: "), ("[]", "an array is not an object "),
        ("{}", #""specs" is missing"#), (#"{"specs": []}"#, "specs: an array is not an object"),
        (#"{"specs": {}, "more": 1}"#, #"unknown key "more"; known are "specs""#),
        (#"{"specs": {}} x"#, "line 1, column 15: "), ("{\"specs\":\n {},\n}", "line 3, column 1: "),
        (#"{"specs": {"\ud800": {"argv": ["a"]}}}"#, "line 1, column 13: lone surrogate"),
        (#"{"specs": {"a": {"argv": ["a"]}, "a": {"argv": ["b"]}}}"#, #"duplicate key "a""#),
        (String(repeating: "[", count: 1000), "nested deeper than 128 levels"),
        (String(repeating: "[", count: 128), "column 129: expected a value"),
        ("\u{feff}{}", "byte order mark"),
    ])
    func whatIsNoDocumentIsToldWithItsPlace(text: String, message: String) throws {
        let ended = try Procstar.run(text)
        #expect(ended.exitCode == 2 && ended.output.isEmpty)
        #expect(ended.errorText.hasPrefix("procstar: standard input: "))
        #expect(ended.errorText.contains(message), "\(ended.errorText)")
    }

    @Test func textAfterTheDocumentRefusesIt() throws {
        #expect(try Self.refusal { "{\"specs\": {\($0)}} {}" }.contains("found \"{\""))
    }

    @Test func bytesThatAreNotUTF8RefuseTheDocument() throws {
        let folder = TemporaryDirectory()
        let head = Array(#"{"specs": {"good": {"argv": ["/usr/bin/touch", \#(json(folder.path("marker"))), ""#.utf8)
        let run = try ProgramRun(
            [Procstar.executable, "--print", "-"], input: head + [0x61, 0xff] + Array("\"]}}}".utf8))
        let ended = run.finish()
        #expect(ended.exitCode == 2)
        #expect(ended.errorText.contains("byte 0xff is not UTF-8"))
        #expect(contents(of: folder.path("marker")) == nil)
    }

    static func runFile(_ path: String, _ options: [String] = ["--print"]) throws -> ProgramRun.Ended {
        try ProgramRun([Procstar.executable] + options + [path]).finish()
    }

    @Test func aFileThatCannotBeReadIsToldWithItsPath() throws {
        let folder = TemporaryDirectory()
        for (path, complaint) in [
            (folder.path("missing"), "open \(folder.path("missing")): No such file or directory"),
            (folder.path, "read \(folder.path): Is a directory"),
            ("/proc/self/mem", "read /proc/self/mem: Input/output error"),
        ] {
            let ended = try Self.runFile(path)
            #expect(ended.exitCode == 2 && ended.output.isEmpty)
            #expect(ended.errorText == "procstar: \(complaint)\n")
        }
    }

    @Test func aFilesNameStandsBeforeWhatIsWrongInIt() throws {
        let folder = TemporaryDirectory()
        let path = folder.write("{\n", to: "spec.json")
        #expect(try Self.runFile(path).errorText.hasPrefix("procstar: \(path): line 2, column 1: "))
    }

    @Test func noProcessesAreAResultOfNone() throws {
        let ended = try Procstar.run(#"{"specs": {}}"#)
        #expect(ended.exitCode == 0 && ended.outputText == "{}\n" && ended.errors.isEmpty)
    }

    @Test func anIdMayBeAnyString() throws {
        let ids = ["", " ", "a/b", "\"\\", "\u{0}", "🌍", "__proto__", "\n"]
        let specs = ids.map { "\(json($0)): {\"argv\": [\"/bin/true\"]}" }
        let results = try Procstar.results("{\"specs\": {\(specs.joined(separator: ", "))}}")
        for id in ids { #expect(results[id]?.exitCode == 0, "\(id.debugDescription)") }
    }

    @Test func resultsAreInTheDocumentsOrder() throws {
        let ids = (0..<200).map { "\($0 * 7919 % 200)" }
        let specs = ids.map { #""\#($0)": {"argv": ["/bin/true"]}"# }
        guard case .map(let members) = try Procstar.results("{\"specs\": {\(specs.joined(separator: ","))}}") else {
            Issue.record("not an object")
            return
        }
        #expect(members.map(\.key) == ids)
    }

    @Test func aDocumentOf3MegabytesIsReadFromAFile() throws {
        let folder = TemporaryDirectory()
        let long = String(repeating: "x", count: 100_000)
        let specs = (0..<30).map { #""\#($0)": {"argv": ["/bin/true", "\#(long)", "\#($0)"]}"# }
        let path = folder.write("{\"specs\": {\(specs.joined(separator: ",\n"))}}", to: "large.json")
        let results = try Self.runFile(path).results
        for index in 0..<30 { #expect(results["\(index)"]?.exitCode == 0) }
    }

    /// Writes byte by byte, each when the one before has been read, and closes the pipe.
    static func feed(_ bytes: [UInt8], to writer: consuming SharedFD, of reader: CInt) {
        for byte in bytes {
            #expect(withUnsafeBytes(of: byte) { write(writer.rawValue, $0.baseAddress, 1) } == 1)
            eventually("the byte is read") { clinux_bytes_waiting(reader) == 0 }
        }
    }

    @Test func aDocumentMayComeFromAPipeInPieces() throws {
        let (reader, writer) = try ProgramRun.pipe()
        let text = Array(document(#""argv": ["/bin/true"]"#).utf8)
        let run = try ProgramRun([Procstar.executable, "--print", "-"], descriptors: [0: reader.rawValue])
        Self.feed(text, to: consume writer, of: reader.rawValue)
        #expect(try run.finish().results["p"]?.exitCode == 0)
    }

    @Test func childrenFindTheRestOfStandardInputAtItsEnd() throws {
        let result = try Procstar.result(of: shell("wc -c"))
        #expect(result.captured("stdout") == "0\n")
    }

    @Test func childrenOfADocumentFromAFileInheritStandardInput() throws {
        let folder = TemporaryDirectory()
        let path = folder.write(document(shell("cat")), to: "spec.json")
        let run = try ProgramRun([Procstar.executable, "--print", path], input: Array("typed".utf8))
        #expect(try run.finish().results["p"]?.captured("stdout") == "typed")
    }
}
