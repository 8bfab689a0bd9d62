import CLinux
import Glibc
import ProcAgent
import ProcCore
import TestSupport
import Testing

/// What a started process gets and doesn't get, through the table.
@Suite struct OwnParentTests {
    private func output(_ command: String, _ fds: String = "", _ more: String = "") throws -> String {
        let engine = try Engine()
        try engine.start(
            SpecText.specs([
                (
                    "p",
                    SpecText.shell(
                        command,
                        "\"fds\": [[\"stdout\", {\"capture\": {\"mode\": \"memory\", \"encoding\": \"utf-8\"}}]\(fds)]\(more)"
                    )
                )
            ]))
        engine.runUntilEnded("p")
        let result = try engine.result("p")
        return result.captured("stdout") ?? "\(result)"
    }

    @Test func onlyTheDescriptorsOfTheSpecAreOpen() throws {
        let fds = ", [\"stdin\", {\"null\": {}}], [\"stderr\", {\"dup\": {\"fd\": 1}}], [\"7\", {\"null\": {}}]"
        // ls has one of its own, for the folder.
        #expect(try output("exec ls /proc/self/fd", fds) == "0\n1\n2\n3\n7\n")
    }

    @Test func aClosedDescriptorIsClosed() throws {
        let listing = try output("ls /proc/$$/fd", ", [\"stdin\", \"close\"], [\"stderr\", \"close\"]")
        #expect(!listing.split(separator: "\n").contains("0") && !listing.split(separator: "\n").contains("2"))
    }

    @Test func aDupSeesWhatStandsAtThatMoment() throws {
        let directory = TemporaryDirectory()
        let path = directory.path("out")
        // 5 copies the capture; what 6 gets later doesn't change it.
        #expect(
            try output(
                "echo a; echo b >&5; echo c >&6",
                ", [\"5\", {\"dup\": {\"fd\": 1}}], [\"6\", {\"file\": {\"path\": \"\(path)\"}}]") == "a\nb\n")
        #expect(contents(of: path) == Array("c\n".utf8))
    }

    @Test func theLimitOfOpenFilesIsTheOneThatWasThereAtTheStart() throws {
        // The engine has raised its own to the hard one; the children's is what the tests were started with.
        var now = rlimit()
        _ = clinux_get_file_limit(&now)
        let limit = try output("ulimit -Sn; ulimit -Hn").split(separator: "\n").map(String.init)
        #expect(
            limit.count == 2 && limit.last == "\(now.rlim_max)" && Int(limit[0]).map { $0 <= Int(now.rlim_max) } == true
        )
    }

    @Test func argumentsAndEnvironmentArriveAsTheyWereGiven() throws {
        let engine = try Engine()
        let arguments = ["", " ", "a b", "'\"", "\n", "ünï", "*", "-x"]
        try engine.start(
            SpecText.specs([
                (
                    "p",
                    SpecText.spec(
                        ["/bin/sh", "-c", "printf '<%s>' \"$@\"; printf '<%s>' \"$WORD\"; exit $#", "sh"] + arguments,
                        SpecText.capture() + ", \"env\": {\"inherit\": false, \"vars\": {\"WORD\": \"=a b\\nü\"}}")
                )
            ]))
        engine.runUntilEnded("p")
        let result = try engine.result("p")
        #expect(result.captured("stdout") == (arguments + ["=a b\nü"]).map { "<\($0)>" }.joined())
        #expect(result[path: "status", "exit_code"]?.number == arguments.count)
    }

    @Test func aFileThatCannotBeExecutedSaysWhy() throws {
        let engine = try Engine()
        let plain = engine.directory.write("#!/bin/sh\n", to: "plain")
        let rubbish = engine.directory.write("\u{0}\u{1}\u{2}", to: "rubbish", mode: 0o755)
        let lost = engine.directory.write("#!/no/such/interpreter\n", to: "lost", mode: 0o755)
        let expected = [
            ("plain", plain, "Permission denied"), ("rubbish", rubbish, "Exec format error"),
            ("lost", lost, "No such file or directory"), ("folder", engine.directory.path, "Permission denied"),
        ]
        try engine.start(SpecText.specs(expected.map { ($0.0, SpecText.spec([$0.1])) }))
        for (id, path, reason) in expected {
            engine.runUntilEnded(id)
            #expect(try engine.result(id)["errors"]?.texts == ["execve failed: \(path): \(reason)"])
        }
    }

    @Test func relativeExecutablesBeginAtTheWorkingDirectory() throws {
        let engine = try Engine()
        engine.directory.write("#!/bin/sh\npwd\n", to: "here", mode: 0o755)
        try engine.start(
            SpecText.specs([
                ("p", SpecText.spec(["./here"], SpecText.capture() + ", \"cwd\": \"\(engine.directory.path)\""))
            ]))
        engine.runUntilEnded("p")
        #expect(try engine.result("p").captured("stdout") == "\(engine.directory.path)\n")
        #expect(try engine.result("p")["cwd"]?.text == engine.directory.path)
    }
}
