import CLinux
import Glibc
import ProcCore
import TestSupport
import Testing

@testable import ProcAgent

@Suite struct BriefRunTests {
    private func shell(_ command: String, within limit: Interval = .seconds(20)) throws(BriefRun.Failure) -> BriefRun {
        try BriefRun(
            "/bin/sh", ["-c", command], environment: ["A=b"].map { Array($0.utf8) }, fileLimit: 64, within: limit)
    }

    @Test func whatItSaysAndHowItEndsIsTold() throws {
        let run = try shell("echo out $A $(ulimit -Sn); echo err >&2; exit 3")
        #expect(run.output == "out b 64\n" && run.errors == "err\n" && run.end == .exited(3))
        #expect(try shell("kill -9 $$").end == .killed(SIGKILL))
    }

    @Test func muchThatItSaysIsReadAndDropped() throws {
        let run = try shell("head -c 1000000 /dev/zero; echo end >&2")
        #expect(run.output.utf8.count == 16 << 10 && run.errors == "end\n" && run.end == .exited(0))
    }

    @Test func oneThatDoesNotEndIsKilled() throws {
        let folder = TemporaryDirectory()
        let failure = #expect(throws: BriefRun.Failure.self) {
            try shell("echo $$ >\(folder.path("pid")); while :; do :; done", within: .milliseconds(500))
        }
        #expect(failure == .silent(after: .milliseconds(500)))
        let pid = try #require(LiveProcess.pid(in: folder.path("pid")))
        #expect(LiveProcess.stat(pid) == nil)
    }

    @Test func othersThatHaveItsOutputAreNotWaitedFor() throws {
        let folder = TemporaryDirectory()
        let run = try shell("sleep 1000 & echo $! >\(folder.path("pid")); echo done")
        #expect(run.output == "done\n" && run.end == .exited(0))
        kill(try #require(LiveProcess.pid(in: folder.path("pid"))), SIGKILL)
    }

    @Test func oneThatIsNotThereIsTold() {
        let failure = #expect(throws: BriefRun.Failure.self) {
            try BriefRun("/no/such", [], environment: [], fileLimit: 64, within: .seconds(1))
        }
        #expect(failure?.description == "execve failed: /no/such: No such file or directory")
    }
}
