import Glibc
import ProcCore
import ProcIO
import TestSupport
import Testing

/// Subscriptions that are wrong, and captures that are no plain stream.
@Suite struct AgentPushTroubleTests {
    static func bed(_ options: [String] = []) throws -> (scheduler: Scheduler, agent: AgentProcess, peer: Peer) {
        try AgentPushTests.bed(options)
    }

    @Test func whatIsWrongWithASubscriptionIsSaid() throws {
        let (_, _, peer) = try Self.bed()
        let fds = #""fds": {"stdout": {"capture": {}}, "7": {"null": {}}}"#
        try peer.begin("a", SpecText.spec(["/bin/sleep", "1000"], fds))
        for (interval, output, text) in [
            (.null, ["9": [:]], "no fd: 9"), (.null, ["7": [:]], "no fd data"), (.null, ["zwei": [:]], "bad fd: zwei"),
            (.null, ["stdout": [:], "1": [:]], "duplicate fd: 1"),
            (0.05, [:], "interval: 0.05 is not a number of seconds from 0.1 up, or null"),
            (0, [:], "interval: 0 is not a number of seconds from 0.1 up, or null"),
            (-1, [:], "interval: -1 is not a number of seconds from 0.1 up, or null"),
            ("5", [:], #"interval: "5" is not a number of seconds from 0.1 up, or null"#),
            (.null, ["stdout": ["window": 0]], "output.stdout.window: 0 is not a number of bytes from 1 to 1073741824"),
            (
                .null, ["stdout": ["window": 1_073_741_825]],
                "output.stdout.window: 1073741825 is not a number of bytes from 1 to 1073741824"
            ),
            (.null, ["stdout": ["start": 1.5]], "output.stdout.start: 1.5 is not a whole number of 64 bits"),
            (.null, ["stdout": ["start": 1]], "start beyond the end: 1 of 0 bytes"),
        ] as [(Value, Value, String)] {
            let request = Peer.subscription("a", interval: interval, output: output)
            #expect(try peer.refusal(of: request) == text)
        }
        #expect(try peer.refusal(of: Peer.subscription("a", output: 5)).hasPrefix("output: 5 is not"))
        #expect(
            try peer.refusal(of: Peer.subscription("a", output: ["stdout": 5])).hasPrefix("output.stdout: 5 is not"))
        try peer.expectUnknown(Peer.subscription("nope"))
        try peer.expectUnknown(["type": "ProcUnsubscribeRequest", "proc_id": "nope"])
        // None of them is one.
        let unsubscription: Value = ["type": "ProcUnsubscribeRequest", "proc_id": "a"]
        #expect(try peer.refusal(of: unsubscription) == "not subscribed: a")
    }

    @Test func oneThatIsRefusedLeavesTheFormerInPlace() throws {
        let (_, _, peer) = try Self.bed()
        try peer.begin("a", SpecText.spec(["/bin/sleep", "1000"], SpecText.capture()))
        peer.subscribe("a", output: ["stdout": [:]])
        _ = try peer.result("running", of: "a")
        _ = try peer.refusal(of: Peer.subscription("a", output: ["9": [:]]))
        peer.signal("a", 15)
        #expect(try peer.next("ProcResult", "a")["final"] == true)
    }

    @Test func aProcessThatWaitsForAnOpenCanBeSubscribedTo() throws {
        let (_, _, peer) = try Self.bed()
        let folder = TemporaryDirectory()
        try #require(mkfifo(folder.path("fifo"), 0o600) == 0)
        let path = SpecText.quoted(folder.path("fifo"))
        let fds =
            #""fds": [["stdin", {"file": {"path": \#(path)}}], ["stdout", {"capture": {"mode": "memory"}}]]"#
        try peer.start("a", SpecText.spec(["/bin/cat"], fds))
        peer.subscribe("a", output: ["stdout": [:]])
        #expect(try peer.result("running", of: "a")["pid"] == .null)
        let writer = open(folder.path("fifo"), O_WRONLY | O_CLOEXEC)
        #expect(write(writer, "through", 7) == 7)
        close(writer)
        var follow = Follow("a", ["stdout": 0])
        #expect(try follow.takeAll(from: peer)["state"] == "terminated")
        #expect(follow.output["stdout"] == Array("through".utf8))
        try peer.nothingMore()
    }

    // MARK: Captures that are no plain stream

    @Test(arguments: ["tail", "both"])
    func aCaptureThatKeepsItsEndIsSentWhenTheProcessHasEnded(keep: String) throws {
        let (scheduler, _, peer) = try Self.bed()
        let folder = TemporaryDirectory()
        try #require(mkfifo(folder.path("go"), 0o600) == 0)
        let capture = SpecText.capture("memory", more: #", "limit": 8, "keep": "\#(keep)""#)
        let command = "printf 0123456789; read line <\(folder.path("go")); printf abcdefghij"
        try peer.begin("a", SpecText.shell(command, capture))
        peer.subscribe("a", output: ["stdout": [:]])
        _ = try peer.result("running", of: "a")
        scheduler.turn(for: .milliseconds(300))
        try peer.nothingMore()
        let writer = open(folder.path("go"), O_WRONLY | O_CLOEXEC)
        close(writer)
        var follow = Follow("a", ["stdout": 0])
        _ = try follow.takeAll(from: peer)
        // The same that a result shows.
        let shown = try #require(try peer.askResult(of: "a").captured("stdout"))
        #expect(shown.hasSuffix(keep == "tail" ? "cdefghij" : "ghij") && shown.contains("12 bytes cut"))
        #expect(String(decoding: follow.output["stdout"] ?? [], as: UTF8.self) == shown)
    }

    @Test func aCaptureThatKeepsItsBeginningIsSentUpToThat() throws {
        let (_, _, peer) = try Self.bed()
        let capture = SpecText.capture("memory", more: #", "limit": 8, "keep": "head""#)
        try peer.start("a", SpecText.shell("printf 0123456789abcdef", capture))
        peer.subscribe("a", output: ["stdout": [:]])
        var follow = Follow("a", ["stdout": 0])
        _ = try follow.takeAll(from: peer)
        let shown = try #require(try peer.askResult(of: "a").captured("stdout"))
        #expect(String(decoding: follow.output["stdout"] ?? [], as: UTF8.self) == shown && shown.hasPrefix("01234567"))
    }

    @Test(arguments: ["tempfile", "memory"])
    func whatDescendantsWriteComesBehindTheFinalResult(mode: String) throws {
        let (_, _, peer) = try Self.bed()
        let folder = TemporaryDirectory()
        try #require(mkfifo(folder.path("go"), 0o600) == 0)
        let command = "(read line <\(folder.path("go")); printf late) & printf early"
        try peer.start("a", SpecText.shell(command, SpecText.capture(mode)))
        peer.subscribe("a", output: ["stdout": [:]])
        var follow = Follow("a", ["stdout": 0])
        _ = try follow.takeAll(from: peer)
        #expect(follow.output["stdout"] == Array("early".utf8))
        let writer = open(folder.path("go"), O_WRONLY | O_CLOEXEC)
        close(writer)
        #expect(try peer.pushed("a", from: 5, count: 4) == Array("late".utf8))
        try peer.nothingMore()
    }

    @Test func outputThatCannotBeReadIsSaidOnceAndTheFinalResultDoesNotWaitForIt() throws {
        let (_, _, peer) = try Self.bed(["--capture-dir", "/no/such/folder", "--capture-memory", "64k"])
        let folder = TemporaryDirectory()
        try #require(mkfifo(folder.path("go"), 0o600) == 0)
        let fds = #""fds": {"stdout": {"capture": {"mode": "memory"}}, "stderr": {"capture": {"mode": "memory"}}}"#
        // More than stays in memory, and no folder for the rest.
        let command = "printf seen >&2; read line <\(folder.path("go")); head -c 1000000 /dev/zero"
        try peer.begin("a", SpecText.shell(command, fds))
        peer.subscribe("a", output: ["stdout": [:], "stderr": [:]])
        _ = try peer.result("running", of: "a")
        #expect(try peer.piece(of: "a", "stderr") == Array("seen".utf8))
        let writer = open(folder.path("go"), O_WRONLY | O_CLOEXEC)
        close(writer)
        var errors = 0
        let final = try peer.skip(to: "the final result") { message in
            if message.type == "RequestError" {
                errors += 1
                #expect(message["msg"] == Peer.subscription("a", output: ["stdout": [:], "stderr": [:]]))
                #expect(message["err"]?.text?.contains("/no/such/folder") == true)
            }
            return message["final"] == true
        }
        #expect(errors == 1 && final[path: "res", "state"] == "terminated")
        #expect(final[path: "res", "fds", "stdout", "type"] == "error")
        try peer.nothingMore()
    }

    @Test func subscriptionsDoNotKeepADrainingAgentFromEnding() throws {
        let (_, agent, peer) = try Self.bed()
        try peer.begin("a", SpecText.spec(["/bin/sleep", "1000"], SpecText.capture()))
        peer.subscribe("a", interval: 1000, output: ["stdout": ["window": 1]])
        _ = try peer.result("running", of: "a")
        agent.signal(SIGTERM)
        try AgentShutdownTests.expect("idling", from: peer)
        #expect(try peer.next("ProcResult", "a")["final"] == true)
        try peer.delete("a")
        try AgentShutdownTests.expectGoodbye(agent, peer)
    }
}
