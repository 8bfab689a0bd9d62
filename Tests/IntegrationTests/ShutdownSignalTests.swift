import CLinux
import Glibc
import ProcCore
import ProcIO
import TestSupport
import Testing

/// What signals to a procstar in local mode do, by the table of the protocol.
@Suite struct ShutdownSignalTests {
    /// Two sleepers that have begun.
    static func twoSleepers(_ options: [String] = ["--print"]) throws -> ProgramRun {
        let run = try Procstar.start(
            #"{"specs": {"a": {"command": "echo ready >&2; exec sleep 1000"}, "#
                + #""b": {"command": "echo ready >&2; exec sleep 1000"}}}"#, options)
        #expect(run.waitForError("ready\nready\n"))
        return run
    }

    /// One that survives SIGTERM and says so.
    static let stubborn =
        #""command": "trap 'echo ignored >&2' TERM; echo ready >&2; while :; do sleep 1000 & wait $!; done""#

    @Test(arguments: [SIGTERM, SIGINT, SIGHUP])
    func processesGetSIGTERMAndResultsAreDelivered(signal: CInt) throws {
        let run = try Self.twoSleepers()
        run.signal(signal)
        let ended = run.finish()
        #expect(ended.exitCode == 0)
        let results = try ended.results
        for id in ["a", "b"] {
            let result = try #require(results[id])
            #expect(result["status"]?["signal"]?.text == "SIGTERM" && result["status"]?["signum"]?.number == 15)
            #expect(result.cause == "signalled" && result["cause"]?["sender"]?.text == "shutdown")
            #expect(result.state == "terminated" && result.errors == [])
        }
    }

    @Test(arguments: [SIGTERM, SIGINT])
    func aSignalCountsEvenWhereItWasIgnoredAndBlockedAtTheStart(signal: CInt) throws {
        // As shells start what runs in the background.
        let run = try Procstar.start(
            by: #"exec env --ignore-signal=INT,TERM,QUIT --block-signal=INT,TERM "$0" "$@""#,
            document(#""command": "echo ready >&2; exec sleep 1000""#))
        #expect(run.waitForError("ready"))
        run.signal(signal)
        let ended = run.finish()
        #expect(ended.exitCode == 0)
        #expect(try ended.results["p"]?["status"]?["signal"]?.text == "SIGTERM")
    }

    @Test func whatIsMeantForAgentsDoesNothing() throws {
        let run = try Self.twoSleepers()
        run.signal(SIGUSR1)
        run.signal(SIGUSR2)
        // Taken after them. As the first signal that counts it asks, and doesn't kill.
        run.signal(SIGTERM)
        let ended = run.finish()
        #expect(ended.exitCode == 0)
        #expect(try ended.results["a"]?["status"]?["signal"]?.text == "SIGTERM")
    }

    @Test func aHangupThatNohupHasIgnoredStaysIgnored() throws {
        let run = try Procstar.start(
            by: #"exec env --ignore-signal=HUP "$0" "$@""#, document(#""command": "echo ready >&2; exec sleep 1000""#))
        #expect(run.waitForError("ready"))
        // The lower number is taken first: a SIGHUP that counted would have ended the process, as the first of two.
        run.signal(SIGHUP)
        let member = try #require(Self.children(of: run.pid).first)
        kill(member, SIGKILL)
        let ended = run.finish()
        #expect(ended.exitCode == 0)
        #expect(try ended.results["p"]?["cause"]?["sender"]?.isNull == true)
    }

    @Test func SIGQUITKillsAtOnce() throws {
        let run = try Procstar.start(document(Self.stubborn))
        #expect(run.waitForError("ready"))
        run.signal(SIGQUIT)
        let ended = run.finish()
        #expect(ended.exitCode == 0)
        let result = try #require(try ended.results["p"])
        #expect(result["status"]?["signal"]?.text == "SIGKILL" && result["cause"]?["sender"]?.text == "shutdown")
        #expect(!ended.errorText.contains("ignored"), "it got a SIGTERM, too")
    }

    @Test(arguments: [(SIGTERM, SIGTERM), (SIGINT, SIGINT), (SIGTERM, SIGINT), (SIGINT, SIGQUIT), (SIGHUP, SIGTERM)])
    func aSecondSignalKillsWhatIgnoredTheFirst(first: CInt, second: CInt) throws {
        let run = try Procstar.start(document(Self.stubborn))
        #expect(run.waitForError("ready"))
        run.signal(first)
        #expect(run.waitForError("ignored"))
        run.signal(second)
        let ended = run.finish()
        #expect(ended.exitCode == 0)
        #expect(try ended.results["p"]?["status"]?["signal"]?.text == "SIGKILL")
        #expect(try ended.results["p"]?["cause"]?["sender"]?.text == "shutdown")
    }

    @Test func SIGUSR1HasNoEffect() throws {
        let run = try Self.twoSleepers()
        run.signal(SIGUSR1)
        run.signal(SIGUSR1)
        // Signals are taken in the order of their numbers, so SIGTERM alone would not prove it: something has to pass.
        let member = try #require(Self.children(of: run.pid).first)
        kill(member, SIGKILL)
        run.signal(SIGTERM)
        let ended = run.finish()
        #expect(ended.exitCode == 0)
        let signals = try ["a", "b"].map { try ended.results[$0]?["status"]?["signal"]?.text }
        #expect(Set(signals) == ["SIGKILL", "SIGTERM"])
    }

    @Test func aSignalThatIsNotOursHasNoSender() throws {
        let run = try Self.twoSleepers()
        for child in Self.children(of: run.pid) { kill(child, SIGKILL) }
        let results = try run.finish().results
        #expect(results["a"]?.cause == "signalled" && results["a"]?["cause"]?["sender"]?.isNull == true)
    }

    @Test func theWholeSessionIsEnded() throws {
        let folder = TemporaryDirectory()
        // A grandchild in a group of its own; it holds the FIFO's only write end.
        try #require(mkfifo(folder.path("held"), 0o600) == 0)
        let command = "exec 7<>\(folder.path("held")); bash -mc 'sleep 1000 & wait' & echo ready >&2; wait"
        let run = try Procstar.start(document(#""argv": ["/bin/bash", "-c", \#(json(command))]"#))
        #expect(run.waitForError("ready"))
        let reader = open(folder.path("held"), O_RDONLY | O_CLOEXEC)
        defer { close(reader) }
        run.signal(SIGTERM)
        #expect(run.finish().exitCode == 0)
        // End of file, once nobody of the session is left; a reader that came too late would wait for ever.
        #expect(readToEnd(reader) == [])
    }

    @Test func whatIgnoresSIGTERMInASessionWhoseLeaderEndedIsKilledByTheSecondSignal() throws {
        let command = "(trap '' TERM; echo ready >&2; while :; do sleep 1000; done) & wait"
        let run = try Procstar.start(document(#""command": \#(json(command))"#), ["--print", "--log-level", "debug"])
        #expect(run.waitForError("ready"))
        run.signal(SIGTERM)
        #expect(run.waitForError("a process has ended"))
        run.signal(SIGTERM)
        #expect(run.finish().exitCode == 0)
    }

    @Test func aStoppedProcessIsEndedToo() throws {
        let run = try Procstar.start(document(#""command": "echo ready >&2; kill -STOP $$; exec sleep 1000""#))
        #expect(run.waitForError("ready"))
        eventually("the process is stopped") {
            Self.children(of: run.pid).contains { Self.state(of: $0) == "T" }
        }
        run.signal(SIGTERM)
        #expect(try run.finish().results["p"]?["status"]?["signal"]?.text == "SIGTERM")
    }

    @Test func whatIsNotStartedYetIsCancelled() throws {
        let folder = TemporaryDirectory()
        try #require(mkfifo(folder.path("fifo"), 0o600) == 0)
        let blocked = (0..<100).map {
            #""blocked \#($0)": {"argv": ["/bin/true"], "fds": [["stdin", {"file": {"path": \#(json(folder.path("fifo")))}}]]}"#
        }
        let run = try Procstar.start(
            "{\"specs\": {\(blocked.joined(separator: ", ")), \"runs\": {\"command\": \"echo ready >&2; sleep 1000\"}}}"
        )
        #expect(run.waitForError("ready"))
        run.signal(SIGTERM)
        let ended = run.finish()
        #expect(ended.exitCode == 0)
        let results = try ended.results
        for index in 0..<100 {
            let result = try #require(results["blocked \(index)"])
            #expect(result.errors == ["cancelled before it was started"])
            #expect(result.cause == "cancelled" && result["cause"]?["sender"]?.text == "shutdown")
            #expect(result.exitCode == 63 && result["pid"]?.isNull == true)
        }
        #expect(results["runs"]?["status"]?["signal"]?.text == "SIGTERM")
    }

    @Test func aShutdownInTheMidstOfManyStartsEndsThemAll() throws {
        let specs = (0..<1500).map { #""\#($0)": {"argv": ["/bin/sleep", "1000"]}"# }
        let run = try Procstar.start(
            #"{"specs": {"first": {"command": "echo ready >&2; exec sleep 1000"}, \#(specs.joined(separator: ", "))}}"#)
        #expect(run.waitForError("ready"))
        run.signal(SIGTERM)
        let ended = run.finish()
        #expect(ended.exitCode == 0)
        let results = try ended.results
        for index in 0..<1500 {
            let result = try #require(results["\(index)"])
            #expect(result["cause"]?["sender"]?.text == "shutdown", "\(index): \(result)")
        }
    }

    @Test(arguments: [SIGTERM, SIGINT, SIGHUP, SIGQUIT])
    func aSignalWhileTheDocumentIsBeingReadEndsTheProgram(signal: CInt) throws {
        let (reader, writer) = try ProgramRun.pipe()
        let run = try ProgramRun([Procstar.executable, "--print", "-"], descriptors: [0: reader.rawValue])
        #expect(write(writer.rawValue, "{", 1) == 1)
        eventually("the input is being read") { Self.waiting(in: reader.rawValue) == 0 }
        run.signal(signal)
        let ended = run.finish()
        #expect(ended.termSignal == signal && ended.output.isEmpty)
        withExtendedLifetime(writer) {}
    }

    @Test(arguments: [SIGTERM, SIGQUIT])
    func theFirstSignalWhileResultsAreWrittenLosesNothing(signal: CInt) throws {
        let run = try Self.halfWritten()
        run.signal(signal)
        eventually("the signal is taken") { !Self.isPending(signal, in: run.pid) }
        let ended = run.finish()
        #expect(ended.exitCode == 0)
        #expect(try ended.results["p"]?.captured("stdout")?.utf8.count == 1 << 20)
    }

    @Test func aSecondSignalWhileNobodyReadsTheResultsEndsTheProgram() throws {
        let run = try Self.halfWritten()
        run.signal(SIGTERM)
        eventually("the first signal is taken") { !Self.isPending(SIGTERM, in: run.pid) }
        run.signal(SIGTERM)
        eventually("the program has ended") { Self.state(of: run.pid) == "Z" }
        #expect(run.finish().termSignal == SIGTERM)
    }

    /// A procstar that has begun to write more results than fit into its standard output, which nobody reads.
    static func halfWritten() throws -> ProgramRun {
        let run = try Procstar.start(document(shell("head -c 1048576 /dev/zero | tr '\\0' x")))
        #expect(run.waitForOutput("{\"p\""))
        return run
    }

    // MARK: What the kernel says

    static func children(of pid: pid_t) -> [pid_t] {
        let bytes = contents(of: "/proc/\(pid)/task/\(pid)/children") ?? []
        return String(decoding: bytes, as: UTF8.self).split(separator: " ").compactMap { pid_t($0) }
    }

    static func state(of pid: pid_t) -> String? {
        let text = String(decoding: contents(of: "/proc/\(pid)/stat") ?? [], as: UTF8.self)
        return text.split(separator: ") ").last?.first.map(String.init)
    }

    /// Whether a signal has been sent to the process and not been taken yet.
    static func isPending(_ signal: CInt, in pid: pid_t) -> Bool {
        let text = String(decoding: contents(of: "/proc/\(pid)/status") ?? [], as: UTF8.self)
        return (LaunchSessionTests.mask("ShdPnd", text) ?? 0) >> UInt64(signal - 1) & 1 == 1
    }

    static func waiting(in pipe: CInt) -> CInt { clinux_bytes_waiting(pipe) }
}
