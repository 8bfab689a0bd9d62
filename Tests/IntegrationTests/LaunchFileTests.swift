import Glibc
import ProcCore
import TestSupport
import Testing

@Suite struct LaunchFileTests {
    enum Outcome: Sendable {
        /// The file's content afterwards.
        case content(String)
        case fails(String)
    }

    struct Case: Sendable, CustomStringConvertible {
        let flags: String
        let fd: Int
        /// Nil: there is no such file before.
        let before: String?
        let outcome: Outcome

        var description: String { "\(flags) at \(fd) of \(before ?? "nothing")" }
    }

    static let missing = "No such file or directory"
    static let cases = [
        Case(flags: "Default", fd: 0, before: "old", outcome: .content("old")),
        Case(flags: "Default", fd: 0, before: nil, outcome: .fails(missing)),
        Case(flags: "Default", fd: 1, before: "old", outcome: .content("new")),
        Case(flags: "Default", fd: 2, before: nil, outcome: .content("new")),
        Case(flags: "Default", fd: 5, before: "older", outcome: .content("new")),
        Case(flags: "Default", fd: 5, before: nil, outcome: .content("new")),
        Case(flags: "Read", fd: 5, before: "old", outcome: .content("old")),
        Case(flags: "Read", fd: 1, before: nil, outcome: .fails(missing)),
        Case(flags: "Write", fd: 0, before: "older", outcome: .content("new")),
        Case(flags: "Write", fd: 5, before: nil, outcome: .content("new")),
        Case(flags: "Create", fd: 1, before: nil, outcome: .content("new")),
        Case(flags: "Create", fd: 1, before: "old", outcome: .fails("File exists")),
        Case(flags: "Replace", fd: 1, before: "older", outcome: .content("new")),
        Case(flags: "Replace", fd: 1, before: nil, outcome: .fails(missing)),
        Case(flags: "Append", fd: 1, before: "old", outcome: .content("oldnew")),
        Case(flags: "Append", fd: 1, before: nil, outcome: .fails(missing)),
        Case(flags: "CreateAppend", fd: 1, before: "old", outcome: .content("oldnew")),
        Case(flags: "CreateAppend", fd: 1, before: nil, outcome: .content("new")),
        Case(flags: "ReadWrite", fd: 1, before: "older", outcome: .content("new")),
        Case(flags: "ReadWrite", fd: 5, before: nil, outcome: .content("new")),
    ]

    @Test(arguments: cases)
    func eachFlagOpensAsDocumented(one: Case) throws {
        let folder = TemporaryDirectory()
        let path = folder.path("f")
        if let before = one.before { folder.write(before, to: "f") }
        // Writes where that is possible; fails silently where it is not.
        let file = #"["\#(one.fd)", {"file": {"path": \#(json(path)), "flags": "\#(one.flags)"}}]"#
        let result = try Procstar.result(
            of:
                #""command": "printf new >&\#(one.fd) || true", "fds": [\#(file)\#(one.fd == 2 ? "" : #", ["stderr", {"null": {}}]"#)]"#
        )
        switch one.outcome {
        case .content(let text):
            #expect(result.state == "terminated", "\(result.errors)")
            #expect(contents(of: path) == Array(text.utf8))
        case .fails(let reason):
            #expect(result.errors == ["failed to set up fd \(one.fd): \(reason)"])
            #expect(contents(of: path) == one.before.map { Array($0.utf8) })
        }
    }

    @Test(arguments: [
        ("Default", 0, "0"), ("Default", 1, "1"), ("Default", 7, "2"), ("Read", 7, "0"), ("Write", 7, "1"),
        ("Replace", 7, "1"), ("Append", 7, "2001"), ("CreateAppend", 7, "2001"), ("ReadWrite", 7, "2"),
        ("Create", 7, "1"),
    ])
    func theChildSeesTheAccessModeOfItsFlags(flags: String, fd: Int, mode: String) throws {
        let folder = TemporaryDirectory()
        let path = folder.path("f")
        if flags != "Create" { folder.write("", to: "f") }
        let result = try Procstar.result(
            of:
                #""argv": ["/bin/bash", "-c", "sed -n 's/^flags:.//p' /proc/$$/fdinfo/\#(fd) >&9; :"], "fds": [["9", \#(LaunchDescriptorTests.text)], "#
                + #"["\#(fd)", {"file": {"path": \#(json(path)), "flags": "\#(flags)"}}]]"#)
        // Octal, with O_LARGEFILE (0100000); and never O_CLOEXEC, O_NONBLOCK or O_NOCTTY.
        let flags = try #require(result.captured("9").flatMap { Int($0.dropLast(), radix: 8) }, "\(result.errors)")
        #expect(String(flags & ~0o100000, radix: 8) == mode)
    }

    @Test(arguments: [(nil, "644"), (0o600, "600"), (0o777, "755"), (0o4755, "4755"), (0, "0")] as [(Int?, String)])
    func aNewFileHasItsModeWithoutTheUmask(mode: Int?, expected: String) throws {
        let folder = TemporaryDirectory()
        let extra = mode.map { #", "mode": \#($0)"# } ?? ""
        let results = try Procstar.results(
            by: #"umask 022; exec "$0" "$@""#,
            document(
                #""argv": ["/bin/true"], "fds": [["stdout", {"file": {"path": \#(json(folder.path("f")))\#(extra)}}]]"#)
        )
        #expect(results["p"]?.exitCode == 0)
        var status = stat()
        try #require(stat(folder.path("f"), &status) == 0)
        #expect(String(status.st_mode & 0o7777, radix: 8) == expected)
    }

    @Test func theModeOfAFileThatExistsStays() throws {
        let folder = TemporaryDirectory()
        folder.write("x", to: "f", mode: 0o640)
        _ = try Procstar.result(
            of:
                #""argv": ["/bin/true"], "fds": [["stdout", {"file": {"path": \#(json(folder.path("f"))), "mode": 511}}]]"#
        )
        var status = stat()
        try #require(stat(folder.path("f"), &status) == 0)
        #expect(status.st_mode & 0o7777 == 0o640)
    }

    @Test func childrenKeepTheUmaskOfProcstar() throws {
        let results = try Procstar.results(by: #"umask 037; exec "$0" "$@""#, document(shell("umask")))
        #expect(results["p"]?.captured("stdout") == "0037\n")
    }

    @Test func aRelativePathStartsAtTheProcesssWorkingDirectory() throws {
        let folder = TemporaryDirectory()
        let result = try Procstar.result(
            of:
                #""argv": ["/bin/pwd"], "cwd": \#(json(folder.path)), "fds": [["stdout", {"file": {"path": "./here"}}]]"#
        )
        #expect(result.exitCode == 0, "\(result.errors)")
        #expect(contents(of: folder.path("here")) == Array("\(folder.path)\n".utf8))
        #expect(result["cwd"]?.text == folder.path)
        let own = try Procstar.result(
            of: #""argv": ["/bin/true"], "fds": [["stdout", {"file": {"path": "own"}}]]"#, directory: folder.path)
        #expect(own["cwd"]?.text == folder.path && contents(of: folder.path("own")) == [])
    }

    @Test func aTerminalThatIsOpenedDoesNotBecomeTheControllingOne() throws {
        let terminal = PseudoTerminal()
        let result = try Procstar.result(
            of: shell("ps -o tty= -p $$", fds: [#"["stdin", {"file": {"path": "\#(terminal.path)"}}]"#]))
        #expect(result.captured("stdout")?.hasPrefix("?") == true, "\(result)")
        #expect(result["proc_stat"]?["tty_nr"] == .array([.int(0), .int(0)]))
    }

    @Test func aDirectoryThatCannotBeEnteredIsToldAsSuch() throws {
        let folder = TemporaryDirectory()
        folder.write("", to: "file")
        let cases = [("missing", "No such file or directory"), ("file", "Not a directory")]
        let specs = cases.map { #""\#($0.0)": {"argv": ["/bin/true"], "cwd": \#(json(folder.path($0.0)))}"# }
        let results = try Procstar.results("{\"specs\": {\(specs.joined(separator: ","))}}")
        for (name, reason) in cases {
            #expect(results[name]?.errors == ["failed to change to directory \(folder.path(name)): \(reason)"])
        }
    }

    @Test(.enabled(if: getuid() == 0, "becoming another user needs root"))
    func aDirectoryThatMustNotBeEnteredIsToldAsSuch() throws {
        let folder = TemporaryDirectory()
        chmod(folder.path, 0o755)
        mkdir(folder.path("closed"), 0o700)
        let results = try Procstar.results(
            by: #"exec setpriv --reuid 65534 --regid 65534 --clear-groups "$0" "$@""#,
            document(#""argv": ["/bin/true"], "cwd": \#(json(folder.path("closed")))"#))
        #expect(
            results["p"]?.errors == ["failed to change to directory \(folder.path("closed")): Permission denied"])
    }
}
