import CLinux
import Glibc
import ProcCore
import TestSupport
import Testing

@Suite struct LaunchDescriptorTests {
    static let text = #"{"capture": {"encoding": "utf-8"}}"#
    /// Lists the descriptors of the shell from a child of its own, so that none is there for the sake of looking.
    static let list = "ls /proc/$$/fd; :"

    static func run(_ command: String, fds: [String], more: String = "") throws -> Value {
        try Procstar.result(of: #""command": \#(json(command)), "fds": [\#(fds.joined(separator: ", "))]\#(more)"#)
    }

    @Test func everyKindOfDescriptorLandsWhereItIsNamed() throws {
        let folder = TemporaryDirectory()
        folder.write("from a file\n", to: "in")
        let result = try Self.run(
            "cat; cat <&4; echo to null >&5; echo memory >&7; echo error >&2; echo file >&8; [ -e /proc/self/fd/1 ]",
            fds: [
                #"["stdin", {"file": {"path": \#(json(folder.path("in")))}}]"#, #"["stdout", \#(Self.text)]"#,
                #"["stderr", {"dup": {"fd": 1}}]"#, #"["4", {"null": {"flags": "Read"}}]"#, #"["5", {"null": {}}]"#,
                #"["7", {"capture": {"mode": "memory", "encoding": "utf-8"}}]"#,
                #"["8", {"file": {"path": \#(json(folder.path("out"))), "flags": "Create"}}]"#,
            ])
        #expect(result.exitCode == 0 && result.errors == [])
        #expect(result.captured("stdout") == "from a file\nerror\n")
        #expect(result.captured("7") == "memory\n")
        #expect(contents(of: folder.path("out")) == Array("file\n".utf8))
        #expect(result["fds"]?["4"]?.isNull == true && result["fds"]?["stderr"]?.isNull == true)
    }

    @Test func standardOutputAndErrorAreSwappedByDupsInOrder() throws {
        let result = try Self.run(
            "echo out; echo err >&2; \(Self.list)",
            fds: [
                #"["stdout", \#(Self.text)]"#, #"["stderr", {"capture": {"mode": "memory", "encoding": "utf-8"}}]"#,
                #"["3", {"dup": {"fd": 1}}]"#,
            ])
        #expect(result.captured("stdout") == "out\n0\n1\n2\n3\n" && result.captured("stderr") == "err\n")
        // Own standard output and error, in pipes of the test, swapped.
        let swapped = try Procstar.run(
            document(
                #""command": "echo out; echo err >&2", "fds": [["3", {"dup": {"fd": 1}}], ["stdout", {"dup": {"fd": 2}}], "#
                    + #"["stderr", {"dup": {"fd": 3}}]]"#), ["--exit"])
        #expect(swapped.outputText == "err\n" && swapped.errorText == "out\n")
    }

    @Test func aRotationOfThreeComesOutRight() throws {
        // 0 → 1 → 2 → 0 by way of 9: each dup sees what stands at its turn.
        let folder = TemporaryDirectory()
        let fds =
            ["a", "b", "c"].enumerated().map { index, name in
                #"["\#(index + 3)", {"file": {"path": \#(json(folder.path(name))), "flags": "Write"}}]"#
            } + [
                #"["stdout", {"dup": {"fd": 3}}]"#, #"["6", {"dup": {"fd": 4}}]"#, #"["7", {"dup": {"fd": 5}}]"#,
                #"["8", {"dup": {"fd": 1}}]"#,
            ]
        let result = try Self.run("echo 1; echo 6 >&6; echo 7 >&7; echo 8 >&8", fds: fds)
        #expect(result.exitCode == 0, "\(result.errors)")
        #expect(
            ["a", "b", "c"].map { String(decoding: contents(of: folder.path($0)) ?? [], as: UTF8.self) }
                == ["1\n8\n", "6\n", "7\n"])
    }

    @Test func aLaterEntryDoesNotChangeAnEarlierDup() throws {
        let folder = TemporaryDirectory()
        let result = try Self.run(
            "echo one; echo two >&2",
            fds: [
                #"["stdout", \#(Self.text)]"#, #"["stderr", {"dup": {"fd": 1}}]"#,
                #"["3", {"file": {"path": \#(json(folder.path("f")))}}]"#,
            ])
        #expect(result.captured("stdout") == "one\ntwo\n")
        let missing = try Self.run("true", fds: [#"["3", {"dup": {"fd": 4}}]"#, #"["4", {"null": {}}]"#])
        #expect(missing.errors == ["failed to set up fd 3: Bad file descriptor"])
    }

    @Test func aDupSharesTheFileOffset() throws {
        let folder = TemporaryDirectory()
        let result = try Self.run(
            "printf a; printf b >&2; printf c",
            fds: [
                #"["stdout", {"file": {"path": \#(json(folder.path("f")))}}]"#, #"["stderr", {"dup": {"fd": 1}}]"#,
            ])
        #expect(result.exitCode == 0)
        #expect(contents(of: folder.path("f")) == Array("abc".utf8))
    }

    @Test func aSourceMayBeSharedByMany() throws {
        let fds = [#"["stdout", \#(Self.text)]"#] + (3...30).map { #"["\#($0)", {"dup": {"fd": 1}}]"# }
        let result = try Procstar.result(
            of:
                #""argv": ["/bin/bash", "-c", "for i in {3..30}; do echo $i >&$i; done"], "fds": [\#(fds.joined(separator: ", "))]"#
        )
        #expect(result.captured("stdout") == (3...30).map { "\($0)\n" }.joined())
    }

    @Test func fdsMayBeAnObjectAndKeepItsOrder() throws {
        let result = try Procstar.result(
            of: #""command": "echo out; echo err >&2", "fds": {"1": \#(Self.text), "stderr": {"dup": {"fd": 1}}}"#)
        #expect(result.captured("stdout") == "out\nerr\n")
    }

    @Test func whatTheSpecDoesNotNameIsClosedBut0To2() throws {
        let null = open("/dev/null", O_RDWR | O_CLOEXEC)
        defer { close(null) }
        let result = try Procstar.result(
            of: #""command": \#(json(Self.list)), "fds": [["stdout", \#(Self.text)], ["12", {"null": {}}]]"#,
            descriptors: [5: null, 9: null, 12: null, 200: null])
        #expect(result.captured("stdout") == "0\n1\n12\n2\n")
    }

    @Test func inheritPassesOnWhatProcstarWasStartedWith() throws {
        let folder = TemporaryDirectory()
        let file = open(folder.path("f"), O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        defer { close(file) }
        // While procstar opens much else: the numbers it was given are never reused.
        let fds = [#"["5", "inherit"]"#, #"["300", "inherit"]"#] + (10...40).map { #"["\#($0)", {"null": {}}]"# }
        let result = try Procstar.result(
            of:
                #""argv": ["/bin/bash", "-c", "echo five >&5; echo threehundred >&300"], "fds": [\#(fds.joined(separator: ", "))]"#,
            descriptors: [5: file, 300: file])
        #expect(result.exitCode == 0, "\(result.errors)")
        #expect(contents(of: folder.path("f")) == Array("five\nthreehundred\n".utf8))
    }

    @Test(arguments: [3, 4, 6, 7, 8, 9, 19])
    func inheritOfWhatWasNotOpenFails(fd: Int) throws {
        // Whatever procstar itself has opened at the number since.
        let null = open("/dev/null", O_RDWR | O_CLOEXEC)
        defer { close(null) }
        let result = try Procstar.result(
            of: #""argv": ["/bin/true"], "fds": [["5", "inherit"], ["\#(fd)", "inherit"]]"#, descriptors: [5: null])
        #expect(result.errors == ["failed to set up fd \(fd): Bad file descriptor"])
    }

    @Test func whatWasClosedWhenProcstarWasStartedIsClosedInChildren() throws {
        let folder = TemporaryDirectory()
        let script = #"exec "$0" --exit --output "$OUT" "$IN" <&- >&- 2>&-"#
        folder.write(
            document(
                #""argv": ["/bin/bash", "-c", "ls /proc/$$/fd >&7; :"], "fds": [["7", \#(Self.text)], ["9", {"null": {}}]]"#
            ),
            to: "in")
        let run = try ProgramRun(
            ["/bin/sh", "-c", script, Procstar.executable],
            environment: ["IN=\(folder.path("in"))", "OUT=\(folder.path("out"))"])
        #expect(run.finish().exitCode == 0)
        let result = try #require(try JSONReader.read(contents(of: folder.path("out")) ?? [])["p"])
        #expect(result.captured("7") == "7\n9\n", "\(result.errors)")
    }

    @Test(arguments: [0, 1, 2])
    func inheritOfAClosedStandardDescriptorFails(fd: Int) throws {
        let folder = TemporaryDirectory()
        let script = #"exec "$0" --exit --output "$OUT" "$IN" \#(fd)>&-"#
        folder.write(document(#""argv": ["/bin/true"], "fds": [["\#(fd)", "inherit"]]"#), to: "in")
        let run = try ProgramRun(
            ["/bin/sh", "-c", script, Procstar.executable],
            environment: ["IN=\(folder.path("in"))", "OUT=\(folder.path("out"))"])
        #expect(run.finish().exitCode == 0)
        let result = try #require(try JSONReader.read(contents(of: folder.path("out")) ?? [])["p"])
        #expect(result.errors == ["failed to set up fd \(fd): Bad file descriptor"])
    }

    @Test func resultsForAClosedStandardOutputAreRefusedBeforeAnythingIsStarted() throws {
        let folder = TemporaryDirectory()
        let ended = try Procstar.run(
            by: #"exec "$0" "$@" >&-"#, document(#""argv": ["/usr/bin/touch", \#(json(folder.path("marker")))]"#))
        #expect(ended.exitCode == 2)
        #expect(ended.errorText.contains("standard output is closed"), "\(ended.errorText)")
        #expect(contents(of: folder.path("marker")) == nil)
    }

    @Test func aClosedStandardInputIsNoEmptyDocument() throws {
        let ended = try Procstar.run(by: #"exec "$0" "$@" <&-"#, "")
        #expect(ended.exitCode == 2)
        #expect(ended.errorText == "procstar: read standard input: Bad file descriptor\n")
    }

    @Test func closeClosesForTheChildAlone() throws {
        let result = try Procstar.result(
            of:
                #""argv": ["/bin/bash", "-c", "ls /proc/$$/fd >&5; :"], "fds": [["5", \#(Self.text)], ["stdin", "close"], ["2", "close"], "#
                + #"["7", "close"], ["stdout", "close"]]"#)
        #expect(result.captured("5") == "5\n")
        #expect(result["fds"]?["7"]?.isNull == true && result.errors == [])
    }

    @Test func aDescriptorThatIsNamedAndThenClosedByNobodyStays() throws {
        let result = try Self.run(Self.list, fds: [#"["stdout", \#(Self.text)]"#, #"["63", {"null": {}}]"#])
        #expect(result.captured("stdout") == "0\n1\n2\n63\n")
    }

    @Test func nullReadsNothingAndTakesEverything() throws {
        let result = try Self.run(
            "cat && echo x >&2 && readlink /proc/$$/fd/0 /proc/$$/fd/2",
            fds: [#"["0", {"null": {}}]"#, #"["2", {"null": {}}]"#, #"["1", \#(Self.text)]"#])
        #expect(result.captured("stdout") == "/dev/null\n/dev/null\n" && result.exitCode == 0)
    }

    @Test func everyDescriptorThatFailsIsToldAndOthersAreUnharmed() throws {
        let folder = TemporaryDirectory()
        let results = try Procstar.results(
            """
            {"specs": {"bad": {"argv": ["/bin/true"], "fds": [
                ["stdin", {"file": {"path": \(json(folder.path("missing")))}}], ["stdout", \(Self.text)],
                ["stderr", {"file": {"path": \(json(folder.path))}}], ["7", "inherit"], ["9", {"dup": {"fd": 44}}],
                ["10", {"dup": {"fd": -1}}], ["11", {"file": {"path": ""}}],
                ["12", {"file": {"path": "a\\u0000b"}}], ["13", {"null": {}}]]},
             "good": {"command": "echo fine", "fds": {"stdout": \(Self.text)}}}}
            """)
        let bad = try #require(results["bad"])
        let expected = [
            0: "No such file or directory", 2: "Is a directory", 7: "Bad file descriptor", 9: "Bad file descriptor",
            10: "Bad file descriptor", 11: "No such file or directory", 12: "a NUL byte in it",
        ]
        #expect(bad.errors.sorted() == expected.map { "failed to set up fd \($0.key): \($0.value)" }.sorted())
        #expect(bad["fds"]?["stdout"]?["text"]?.text == "" && bad.state == "error")
        #expect(results["good"]?.captured("stdout") == "fine\n")
    }
}
