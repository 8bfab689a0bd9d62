import CLinux
import Glibc
import ProcAgent
import ProcCore
import ProcIO
import TestSupport
import Testing

@Suite struct ProcessTableTests {
    @Test func aRunningProcessShowsWhatTheKernelSaysOfItNow() throws {
        let engine = try Engine()
        try engine.start(#"{"p": {"argv": ["/bin/sleep", "100"], "fds": {"stdin": {"null": {}}}}}"#)
        // Until the exec is through, comm is the parent's.
        engine.run("sleep has begun") {
            (try? engine.result("p")["proc_stat"]?["comm"]?.text) == "sleep"
        }
        let result = try engine.result("p")
        let pid = try #require(result["pid"]?.number)
        #expect(result["state"]?.text == "running")
        #expect(result[path: "proc_stat", "pid"]?.number == pid)
        #expect(result[path: "proc_stat", "ppid"]?.number == Int(getpid()))
        #expect(result[path: "proc_stat", "session"]?.number == pid)
        #expect((result[path: "proc_statm", "resident"]?.number ?? 0) > 0)
        #expect((result[path: "usage", "maxrss"]?.number ?? 0) > 0)
        #expect(result["status"]?.isNull == true && result["rusage"]?.isNull == true)
        #expect(result["cause"]?.isNull == true && result[path: "times", "stop"]?.isNull == true)

        try engine.table.signal("p", .terminate)
        engine.runUntilEnded("p")
        let ended = try engine.result("p")
        #expect(ended["state"]?.text == "terminated")
        #expect(ended["proc_statm"]?.isNull == true && ended["usage"]?.isNull == true)
        #expect(ended[path: "proc_stat", "state"]?.text == "Z")
        #expect(ended[path: "status", "signal"]?.text == "SIGTERM")
        #expect(ended[path: "cause", "type"]?.text == "signalled" && ended[path: "cause", "sender"]?.text == "request")
    }

    @Test func whatCannotBeDoneIsRefusedInTheWordsThatClientsKnow() throws {
        let engine = try Engine()
        try engine.start(
            #"{"p": {"argv": ["/bin/cat"], "fds": {"stdin": {"null": {}}}}, "q": {"argv": ["/bin/sleep", "9"]}}"#)
        engine.runUntilEnded("p")
        #expect(throws: ProcessTable.Refusal.noProcess) { try engine.table.signal("p", .terminate) }
        #expect(throws: ProcessTable.Refusal.unknown) { try engine.table.signal("x", .terminate) }
        #expect(throws: ProcessTable.Refusal.running(id: "q")) { try engine.table.delete("q") }
        #expect(throws: ProcessTable.Refusal.unknown) { try engine.table.delete("x") }
        try engine.table.delete("p")
        #expect(engine.table.ids == ["q"])
        #expect(engine.table.snapshot("p") == nil)
    }

    @Test(arguments: ["memory", "tempfile"])
    func whatDescendantsWriteLaterShowsInLaterResults(mode: String) throws {
        let engine = try Engine()
        let go = engine.directory.path("go")
        let script = "echo first; (until [ -e \(go) ]; do sleep 0.01; done; echo second) & exit 0"
        try engine.start(
            #"{"p": {"command": "\#(script)", "fds": {"stdout": {"capture": {"mode": "\#(mode)", "encoding": "utf-8"}}}}}"#
        )
        engine.runUntilEnded("p")
        #expect(try engine.result("p").captured("stdout") == "first\n")
        engine.directory.write("", to: "go")
        engine.run("the descendant's output has come") {
            (try? engine.result("p").captured("stdout")) == "first\nsecond\n"
        }
        #expect(try engine.result("p")["state"]?.text == "terminated")
    }

    @Test func anOpenThatBlocksHoldsUpItsOwnProcessAndNobodyElse() throws {
        let engine = try Engine()
        let fifo = engine.directory.path("fifo")
        try #require(mkfifo(fifo, 0o600) == 0)
        try engine.start(
            """
            {"waits": {"argv": ["/bin/echo", "through"], "fds": {"stdout": {"file": {"path": "\(fifo)"}}}},
             "other": {"argv": ["/bin/true"]}}
            """)
        engine.runUntilEnded("other")
        #expect(!engine.events.contains(.started(id: "waits")))
        let waiting = try engine.result("waits")
        #expect(waiting["state"]?.text == "running" && waiting["pid"]?.isNull == true)
        #expect(throws: ProcessTable.Refusal.running(id: "waits")) { try engine.table.delete("waits") }

        let reader = open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        defer { close(reader) }
        engine.runUntilEnded("waits")
        var block = [UInt8](repeating: 0, count: 100)
        #expect(read(reader, &block, block.count) == 8)
        #expect(try engine.result("waits")[path: "status", "exit_code"]?.number == 0)
    }

    @Test func aSignalCancelsAProcessWhoseOpenBlocks() throws {
        let engine = try Engine()
        let fifo = engine.directory.path("fifo")
        try #require(mkfifo(fifo, 0o600) == 0)
        try engine.start(#"{"p": {"argv": ["/bin/cat"], "fds": {"stdin": {"file": {"path": "\#(fifo)"}}}}}"#)
        try engine.table.signal("p", .terminate)
        #expect(engine.events == [.started(id: "p"), .ended(id: "p"), .quiet])
        let result = try engine.result("p")
        #expect(result["state"]?.text == "error")
        #expect(
            result[path: "cause", "type"]?.text == "cancelled" && result[path: "cause", "sender"]?.text == "request")
        #expect(result["errors"] == .array([.string("cancelled before it was started")]))
        try engine.table.delete("p")
        // The thread is woken and lets go of the FIFO: an open for writing that must not wait finds no reader.
        engine.run("nobody waits at the FIFO any more") {
            let writer = open(fifo, O_WRONLY | O_NONBLOCK | O_CLOEXEC)
            if writer >= 0 { close(writer) }
            return writer < 0 && errno == ENXIO
        }
    }

    @Test func aTimeoutCountsWhileAnOpenBlocks() throws {
        let engine = try Engine()
        let fifo = engine.directory.path("fifo")
        try #require(mkfifo(fifo, 0o600) == 0)
        try engine.start(
            #"{"p": {"argv": ["/bin/cat"], "timeout": 0.05, "fds": {"stdin": {"file": {"path": "\#(fifo)"}}}}}"#)
        engine.runUntilEnded("p")
        #expect(try engine.result("p")[path: "cause", "type"]?.text == "timeout")
    }

    @Test func moreThanTheDescriptorsAllowFailsForThoseAlone() throws {
        let engine = try Engine()
        let count = 50
        var limited = DescriptorBudget(limit: DescriptorBudget.reserve + 10, inUse: 5)
        #expect(limited.take(5) && !limited.take(1))
        limited.give(5)
        #expect(limited.take(1))
        limited = DescriptorBudget(limit: 0, inUse: 0)
        #expect(!limited.take(1) && limited.refusal.contains("ulimit -n"))
        // And a table gives back what it took: as many rounds as would exhaust it otherwise.
        for round in 0..<4 {
            let specs = (0..<count).map { #""\#(round)-\#($0)": {"argv": ["/bin/true"]}"# }
            try engine.start("{\(specs.joined(separator: ","))}")
            engine.run("round \(round) ends") { engine.table.isQuiet }
        }
        #expect(engine.events.count { if case .ended = $0 { true } else { false } } == 4 * count)
    }

    @Test func eventsComeInOrderExactlyOnceForEachProcess() throws {
        let engine = try Engine()
        try engine.start(#"{"good": {"argv": ["/bin/true"]}, "bad": {"argv": ["/no/such"]}}"#)
        engine.run("both end") { engine.table.isQuiet }
        for id in ["good", "bad"] {
            #expect(
                engine.events.filter { $0 == .started(id: id) || $0 == .ended(id: id) } == [
                    .started(id: id), .ended(id: id),
                ])
        }
        #expect(engine.events.last == .quiet)
    }

    @Test func aStopEndsTheWholeSessionAndIsOverWhenNobodyIsLeft() throws {
        let engine = try Engine()
        let pidFile = engine.directory.path("pid")
        // The child of the leader ignores SIGTERM; the leader doesn't.
        let script =
            "sh -c 'trap \\\"\\\" TERM; echo $$ > \(pidFile).new; mv \(pidFile).new \(pidFile); while :; do sleep 0.05; done' & wait"
        try engine.start(#"{"p": {"command": "\#(script)", "stop": {"grace": 0.2}}}"#)
        engine.run("the child has begun") { contents(of: pidFile) != nil }
        let child = try #require(
            pid_t(String(decoding: contents(of: pidFile) ?? [], as: UTF8.self).dropLast()))
        try engine.table.stop("p")
        engine.runUntilEnded("p")
        #expect(try engine.result("p")[path: "status", "signal"]?.text == "SIGTERM")
        // Its result is there at once; that others of the session are still being ended is seen by this.
        #expect(kill(child, 0) == 0)
        engine.run("the session is gone") { engine.table.isQuiet }
        eventually("the child is gone or a zombie") {
            guard let stat = ProcFile.stat.read(child).flatMap({ ProcStat(parsing: $0.span) }) else { return true }
            return stat.isZombie
        }
    }
}
