import ProcCore
import TestSupport
import Testing

@Suite struct LaunchArgumentsTests {
    /// What a child finds in its `/proc/self/cmdline`.
    static func arguments(_ members: String) throws -> [String] {
        let fds = #""fds": [["stdout", {"capture": {"encoding": "utf-8"}}]]"#
        let result = try Procstar.result(of: members + ", " + fds)
        let text = try #require(result.captured("stdout"), "\(result.errors)")
        return text.split(separator: "\0", omittingEmptySubsequences: false).dropLast().map(String.init)
    }

    @Test(arguments: [
        [], [""], ["", "", ""], [" ", "a b", "\"'\\$(id)`*", "-n", "--help", "\n", "\t"],
        ["Grüße 🌍", "日本語", "e\u{301}", "\u{7f}\u{1}"],
    ])
    func everyArgumentArrivesAsItWasWritten(arguments: [String]) throws {
        let argv = ["/bin/sh", "-c", "cat /proc/$$/cmdline; exit"] + arguments
        #expect(try Self.arguments(#""argv": \#(json(argv))"#) == argv)
    }

    @Test func anArgumentMayHold100KilobytesAndStaysOne() throws {
        let large = String(repeating: "0123456789", count: 10_240)
        let result = try Procstar.result(of: #""argv": ["/bin/test", \#(json(large)), "=", \#(json(large))]"#)
        #expect(result.exitCode == 0)
    }

    @Test func whatIsTooLongForTheKernelIsAnErrorOfThatProcess() throws {
        // MAX_ARG_STRLEN of execve(2): 128 KiB.
        let ended = try Procstar.run(
            #"{"specs": {"long": {"argv": ["/bin/true", \#(json(String(repeating: "x", count: 1 << 17)))]}, "#
                + #""good": {"argv": ["/bin/true"]}}}"#)
        let results = try ended.results
        #expect(results["long"]?.errors == ["execve failed: /bin/true: Argument list too long"])
        #expect(results["good"]?.exitCode == 0)
    }

    @Test func argv0MayDifferFromTheExecutable() throws {
        #expect(
            try Self.arguments(#""exe": "/bin/cat", "argv": ["another name", "/proc/self/cmdline"]"#)
                == ["another name", "/proc/self/cmdline"])
    }

    @Test func anEmptyArgv0IsPassedOn() throws {
        #expect(
            try Self.arguments(#""exe": "/bin/cat", "argv": ["", "/proc/self/cmdline"]"#)
                == ["", "/proc/self/cmdline"])
    }

    @Test func aCommandIsALineForTheShell() throws {
        #expect(
            try Self.arguments(#""command": "cat /proc/$$/cmdline; exit 0""#)
                == ["/bin/sh", "-c", "cat /proc/$$/cmdline; exit 0"])
    }

    @Test func aCommandMayBeRunByAnotherShell() throws {
        let bash = try Procstar.result(of: shell("echo ${BASH_VERSION:+bash}") + #", "exe": "/bin/bash""#)
        #expect(bash.captured("stdout") == "bash\n")
    }

    @Test func aNameWithoutSlashIsNotSearchedAlongPATH() throws {
        let folder = TemporaryDirectory()
        let result = try Procstar.result(of: #""argv": ["true"]"#, directory: folder.path)
        #expect(result.errors == ["execve failed: true: No such file or directory"])
    }

    @Test func aNameWithoutSlashIsAFileOfTheWorkingDirectory() throws {
        let folder = TemporaryDirectory()
        folder.write("#!/bin/sh\nexit 7\n", to: "tool", mode: 0o755)
        #expect(try Procstar.result(of: #""argv": ["tool"]"#, directory: folder.path).exitCode == 7)
        #expect(try Procstar.result(of: #""argv": ["./tool"], "cwd": \#(json(folder.path))"#).exitCode == 7)
    }

    @Test func whatCannotBeExecutedIsToldWithItsPathAndReason() throws {
        let folder = TemporaryDirectory()
        folder.write("#!/bin/sh\n", to: "plain", mode: 0o644)
        folder.write("neither script nor program\n", to: "text", mode: 0o755)
        folder.write("", to: "empty", mode: 0o755)
        folder.write("#!/no/such/interpreter\n", to: "orphan", mode: 0o755)
        let cases = [
            ("missing", "No such file or directory"), ("plain", "Permission denied"), ("", "Permission denied"),
            ("text", "Exec format error"), ("empty", "Exec format error"), ("orphan", "No such file or directory"),
            ("plain/below", "Not a directory"),
        ]
        let specs = cases.map { "\(json($0.0)): {\"argv\": [\(json(folder.path($0.0)))]}" }
        let results = try Procstar.results(
            #"{"specs": {\#(specs.joined(separator: ", ")), "good": {"argv": ["/bin/true"]}}}"#)
        for (name, reason) in cases {
            let result = try #require(results[name])
            #expect(result.errors == ["execve failed: \(folder.path(name)): \(reason)"])
            #expect(result.state == "error" && result.cause == "start-failure" && result["pid"]?.isNull == true)
            #expect(result["status"]?["status"]?.number == 16128 && result.exitCode == 63)
        }
        #expect(results["good"]?.exitCode == 0)
    }

    @Test func anEmptyExecutableIsMissing() throws {
        let result = try Procstar.result(of: #""argv": ["x"], "exe": """#)
        #expect(result.errors == ["execve failed: : No such file or directory"])
    }

    @Test func aPathWithANULByteLeavesTheFileAloneThatItBeginsWith() throws {
        let folder = TemporaryDirectory()
        let path = folder.write("precious", to: "file")
        let result = try Procstar.result(
            of: #""argv": ["/bin/true"], "fds": [["1", {"file": {"path": "\#(path)\u0000x", "flags": "Write"}}]]"#)
        #expect(result.errors == ["failed to set up fd 1: a NUL byte in it"])
        #expect(contents(of: path) == Array("precious".utf8))
    }

    @Test func aNULByteIsAnErrorOfItsProcess() throws {
        let results = try Procstar.results(
            """
            {"specs": {"argument": {"argv": ["/bin/true", "a\\u0000b"]}, "exe": {"argv": ["x"], "exe": "/bin/\\u0000"},
             "good": {"argv": ["/bin/true"]}}}
            """)
        #expect(results["argument"]?.state == "error" && results["exe"]?.state == "error")
        #expect(results["argument"]?.errors.first?.contains("argument 1") == true)
        #expect(results["exe"]?.errors.first?.hasPrefix("execve failed: ") == true)
        #expect(results["good"]?.exitCode == 0)
    }
}
