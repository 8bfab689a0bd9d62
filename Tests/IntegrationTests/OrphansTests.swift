import CLinux
import Glibc
import ProcCore
import TestSupport
import Testing

/// What becomes of processes that outlive the leader of their session.
@Suite struct OrphansTests {
    /// Writes its number where a test finds it whole.
    private func report(_ path: String) -> String { "echo $$ > \(path).new; mv \(path).new \(path)" }

    @Test func keptOnesLiveOnWhenTheResultsAreThereAndProcstarIsGone() throws {
        let directory = TemporaryDirectory()
        let pidFile = directory.path("pid")
        let go = directory.path("go")
        let done = directory.path("done")
        let child = "\(report(pidFile)); until [ -e \(go) ]; do sleep 0.01; done; echo > \(done)"
        let run = try Procstar.start(
            SpecText.document(
                SpecText.shell(
                    "sh -c '\(child)' > /dev/null 2>&1 & until [ -e \(pidFile) ]; do sleep 0.01; done; exit 6")))
        let ended = run.finish()
        #expect(ended.exitCode == 0)
        let result = try #require(try JSONReader.read(ended.output)["p"])
        #expect(result[path: "status", "exit_code"]?.number == 6 && result[path: "cause", "type"]?.text == "exited")
        let pid = try #require(LiveProcess.pid(in: pidFile))
        defer { kill(pid, SIGKILL) }
        let stat = try #require(LiveProcess.stat(pid))
        #expect(!stat.isZombie && stat.ppid != run.pid && Int(stat.session) == result["pid"]?.number)
        directory.write("", to: "go")
        eventually("it has gone on to its end") { contents(of: done) != nil }
    }

    @Test func killedOnesAreGoneWhenTheResultsAreThere() throws {
        let directory = TemporaryDirectory()
        let pidFile = directory.path("pid")
        let child = "trap \"\" TERM HUP; \(report(pidFile)); while :; do sleep 0.05; done"
        let results = try Procstar.results(
            SpecText.document(
                SpecText.shell(
                    "sh -c '\(child)' & until [ -e \(pidFile) ]; do sleep 0.01; done; exit 6", "\"orphans\": \"kill\""))
        )
        #expect(results[path: "p", "status", "exit_code"]?.number == 6)
        #expect(results[path: "p", "cause", "type"]?.text == "exited")
        #expect(!LiveProcess.isAlive(try #require(LiveProcess.pid(in: pidFile))))
    }

    @Test func orphansThatEndAreReapedWhileAnotherProcessRuns() throws {
        let directory = TemporaryDirectory()
        let counted = directory.path("counted")
        let run = try Procstar.start(
            SpecText.document([
                ("stays", SpecText.spec(["/bin/cat"], "\"fds\": {\"stdin\": \(fifo(directory))}")),
                ("leaves", SpecText.shell("for i in 1 2 3 4 5; do (sleep 0.05; echo $i >> \(counted)) & done; exit 0")),
            ]))
        let writer = open(directory.path("fifo"), O_WRONLY | O_CLOEXEC)
        eventually("all five have run") { contents(of: counted)?.count == 10 }
        reaped(by: run.pid)
        close(writer)
        #expect(run.finish().exitCode == 0)
    }

    @Test func orphansAreReapedThoughTheZombieOfALingeringSessionIsKept() throws {
        let directory = TemporaryDirectory()
        let begun = directory.path("begun")
        let counted = directory.path("counted")
        // Its leader ends at the timeout, its child doesn't: the leader's zombie stays for the grace.
        let run = try Procstar.start(
            SpecText.document([
                (
                    "lingers",
                    SpecText.shell(
                        "(trap '' TERM; echo > \(begun); while :; do sleep 0.02; done) & until [ -e \(begun) ]; do sleep 0.01; done; exec sleep 60",
                        "\"timeout\": 0.3, \"stop\": {\"grace\": 30}")
                ),
                ("stays", SpecText.spec(["/bin/cat"], "\"fds\": {\"stdin\": \(fifo(directory))}")),
                (
                    "leaves",
                    SpecText.shell("for i in 1 2 3 4 5; do (sleep 0.6; echo $i >> \(counted)) & done; exit 0")
                ),
            ]))
        let writer = open(directory.path("fifo"), O_WRONLY | O_CLOEXEC)
        eventually("all five have run") { contents(of: counted)?.count == 10 }
        eventually("the leader alone is left", seen: { "\(LiveProcess.zombies(of: run.pid).map(\.comm))" }) {
            LiveProcess.zombies(of: run.pid).map(\.comm) == ["sleep"]
        }
        close(writer)
        run.signal(SIGTERM)
        run.signal(SIGQUIT)
        let ended = run.finish()
        #expect(ended.exitCode == 0)
        #expect(try JSONReader.read(ended.output)[path: "lingers", "cause", "type"]?.text == "timeout")
    }

    @Test func fiveHundredAtOnceAreReaped() throws {
        let directory = TemporaryDirectory()
        let go = directory.path("go")
        let count = 500
        let run = try Procstar.start(
            SpecText.document([
                ("stays", SpecText.spec(["/bin/cat"], "\"fds\": {\"stdin\": \(fifo(directory))}")),
                (
                    "leaves",
                    // All of them wait in the open of one FIFO, and go on at once.
                    SpecText.shell(
                        "mkfifo \(go); i=0; while [ $i -lt \(count) ]; do (: < \(go)) & i=$((i + 1)); done; exit 0")
                ),
            ]))
        let writer = open(directory.path("fifo"), O_WRONLY | O_CLOEXEC)
        eventually("all wait, and are procstar's", seen: { "\(children(of: run.pid))" }) {
            children(of: run.pid) == count + 1
        }
        let release = open(go, O_WRONLY | O_CLOEXEC)
        close(release)
        eventually("all are reaped", seen: { "\(children(of: run.pid))" }) { children(of: run.pid) == 1 }
        close(writer)
        #expect(run.finish().exitCode == 0)
    }

    @Test(.enabled(if: access("/usr/bin/setsid", X_OK) == 0, "setsid is needed"))
    func aDaemonInASessionOfItsOwnSurvivesAndIsReapedWhenItEnds() throws {
        let directory = TemporaryDirectory()
        let pidFile = directory.path("pid")
        let go = directory.path("go")
        let daemon = "\(report(pidFile)); until [ -e \(go) ]; do sleep 0.01; done"
        let run = try Procstar.start(
            SpecText.document([
                ("stays", SpecText.spec(["/bin/cat"], "\"fds\": {\"stdin\": \(fifo(directory))}")),
                (
                    "forks",
                    SpecText.shell(
                        "(setsid sh -c '\(daemon)' &) ; until [ -e \(pidFile) ]; do sleep 0.01; done; exit 0",
                        "\"orphans\": \"kill\"")
                ),
            ]), ["--print", "--log-level", "debug"])
        let writer = open(directory.path("fifo"), O_WRONLY | O_CLOEXEC)
        #expect(run.waitForError("a process has ended"))
        let pid = try #require(LiveProcess.pid(in: pidFile))
        let stat = try #require(LiveProcess.stat(pid))
        #expect(!stat.isZombie && stat.session == pid && stat.ppid == run.pid)
        directory.write("", to: "go")
        eventually("it has ended and is reaped") { LiveProcess.stat(pid) == nil }
        close(writer)
        #expect(run.finish().exitCode == 0)
    }

    @Test func aProcessThatIsNobodysWhenItEndsIsLeftToTheNextReaper() throws {
        let directory = TemporaryDirectory()
        let pidFile = directory.path("pid")
        let child = "\(report(pidFile)); until [ -e \(directory.path("go")) ]; do sleep 0.01; done"
        let run = try Procstar.start(
            SpecText.document(
                SpecText.shell("sh -c '\(child)' >&- 2>&- & until [ -e \(pidFile) ]; do sleep 0.01; done")))
        #expect(run.finish().exitCode == 0)
        let pid = try #require(LiveProcess.pid(in: pidFile))
        let parent = try #require(LiveProcess.stat(pid)).ppid
        // PID 1, or a subreaper above us (the tests are one themselves, once an engine has run in them).
        #expect(parent == 1 || parent == getpid() || LiveProcess.isAlive(parent))
        directory.write("", to: "go")
        eventually("it has ended") { !LiveProcess.isAlive(pid) }
    }

    /// The spec of a FIFO that a process waits at until the test closes its end.
    private func fifo(_ directory: TemporaryDirectory) -> String {
        let path = directory.path("fifo")
        precondition(mkfifo(path, 0o600) == 0, "mkfifo \(path)")
        return "{\"file\": {\"path\": \(SpecText.quoted(path))}}"
    }

    private func children(of parent: pid_t) -> Int { LiveProcess.all().count { $0.ppid == parent } }

    private func reaped(by parent: pid_t, sourceLocation: SourceLocation = #_sourceLocation) {
        eventually(
            "no zombie of procstar is left", seen: { "\(LiveProcess.zombies(of: parent).map(\.comm))" },
            sourceLocation: sourceLocation
        ) { LiveProcess.zombies(of: parent).isEmpty }
    }
}
