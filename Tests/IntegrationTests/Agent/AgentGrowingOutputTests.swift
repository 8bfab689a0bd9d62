import Glibc
import ProcCore
import TestSupport
import Testing

/// Output on request while it is being written.
@Suite struct AgentGrowingOutputTests {
    @Test(arguments: ["tempfile", "memory"])
    func whatIsThereIsSentWhileTheProcessRuns(mode: String) throws {
        let scheduler = try Scheduler()
        let (_, peer) = try scheduler.agent()
        let folder = TemporaryDirectory()
        try #require(mkfifo(folder.path("go"), 0o600) == 0)
        let command = "printf hello; read line <\(folder.path("go")); printf ' world'"
        try peer.begin("a", SpecText.shell(command, SpecText.capture(mode)))
        #expect(try peer.output("a", count: 5) == Array("hello".utf8))
        let beyond = try peer.askOutput("a", "stdout", 5)
        #expect(beyond["data"] == .binary([]) && beyond["start"] == 5 && beyond["stop"] == 5)
        #expect(try peer.askResult(of: "a").captured("stdout") == "hello")

        let writer = open(folder.path("go"), O_WRONLY | O_CLOEXEC)
        #expect(write(writer, "\n", 1) == 1)
        close(writer)
        #expect(try peer.result("terminated", of: "a").captured("stdout") == "hello world")
        #expect(try peer.askOutput("a", "stdout", 5)["data"]?.bytes == Array(" world".utf8))
        #expect(try peer.askOutput("a", "stdout", -5)["data"]?.bytes == Array("world".utf8))
    }

    @Test(arguments: ["tempfile", "memory"])
    func everyAnswerIsATruePieceOfWhatIsBeingWrittenAndNothingIsLost(mode: String) throws {
        let scheduler = try Scheduler()
        let (_, peer) = try scheduler.agent()
        // 8 MB in pieces of all sizes: lines of seven digits.
        let script = """
            import os, random
            random.seed(5)
            data = b''.join(b'%d\\n' % n for n in range(1000000, 2000000))
            at = 0
            while at < len(data):
                at += os.write(1, data[at:at + random.choice([1, 7, 300, 4096, 70000])])
            """
        let capture = SpecText.capture(mode, more: #", "attached": false"#)
        try peer.begin("a", SpecText.spec(Python.argv(script), capture))
        var random = SeededGenerator(seed: 6)
        var asked = 0
        var known = 0
        var isOver = false
        while !isOver {
            // Whole ranges known to be there, and some that reach beyond what is there.
            let start = Int.random(in: 0...known, using: &random)
            let stop = start + Int.random(in: 0..<100_000, using: &random)
            peer.send(Peer.outputRequest("a", "stdout", .int(Int64(start)), .int(Int64(stop))))
            let answer = try peer.skip(to: "output") { message in
                if message.type == "ProcResult" {
                    isOver = true
                    #expect(message[path: "res", "fds", "stdout", "length"] == 8_000_000)
                }
                return message.type == "ProcFdData"
            }
            let data = try #require(answer["data"]?.bytes)
            #expect(answer["start"]?.number == start && answer["stop"]?.number == start + data.count)
            #expect(data == AgentOutputTests.Lines.bytes(start..<(start + data.count)))
            #expect(start + data.count >= min(known, stop), "it shrank")
            known = max(known, start + data.count)
            asked += 1
        }
        #expect(asked > 3)
        let whole = try peer.askOutput("a")
        #expect(whole["stop"] == 8_000_000)
        #expect(whole["data"]?.bytes == AgentOutputTests.Lines.bytes(0..<8_000_000))
    }

    @Test(arguments: ["tempfile", "memory"])
    func whatDescendantsWriteAfterTheEndCanBeAskedForToo(mode: String) throws {
        let scheduler = try Scheduler()
        let (_, peer) = try scheduler.agent()
        let folder = TemporaryDirectory()
        try #require(mkfifo(folder.path("go"), 0o600) == 0)
        let command = "(read line <\(folder.path("go")); printf late) & printf early"
        let (_, ended) = try peer.run("a", SpecText.shell(command, SpecText.capture(mode)))
        #expect(ended.captured("stdout") == "early")
        let writer = open(folder.path("go"), O_WRONLY | O_CLOEXEC)
        #expect(write(writer, "\n", 1) == 1)
        close(writer)
        #expect(try peer.output("a", count: 9) == Array("earlylate".utf8))
    }

    @Test func answersComeInTheOrderOfTheirRequestsHoweverLarge() throws {
        let scheduler = try Scheduler()
        let (_, peer) = try scheduler.agent()
        let spec = SpecText.spec(["/usr/bin/seq", "-w", "1000000", "1999999"], SpecText.capture("tempfile"))
        try peer.begin("a", spec)
        _ = try peer.next("ProcResult", "a", within: 40)
        let starts = [0, 7_999_990, 1, 4_000_000, 7_000_000, 8_000_001]
        for start in starts { peer.send(Peer.outputRequest("a", "stdout", .int(Int64(start)))) }
        peer.send(["type": "ProcidListRequest"])
        for start in starts {
            let answer = try peer.next("ProcFdData", "a")
            #expect(answer["start"]?.number == start)
            #expect(answer["data"]?.bytes?.count == max(8_000_000 - start, 0))
        }
        _ = try peer.next("ProcidList")
    }
}
