import Glibc
import ProcCore
import ProcIO
import TestSupport
import Testing

/// The command's options, seen from outside.
@Suite struct LocalCommandTests {
    static let hello = document(#""command": "echo hello""#)

    @Test func printedResultsComeAfterTheOutputOfTheProcesses() throws {
        let specs = (0..<20).map { #""\#($0)": {"command": "echo line \#($0)"}"# }
        let ended = try Procstar.run("{\"specs\": {\(specs.joined(separator: ", "))}}")
        let lines = ended.outputText.split(separator: "\n")
        #expect(lines.count == 21)
        #expect(Set(lines.dropLast()) == Set((0..<20).map { "line \($0)" }))
        #expect(try JSONReader.read(Array(lines[20].utf8))["19"]?.exitCode == 0)
        #expect(ended.outputText.hasSuffix("}}\n"))
    }

    @Test func exitPrintsNothing() throws {
        for option in ["--exit", "-x"] {
            let ended = try Procstar.run(Self.hello, [option])
            #expect(ended.exitCode == 0 && ended.outputText == "hello\n" && ended.errors.isEmpty)
        }
    }

    @Test func whateverBecomesOfTheProcessesTheStatusIs0() throws {
        let ended = try Procstar.run(
            #"{"specs": {"a": {"command": "exit 9"}, "b": {"command": "kill -9 $$"}, "c": {"argv": ["/no/such"]}}}"#)
        #expect(ended.exitCode == 0 && ended.errors.isEmpty)
        #expect(try ended.results["b"]?["status"]?["signal"]?.text == "SIGKILL")
        #expect(try ended.results["b"]?["cause"]?["sender"]?.isNull == true)
    }

    @Test func prettyIsTheSameDocumentInLines() throws {
        let plain = try Procstar.run(document(shell("echo hello")), ["--print"])
        let pretty = try Procstar.run(document(shell("echo hello")), ["--print", "--pretty"])
        #expect(plain.outputText.split(separator: "\n").count == 1)
        #expect(pretty.outputText.split(separator: "\n").count > 50 && pretty.outputText.hasSuffix("\n}\n"))
        let value = try #require(try pretty.results["p"])
        #expect(value.captured("stdout") == "hello\n")
        guard case .map(let shown) = value, case .map(let expected)? = try plain.results["p"] else {
            Issue.record("no objects")
            return
        }
        #expect(shown.map(\.key) == expected.map(\.key))
    }

    @Test func outputWritesTheFileAndPrintsNothing() throws {
        let folder = TemporaryDirectory()
        folder.write(String(repeating: "old ", count: 10_000), to: "results")
        let ended = try Procstar.run(Self.hello, ["--output", folder.path("results")])
        #expect(ended.exitCode == 0 && ended.outputText == "hello\n")
        let value = try JSONReader.read(contents(of: folder.path("results")) ?? [])
        #expect(value["p"]?.exitCode == 0)
    }

    @Test func printAndOutputDeliverTheSame() throws {
        let folder = TemporaryDirectory()
        let ended = try Procstar.run(document(#""argv": ["/bin/true"]"#), ["-p", "-o", folder.path("results")])
        #expect(ended.exitCode == 0 && contents(of: folder.path("results")) == ended.output)
    }

    @Test func anOutputThatCannotBeOpenedStopsEverythingBefore() throws {
        let folder = TemporaryDirectory()
        let marker = document(#""argv": ["/usr/bin/touch", \#(json(folder.path("marker")))]"#)
        for path in [folder.path("missing/results"), folder.path] {
            let ended = try Procstar.run(marker, ["--print", "--output", path])
            #expect(ended.exitCode == 2 && ended.output.isEmpty)
            #expect(ended.errorText.hasPrefix("procstar: open \(path): "), "\(ended.errorText)")
            #expect(contents(of: folder.path("marker")) == nil)
        }
    }

    @Test func anInvalidDocumentLeavesTheOutputFileAlone() throws {
        let folder = TemporaryDirectory()
        folder.write("old", to: "results")
        #expect(try Procstar.run("{", ["--output", folder.path("results")]).exitCode == 2)
        #expect(contents(of: folder.path("results")) == Array("old".utf8))
    }

    @Test func resultsThatDoNotFitAreTold() throws {
        let ended = try Procstar.run(Self.hello, ["--output", "/dev/full"])
        #expect(ended.exitCode == 1 && ended.outputText == "hello\n")
        #expect(ended.errorText.contains("write /dev/full: No space left on device"))
    }

    @Test func whatOneWriterCannotTakeTheOtherStillGets() throws {
        let ended = try Procstar.run(document(#""argv": ["/bin/true"]"#), ["--print", "--output", "/dev/full"])
        #expect(ended.exitCode == 1)
        #expect(try ended.results["p"]?.exitCode == 0)
    }

    @Test func aReaderThatIsGoneIsAnErrorAndNotASignal() throws {
        let writer = try Self.brokenPipe()
        let ended = try Procstar.run(document(#""argv": ["/bin/true"]"#), descriptors: [1: writer.rawValue])
        #expect(ended.exitCode == 1)
        #expect(ended.errorText.contains("write standard output: Broken pipe"), "\(ended.errorText)")
    }

    /// The end for writing of a pipe whose other end is closed.
    static func brokenPipe() throws -> SharedFD { try ProgramRun.pipe().writer }

    // MARK: The log

    @Test func theLineThatHarnessesWaitForIsThereAtLevelInfo() throws {
        let run = try Procstar.start(document(#""argv": ["/bin/sleep", "1000"]"#), ["--print", "--log-level", "info"])
        #expect(run.waitForError("started processes from specs"))
        run.signal(SIGTERM)
        #expect(run.finish().exitCode == 0)
    }

    @Test(arguments: ["warn", "error"])
    func aboveInfoTheLogIsSilent(level: String) throws {
        #expect(try Procstar.run(Self.hello, ["--exit", "--log-level", level]).errors.isEmpty)
    }

    @Test(arguments: ["trace", "debug", "info"])
    func everyLineOfAJSONLogIsAnObject(level: String) throws {
        let ended = try Procstar.run(Self.hello, ["--exit", "--log-level", level, "--log-format", "json"])
        let lines = ended.errorText.split(separator: "\n")
        #expect(!lines.isEmpty)
        for line in lines {
            let record = try JSONReader.read(Array(line.utf8))
            #expect(record["time"]?.text?.hasPrefix("20") == true && record["message"]?.text?.isEmpty == false)
            #expect(["trace", "debug", "info"].contains(record["level"]?.text), "\(line)")
        }
        #expect(ended.errorText.contains("started processes from specs"))
    }

    @Test func aLimitThatNobodyEnforcesIsLoggedOnceAndNamedInEachResult() throws {
        let properties = #""systemd_properties": {"slice": {"memory_max": 1000000, "tasks_accounting": true}}"#
        let ended = try Procstar.run(
            #"{"specs": {"a": {"argv": ["/bin/true"], \#(properties)}, "b": {"argv": ["/bin/true"], \#(properties)}}}"#)
        #expect(ended.errorText.split(separator: "\n").count == 1 && ended.errorText.contains("memory_max"))
        for id in ["a", "b"] {
            #expect(try ended.results[id]?["unenforced"]?.texts?.contains { $0.contains("memory_max") } == true)
            #expect(try ended.results[id]?["cgroup_accounting"]?.isNull == true)
        }
    }

    // MARK: Captures

    @Test(arguments: ["memory", "tempfile"], ["off", "1", "1G"])
    func compressionIsNotSeenInResults(mode: String, above: String) throws {
        let capture = #"{"capture": {"mode": "\#(mode)", "encoding": "utf-8"}}"#
        let results = try Procstar.results(
            document(#""argv": ["/usr/bin/seq", "50000"], "fds": [["stdout", \#(capture)]]"#),
            ["--compress-above", above])
        #expect(results["p"]?.captured("stdout") == (1...50_000).map { "\($0)\n" }.joined())
    }

    @Test func outputAboveMaxAttachedIsDetached() throws {
        let fds = #""fds": [["1", {"capture": {"encoding": "utf-8"}}], ["2", {"capture": {"encoding": "utf-8"}}]]"#
        let results = try Procstar.results(
            document(#""command": "printf 12345678901; printf 1234567890 >&2", \#(fds)"#), ["--max-attached", "10"])
        let shown = try #require(results["p"]?["fds"])
        #expect(shown["stdout"]?["type"]?.text == "detached" && shown["stdout"]?["length"]?.number == 11)
        #expect(shown["stderr"]?["type"]?.text == "text" && shown["stderr"]?["text"]?.text == "1234567890")
    }

    @Test func aCaptureDirectoryThatIsMissingIsAnErrorOfItsDescriptors() throws {
        let results = try Procstar.results(
            #"{"specs": {"bad": {\#(shell("echo x"))}, "good": {"argv": ["/bin/true"]}}}"#,
            ["--capture-dir", "/no/such"])
        let errors = try #require(results["bad"]?.errors)
        #expect(errors.count == 1 && errors[0].hasPrefix("failed to set up fd 1: No such file or directory"))
        #expect(errors[0].contains("/no/such"), "\(errors)")
        #expect(results["good"]?.exitCode == 0)
    }

    // MARK: Help

    @Test func helpAndVersionAreWrittenToStandardOutput() throws {
        for option in ["--help", "-h", "--version", "-V"] {
            let ended = try ProgramRun([Procstar.executable, option]).finish()
            #expect(ended.exitCode == 0 && !ended.output.isEmpty && ended.errors.isEmpty)
        }
    }

    @Test(arguments: [
        [], ["--print"], ["-"], ["--frob", "-"], ["--print", "a", "b"], ["--log-level", "loud", "-p", "-"],
    ])
    func aWrongCommandLineEndsWithStatus2(arguments: [String]) throws {
        let ended = try ProgramRun([Procstar.executable] + arguments).finish()
        #expect(ended.exitCode == 2 && ended.output.isEmpty)
        #expect(ended.errorText.hasPrefix("procstar: ") && ended.errorText.hasSuffix("; see procstar --help\n"))
        #expect(ended.errorText.split(separator: "\n").count == 1)
    }
}
