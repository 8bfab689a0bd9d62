import Glibc
import ProcCore
import ProcIO
import TestSupport
import Testing

/// Schedulers that are slow to take what they have asked for.
@Suite struct AgentSlowSchedulerTests {
    /// What serving may take beyond what an idle agent has.
    static let allowance = Sanitizer.isOn ? 1 << 40 : 32 << 20

    /// A process that has written `count` zeros and runs on: a hole in its capture file, so that it costs no disk.
    static func zeros(_ count: Int) -> String {
        SpecText.shell(
            "truncate -s \(count) /dev/stdout; exec sleep 1000", SpecText.capture("tempfile", encoding: "null"))
    }

    /// An agent that has `count` bytes to send, and its idle memory.
    static func bed(
        _ count: Int, options: [String] = []
    ) throws -> (scheduler: Scheduler, agent: AgentProcess, peer: Peer, idle: Int) {
        let scheduler = try Scheduler { options in
            options.wholeMessages = false
            options.maxMessage = nil
        }
        let (agent, peer) = try scheduler.agent(
            ["--compress-above", "off", "--max-attached", "0", "--ws-compression", "off", "--log-level", "info"]
                + options)
        try peer.begin("a", zeros(count))
        try scheduler.wait("the output is there") {
            try peer.askResult(of: "a")[path: "fds", "stdout", "length"]?.number == count
        }
        return (scheduler, agent, peer, try agent.memory("VmRSS"))
    }

    @Test func aGiBIsServedInLittleMemoryWhilePingsAreAnswered() throws {
        let (scheduler, agent, peer, idle) = try Self.bed(1 << 30)
        var bytes = 0
        var isZero = true
        let zeros = [UInt8](repeating: 0, count: 1 << 20)
        peer.sink = { block in
            bytes += block.count
            guard let start = block.baseAddress, block.count <= zeros.count else { return isZero = block.isEmpty }
            isZero = isZero && memcmp(start, zeros, block.count) == 0
        }
        peer.send(Peer.outputRequest("a", "stdout"))
        var answered: [Int] = []
        for _ in 0..<4 {
            try peer.expectPong()
            answered.append(bytes)
        }
        let head = try peer.nextBytes(within: 120)
        #expect(answered.allSatisfy { $0 < 1 << 29 }, "pings were answered behind \(answered) bytes")
        // {"type": "ProcFdData", …, "data": binary of 32 bits' length
        let end = try #require(AgentHostileMessageTests.index(of: [0xc6, 0x40, 0, 0, 0], in: head)) + 5
        #expect(head.count - end + bytes == 1 << 30 && isZero)
        #expect(head[end...].allSatisfy { $0 == 0 })
        let peak = try agent.memory("VmHWM")
        #expect(peak <= idle + Self.allowance, "\(peak) at most, \(idle) before")
        peer.sink = nil
        #expect(try peer.nothingMore() == ["a"])
        withExtendedLifetime(scheduler) {}
    }

    @Test func answersThatNobodyReadsAreKeptBackAndNoneIsLost() throws {
        let (scheduler, agent, peer, idle) = try Self.bed(1 << 20)
        peer.readsInput = false
        for index in 0..<100 {
            peer.send(Peer.outputRequest("a", "stdout", .int(Int64(index))))
            peer.send(["type": "ProcUnknownType", "number": .int(Int64(index))])
        }
        // All requests have been taken: their answers are 100 MiB.
        scheduler.turn(for: .milliseconds(500))
        #expect(try agent.memory("VmHWM") <= idle + Self.allowance)
        peer.readsInput = true
        for index in 0..<100 {
            let answer = try peer.next("ProcFdData", "a")
            #expect(answer["start"]?.number == index && answer["stop"]?.number == 1 << 20)
            #expect(answer["data"]?.bytes?.count == 1 << 20 - index)
            #expect(try peer.next("RequestError")["msg"]?["number"]?.number == index)
        }
        #expect(try agent.memory("VmHWM") <= idle + Self.allowance)
        #expect(try peer.nothingMore() == ["a"])
    }

    @Test func requestsAreTakenIntoABoundedQueueAndThenLeftInTheSocket() throws {
        let (scheduler, agent, peer, idle) = try Self.bed(1 << 20, options: ["--agent-read-timeout", "1"])
        peer.readsInput = false
        // Requests of 1 MiB, of which most is a field that means nothing: until no more are taken.
        let ballast = Value.binary([UInt8](repeating: 7, count: 1 << 20))
        var sent = 0
        var refusedSince: Instant?
        try scheduler.wait("the agent stops reading", within: 40) {
            let request = Peer.outputRequest("a", "stdout", .int(Int64(sent))).with("ballast", ballast)
            if sent < 300, peer.offer(request) {
                sent += 1
                refusedSince = nil
            } else {
                refusedSince = refusedSince ?? scheduler.loop.now
            }
            // For longer than the read timeout, which doesn't count while nothing is read.
            return refusedSince.map { scheduler.loop.now.since($0) > .seconds(3) } ?? false
        }
        #expect(sent > 10 && sent < 200, "\(sent) MiB of requests were taken")
        #expect(peer.end == nil)
        let peak = try agent.memory("VmHWM")
        #expect(peak <= idle + 2 * Self.allowance, "\(peak) at most, \(idle) before")
        peer.readsInput = true
        for index in 0..<sent {
            let answer = try peer.next("ProcFdData", "a")
            #expect(answer["start"]?.number == index && answer["data"]?.bytes?.count == 1 << 20 - index)
        }
        #expect(try peer.nothingMore() == ["a"])
        #expect(!scheduler.hasArrivals, "it dialled again")
    }

    @Test func whatIsKnownAfterALossIsExactThoughRequestsWereWaiting() throws {
        let (scheduler, _, peer, _) = try Self.bed(1 << 20)
        let folder = TemporaryDirectory()
        peer.readsInput = false
        for index in 0..<60 {
            peer.send(Peer.outputRequest("a", "stdout"))
            let id = "\(index)"
            try peer.start(id, SpecText.spec(["/usr/bin/touch", folder.path(id)]))
        }
        // Some have been carried out by now; the others were read, and wait for answers to leave.
        scheduler.turn(for: .milliseconds(300))
        peer.abort()
        let next = try scheduler.accept()
        try next.register()
        let ids = next.registeredIDs.subtracting(["a"])
        // What the agent has read it carries out; what was still on its way has never been.
        #expect(!ids.isEmpty)
        for id in ids {
            try scheduler.wait("\(id) ends") { try next.askAnyResult(of: id)["state"] == "terminated" }
        }
        for index in 0..<60 {
            #expect((access(folder.path("\(index)"), F_OK) == 0) == ids.contains("\(index)"), "\(index)")
        }
    }

    @Test func resultsThatNobodyReadsAreKeptBackToo() throws {
        let scheduler = try Scheduler()
        let (agent, peer) = try scheduler.agent(["--log-level", "info"])
        _ = try peer.run("warm", SpecText.spec(["/bin/true"]))
        let idle = try agent.memory("VmRSS")
        peer.readsInput = false
        // 40 processes with 1 MiB each in their results; of one request, as later ones wait until answers leave.
        let spec = SpecText.shell("head -c 1048576 /dev/zero | tr '\\0' x", SpecText.capture("tempfile"))
        try peer.start((0..<40).map { ("\($0)", spec) })
        try agent.waitForLog("a process has ended", times: 41)
        #expect(try agent.memory("VmHWM") <= idle + Self.allowance)
        peer.readsInput = true
        // What is written when there is room at last says what is true then: also the first may say `terminated`.
        var results: [String: [Value]] = [:]
        for _ in 0..<80 {
            let message = try peer.next("ProcResult")
            results[try #require(message.procID), default: []].append(try #require(message["res"]))
        }
        #expect(results.count == 40)
        for (id, results) in results {
            #expect(results.count == 2 && results.last?["state"] == "terminated", "\(id)")
            #expect(results.last?.captured("stdout")?.utf8.count == 1 << 20, "\(id)")
        }
        #expect(try peer.nothingMore().count == 41)
    }

    @Test func aProcessThatShrinksItsOutputWhileItIsSentEndsTheConnectionAndNothingElse() throws {
        let size = 256 << 20
        let (scheduler, _, peer, _) = try Self.bed(size)
        let pid = try #require(try peer.askResult(of: "a")["pid"]?.number)
        var bytes = 0
        peer.sink = { bytes += $0.count }
        peer.send(Peer.outputRequest("a", "stdout"))
        try scheduler.wait("some of it has come") { bytes > 0 }
        peer.readsInput = false
        let shrink = try ProgramRun(["/usr/bin/truncate", "-s", "0", "/proc/\(pid)/fd/1"]).finish()
        #expect(shrink.exitCode == 0)
        peer.readsInput = true
        try peer.expectClose(1011)
        #expect(bytes < size)

        let next = try scheduler.accept()
        try next.register()
        #expect(next.registeredIDs == ["a"])
        let text = try next.refusal(of: Peer.outputRequest("a", "stdout"))
        #expect(text.contains("shorter"), "\(text)")
        #expect(try next.nothingMore() == ["a"])
    }
}
