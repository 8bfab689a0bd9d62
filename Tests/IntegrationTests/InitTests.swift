import CLinux
import Glibc
import ProcCore
import TestSupport
import Testing

private enum Container {
    static let isPossible: Bool = {
        guard geteuid() == 0, access("/usr/bin/unshare", X_OK) == 0 else { return false }
        let ended = try? ProgramRun(["/usr/bin/unshare", "--pid", "--fork", "--mount-proc", "/bin/true"]).finish()
        return ended?.exitCode == 0
    }()
}

/// procstar as PID 1 of a container, where every orphan is its child and no signal has a default effect.
@Suite(.enabled(if: Container.isPossible, "root and unshare are needed"))
struct InitTests {
    private func start(_ document: String, _ options: [String] = ["--print"]) throws -> ProgramRun {
        try ProgramRun(
            ["/usr/bin/unshare", "--pid", "--fork", "--mount-proc", Procstar.executable] + options + ["-"],
            input: Array(document.utf8))
    }

    @Test func itRunsAProcessAndDeliversItsResult() throws {
        let ended = try start(
            SpecText.document(SpecText.shell("echo $PPID; exit 3", SpecText.capture()))
        ).finish()
        #expect(ended.exitCode == 0, "\(ended.errorText)")
        let result = try #require(try JSONReader.read(ended.output)["p"])
        #expect(result.captured("stdout") == "1\n" && result[path: "status", "exit_code"]?.number == 3)
        #expect(result[path: "proc_stat", "ppid"]?.number == 1)
    }

    @Test func itReapsEveryOrphanOfTheContainer() throws {
        // Daemons in sessions of their own, whose parents are gone; the second process looks for them.
        let ended = try start(
            SpecText.document([
                ("forks", SpecText.shell("for i in 1 2 3 4 5 6 7 8; do (setsid sleep 0.1 &); done")),
                (
                    "looks",
                    SpecText.shell(
                        """
                        until grep -qs '^[0-9]* (sleep)' /proc/[0-9]*/stat; do :; done
                        while grep -qs '^[0-9]* (sleep)' /proc/[0-9]*/stat; do :; done
                        echo none left
                        """, SpecText.capture() + ", \"timeout\": 15")
                ),
            ])
        ).finish()
        #expect(ended.exitCode == 0, "\(ended.errorText)")
        let results = try JSONReader.read(ended.output)
        #expect(results["looks"]?.captured("stdout") == "none left\n", "\(results)")
    }

    @Test(arguments: [SIGTERM, SIGINT, SIGQUIT])
    func signalsEndItInOrder(signum: CInt) throws {
        let run = try start(
            SpecText.document(SpecText.shell("echo ready >&2; exec sleep 60")),
            ["--print", "--log-level", "info"])
        #expect(run.waitForError("ready\n") && run.waitForError("started processes from specs"))
        // unshare waits for its child, and passes nothing on.
        let procstar = try #require(LiveProcess.all().first { $0.ppid == run.pid })
        kill(procstar.pid, signum)
        let ended = run.finish()
        #expect(ended.exitCode == 0, "\(ended.errorText)")
        let result = try #require(try JSONReader.read(ended.output)["p"])
        #expect(result[path: "status", "signal"]?.text == (signum == SIGQUIT ? "SIGKILL" : "SIGTERM"))
        #expect(result[path: "cause", "sender"]?.text == "shutdown")
    }
}
