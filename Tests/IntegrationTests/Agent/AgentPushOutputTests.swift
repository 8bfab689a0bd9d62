import Glibc
import ProcCore
import ProcIO
import TestSupport
import Testing

/// Output that is pushed.
@Suite struct AgentPushOutputTests {
    static func bed(_ options: [String] = []) throws -> (scheduler: Scheduler, agent: AgentProcess, peer: Peer) {
        try AgentPushTests.bed(options)
    }

    @Test(arguments: ["tempfile", "memory"])
    func outputComesAsItIsWritten(mode: String) throws {
        let (_, _, peer) = try Self.bed()
        let folder = TemporaryDirectory()
        try #require(mkfifo(folder.path("go"), 0o600) == 0)
        let command = "printf one; read line <\(folder.path("go")); printf two"
        try peer.begin("a", SpecText.shell(command, SpecText.capture(mode)))
        peer.subscribe("a", output: ["stdout": [:]])
        _ = try peer.result("running", of: "a")
        #expect(try peer.pushed("a", count: 3) == Array("one".utf8))
        let writer = open(folder.path("go"), O_WRONLY | O_CLOEXEC)
        close(writer)
        #expect(try peer.pushed("a", from: 3, count: 3) == Array("two".utf8))
        #expect(try peer.next("ProcResult", "a")["final"] == true)
        try peer.nothingMore()
    }

    @Test(arguments: ["tempfile", "memory"])
    func everyByteOfEveryFdComesOnceAndInOrderAndTheFinalResultBehindThem(mode: String) throws {
        let (_, _, peer) = try Self.bed()
        let script = """
            import os, random
            random.seed(7)
            data = b''.join(b'%d\\n' % n for n in range(1000000, 1400000))
            at = {1: 0, 2: 0}
            while at:
                fd = random.choice(list(at))
                at[fd] += os.write(fd, data[at[fd]:at[fd] + random.choice([1, 300, 9000, 70000])])
                if at[fd] == len(data): del at[fd]
            """
        let capture = #"{"capture": {"mode": "\#(mode)", "encoding": "utf-8"}}"#
        let fds = #""fds": {"stdout": \#(capture), "stderr": \#(capture)}"#
        try peer.start("a", SpecText.spec(Python.argv(script), fds))
        peer.subscribe("a", interval: 0.1, output: ["stdout": ["window": 100_000], "2": [:]])
        var follow = Follow("a", ["stdout": 0, "2": 0])
        let final = try follow.takeAll(from: peer)
        let expected = AgentOutputTests.Lines.bytes(0..<3_200_000)
        #expect(follow.output["stdout"] == expected && follow.output["2"] == expected)
        #expect(final[path: "fds", "stdout", "length"] == 3_200_000)
        try peer.nothingMore()
    }

    @Test func severalProcessesArePushedSideBySide() throws {
        let (_, _, peer) = try Self.bed()
        var follows: [String: Follow] = [:]
        for index in 0..<10 {
            let id = "\(index)"
            let spec = SpecText.spec(["/usr/bin/seq", "-w", "1000000", "1049999"], SpecText.capture("memory"))
            try peer.start(id, spec)
            peer.subscribe(id, output: ["stdout": ["window": 65536]])
            follows[id] = Follow(id, ["stdout": 0])
        }
        while follows.values.contains(where: { $0.final == nil }) {
            let message = try peer.next(within: 40)
            let id = try #require(message.procID)
            try follows[id]?.take(message, from: peer)
        }
        let expected = AgentOutputTests.Lines.bytes(0..<400_000)
        for (id, follow) in follows { #expect(follow.output["stdout"] == expected, "\(id)") }
        try peer.nothingMore()
    }

    // MARK: Where it begins

    @Test func aStartSaysWhereItBegins() throws {
        let (_, _, peer) = try Self.bed()
        _ = try peer.run("a", SpecText.shell("printf 0123456789", SpecText.capture()))
        for (start, text, at) in [
            (0, "0123456789", 0), (7, "789", 7), (-3, "789", 7), (-100, "0123456789", 0),
        ] as [(Int64, String, Int)] {
            peer.subscribe("a", output: ["stdout": ["start": .int(start)]])
            let piece = try peer.next("ProcOutput", "a")
            #expect(piece["start"]?.number == at && piece["data"]?.bytes == Array(text.utf8))
            #expect(try peer.next("ProcResult", "a")["final"] == true)
        }
        peer.subscribe("a", output: ["stdout": ["start": 10]])
        #expect(try peer.next("ProcResult", "a")["final"] == true)
        let beyond = Peer.subscription("a", output: ["stdout": ["start": 11]])
        #expect(try peer.refusal(of: beyond) == "start beyond the end: 11 of 10 bytes")
        try peer.nothingMore()
    }

    @Test func whoLosesTheConnectionGoesOnWhereItsOutputEnds() throws {
        let (scheduler, _, first) = try Self.bed()
        let spec = SpecText.spec(["/usr/bin/seq", "-w", "1000000", "1299999"], SpecText.capture("memory"))
        try first.start("a", spec)
        first.subscribe("a", output: ["stdout": ["window": 50_000]])
        var follow = Follow("a", ["stdout": 0])
        while follow.output["stdout", default: []].count < 400_000 { try follow.take(first.next(), from: first) }
        first.abort()
        let second = try scheduler.accept()
        try second.register(features: ["push"])
        #expect(second.registeredIDs == ["a"])
        second.subscribe("a", output: ["stdout": ["start": .int(Int64(try #require(follow.offsets["stdout"])))]])
        _ = try follow.takeAll(from: second)
        #expect(follow.output["stdout"] == AgentOutputTests.Lines.bytes(0..<2_400_000))
        try second.nothingMore()
    }

    // MARK: The window

    @Test func noMoreThanTheWindowIsUnacknowledged() throws {
        let (scheduler, _, peer) = try Self.bed()
        try peer.begin("a", SpecText.shell("printf 0123456789; exec sleep 1000", SpecText.capture()))
        _ = try peer.output("a", count: 10)
        peer.subscribe("a", output: ["stdout": ["window": 4]])
        _ = try peer.result("running", of: "a")
        #expect(try peer.piece(of: "a") == Array("0123".utf8))
        try peer.nothingMore()
        // Less than half a window of room is kept until there is more of it.
        peer.acknowledge("a", "stdout", 1)
        try peer.nothingMore()
        peer.acknowledge("a", "stdout", 2)
        #expect(try peer.piece(of: "a") == Array("45".utf8))
        // One that is late does no harm, nor does one that is repeated.
        for offset in [1, 2, 0] { peer.acknowledge("a", "stdout", offset) }
        try peer.nothingMore()
        peer.acknowledge("a", "stdout", 6)
        #expect(try peer.piece(of: "a") == Array("6789".utf8))
        peer.acknowledge("a", "1", 10)
        scheduler.turn(for: .milliseconds(250))
        try peer.nothingMore()
    }

    @Test func lessThanHalfAWindowIsSentIfItIsAllThereIs() throws {
        let (_, _, peer) = try Self.bed()
        try peer.begin("a", SpecText.shell("printf 0123456789; exec sleep 1000", SpecText.capture()))
        _ = try peer.output("a", count: 10)
        peer.subscribe("a", output: ["stdout": ["window": 9]])
        _ = try peer.result("running", of: "a")
        #expect(try peer.piece(of: "a").count == 9)
        peer.acknowledge("a", "stdout", 1)
        #expect(try peer.piece(of: "a") == Array("9".utf8))
    }

    @Test func anAcknowledgementOfWhatWasNotSentIsRefused() throws {
        let (_, _, peer) = try Self.bed()
        try peer.begin("a", SpecText.shell("printf 0123456789; exec sleep 1000", SpecText.capture()))
        _ = try peer.output("a", count: 10)
        func ack(_ id: Value, _ fd: Value, _ offset: Value) -> Value {
            ["type": "ProcOutputAck", "proc_id": id, "fd": fd, "offset": offset]
        }
        // Without a subscription it is one that came too late.
        peer.send(ack("a", "stdout", 10))
        try peer.nothingMore()
        peer.subscribe("a", output: ["stdout": ["window": 4]])
        _ = try peer.result("running", of: "a")
        #expect(try peer.piece(of: "a").count == 4)
        #expect(try peer.refusal(of: ack("a", "stdout", 5)) == "acknowledged 5 of 4 bytes")
        #expect(try peer.refusal(of: ack("a", "stderr", 0)) == "not subscribed: stderr")
        #expect(try peer.refusal(of: ack("a", "stdout", -1)).hasPrefix("offset: -1 is not"))
        #expect(try peer.refusal(of: ack("a", "zwei", 1)) == "bad fd: zwei")
        try peer.expectUnknown(ack("nope", "stdout", 1))
        try peer.nothingMore()
    }

    @Test func aServerThatReadsNothingIsNotSentMoreThanFits() throws {
        let (scheduler, agent, peer) = try Self.bed([
            "--log-level", "info", "--compress-above", "off", "--max-attached", "0", "--ws-compression", "off",
        ])
        for index in 0..<8 { try peer.begin("\(index)", AgentSlowSchedulerTests.zeros(16 << 20)) }
        try scheduler.wait("the output is there") {
            try (0..<8).allSatisfy { try peer.askOutput("\($0)", "stdout", -1)["stop"] == 16_777_216 }
        }
        let idle = try agent.memory("VmRSS")
        peer.readsInput = false
        for index in 0..<8 { peer.subscribe("\(index)", output: ["stdout": ["window": 1_073_741_824]]) }
        scheduler.turn(for: .milliseconds(500))
        peer.readsInput = true
        var follows = (0..<8).map { Follow("\($0)", ["stdout": 0]) }
        var count = 0
        while count < 8 * 16 << 20 {
            let message = try peer.next()
            count += message["data"]?.bytes?.count ?? 0
            try follows[try #require(message.procID.flatMap { Int($0) })].take(message, from: peer)
        }
        let peak = try agent.memory("VmHWM")
        #expect(peak <= idle + AgentSlowSchedulerTests.allowance, "\(peak) at most, \(idle) before")
    }
}
