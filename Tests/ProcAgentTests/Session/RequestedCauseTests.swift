import CLinux
import Glibc
import ProcAgent
import ProcCore
import TestSupport
import Testing

/// The cause of an end that somebody asked for.
@Suite struct RequestedCauseTests {
    private func cause(_ signal: String, _ sender: String?) -> Value {
        .map([
            .init("type", .string("signalled")), .init("signal", .string(signal)),
            .init("sender", sender.map { .string($0) } ?? .null),
        ])
    }

    @Test func theSenderOfASignalIsTheOneWhoAsked() throws {
        let engine = try Engine()
        try engine.start(
            SpecText.specs(["request", "stop", "kill"].map { ($0, SpecText.spec(["/bin/sleep", "100"])) }))
        // They are started in slices, and before its turn a process would be cancelled.
        engine.run("all have been started") { engine.events.count == 3 }
        try engine.table.signal("request", .hangup)
        try engine.table.stop("stop")
        engine.runUntilEnded("request")
        engine.runUntilEnded("stop")
        engine.table.killAll()
        engine.runUntilEnded("kill")
        #expect(try engine.result("request")["cause"] == cause("SIGHUP", "request"))
        #expect(try engine.result("stop")["cause"] == cause("SIGTERM", "stop"))
        #expect(try engine.result("kill")["cause"] == cause("SIGKILL", "shutdown"))
    }

    @Test func aSignalThatDidNotEndItIsNotTheCause() throws {
        let engine = try Engine()
        let ready = engine.directory.path("ready")
        try engine.start(
            SpecText.specs([
                (
                    "p",
                    SpecText.shell(
                        "trap '' USR1; : > \(ready); while [ -e \(ready) ]; do sleep 0.01; done; kill -TERM $$")
                )
            ]))
        engine.run("it is ready") { contents(of: ready) != nil }
        try engine.table.signal("p", #require(Signal(SIGUSR1)))
        unlink(ready)
        engine.runUntilEnded("p")
        #expect(try engine.result("p")["cause"] == cause("SIGTERM", nil))
    }

    @Test func aSignalGoesToTheLeaderAlone() throws {
        let engine = try Engine()
        let pidFile = engine.directory.path("pid")
        let child = "echo $$ > \(pidFile).new; mv \(pidFile).new \(pidFile); exec sleep 100"
        try engine.start(
            SpecText.specs([
                ("p", SpecText.shell("sh -c '\(child)' & until [ -e \(pidFile) ]; do sleep 0.01; done; wait"))
            ]))
        engine.run("the child has begun") { LiveProcess.pid(in: pidFile) != nil }
        let pid = try #require(LiveProcess.pid(in: pidFile))
        defer { kill(pid, SIGKILL) }
        try engine.table.signal("p", .terminate)
        engine.runUntilEnded("p")
        #expect(LiveProcess.isAlive(pid))
    }

    @Test func whoExitsWhenToldToStopHasExited() throws {
        let engine = try Engine()
        let ready = engine.directory.path("ready")
        try engine.start(
            SpecText.specs([
                ("p", SpecText.shell("trap 'exit 9' TERM; : > \(ready); while :; do sleep 0.01; done"))
            ]))
        engine.run("it is ready") { contents(of: ready) != nil }
        try engine.table.stop("p")
        engine.runUntilEnded("p")
        #expect(try engine.result("p")["cause"] == .map([.init("type", .string("exited"))]))
        #expect(try engine.result("p")[path: "status", "exit_code"]?.number == 9)
    }

    @Test func theKillAfterAStopsGraceIsTheStoppersToo() throws {
        let engine = try Engine()
        let ready = engine.directory.path("ready")
        try engine.start(
            SpecText.specs([
                (
                    "p",
                    SpecText.shell(
                        "trap '' TERM; : > \(ready); while :; do sleep 0.01; done", "\"stop\": {\"grace\": 0.05}")
                )
            ]))
        engine.run("it is ready") { contents(of: ready) != nil }
        try engine.table.stop("p")
        engine.runUntilEnded("p")
        #expect(try engine.result("p")["cause"] == cause("SIGKILL", "stop"))
    }
}
