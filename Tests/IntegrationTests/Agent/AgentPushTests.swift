import Glibc
import ProcCore
import ProcIO
import TestSupport
import Testing

/// Subscriptions: who gets them, and their results.
@Suite struct AgentPushTests {
    static let sleeper = SpecText.spec(["/bin/sleep", "1000"])
    static let types = ["ProcSubscribeRequest", "ProcUnsubscribeRequest", "ProcOutputAck"]

    /// An agent whose server has taken the feature up.
    static func bed(
        _ options: [String] = []
    ) throws -> (scheduler: Scheduler, agent: AgentProcess, peer: Peer) {
        let scheduler = try Scheduler()
        let (agent, peer) = try scheduler.agent(options, features: ["push"])
        return (scheduler, agent, peer)
    }

    @Test(arguments: [nil, [], ["shove"], ["Push"]] as [[String]?])
    func withoutTheFeatureItsTypesAreUnknown(features: [String]?) throws {
        let scheduler = try Scheduler()
        let (_, peer) = try scheduler.agent(features: features)
        try peer.begin("a", Self.sleeper)
        for type in Self.types {
            let text = try peer.refusal(of: ["type": .string(type), "proc_id": "a"])
            #expect(text == "unknown message type \"\(type)\"")
        }
        try peer.nothingMore()
    }

    @Test func theFeatureAloneChangesNothing() throws {
        let (_, _, peer) = try Self.bed()
        let (started, ended) = try peer.run("a", SpecText.spec(["/bin/echo", "text"], SpecText.capture()))
        #expect(started["state"] == "running" && ended.captured("stdout") == "text\n")
        try peer.nothingMore()
    }

    @Test func aSubscriptionEndsWithItsConnection() throws {
        let (scheduler, _, first) = try Self.bed()
        try first.begin("a", Self.sleeper)
        first.subscribe("a", interval: 0.1)
        _ = try first.result("running", of: "a")
        first.abort()
        let second = try scheduler.accept()
        try second.register(features: ["push"])
        #expect(try second.refusal(of: ["type": "ProcUnsubscribeRequest", "proc_id": "a"]) == "not subscribed: a")
        second.signal("a", 9)
        // The one that every process sends by itself, not a final one.
        #expect(try second.next("ProcResult", "a").keySet == ["type", "proc_id", "res"])
        try second.nothingMore()
    }

    // MARK: Results

    @Test func theFirstResultComesAtOnceAndOthersAtTheInterval() throws {
        let (scheduler, _, peer) = try Self.bed()
        try peer.begin("a", Self.sleeper)
        peer.subscribe("a", interval: 0.3)
        let start = scheduler.loop.now
        var instants: [Double] = []
        for _ in 0..<4 {
            #expect(try peer.result("running", of: "a")["pid"]?.number != nil)
            instants.append(scheduler.loop.now.since(start).seconds)
        }
        // Late on a busy machine, but never early.
        for (index, instant) in instants.enumerated() { #expect(instant >= Double(index) * 0.3 - 0.01, "\(instants)") }
        #expect(instants[0] < 0.3 || instants[0] < instants[1] - 0.2, "\(instants)")
    }

    @Test func withoutAnIntervalThereIsNoneBetweenTheFirstAndTheFinalOne() throws {
        let (scheduler, _, peer) = try Self.bed()
        try peer.begin("a", Self.sleeper)
        peer.subscribe("a")
        _ = try peer.result("running", of: "a")
        scheduler.turn(for: .milliseconds(500))
        try peer.nothingMore()
        peer.signal("a", 15)
        let final = try peer.next("ProcResult", "a")
        #expect(final["final"] == true && final[path: "res", "state"] == "terminated")
        try peer.nothingMore()
    }

    @Test func theFinalResultTakesThePlaceOfTheUnaskedOneAndComesOnce() throws {
        let (_, _, peer) = try Self.bed()
        try peer.begin("a", Self.sleeper)
        try peer.begin("other", Self.sleeper)
        peer.subscribe("a", interval: 0.1)
        peer.signal("a", 15)
        let final = try peer.skip(to: "the end") { $0[path: "res", "state"] == "terminated" }
        #expect(final["final"] == true)
        try peer.nothingMore()
        // Other processes are as ever.
        peer.signal("other", 15)
        #expect(try peer.next("ProcResult", "other")["final"] == nil)
        #expect(try peer.askResult(of: "a")["state"] == "terminated")
    }

    @Test func whatIsPushedIsDetachedInThoseResultsAndAsEverInThoseThatAreAskedFor() throws {
        let (_, _, peer) = try Self.bed()
        let fds =
            #""fds": {"stdout": {"capture": {"encoding": "utf-8"}}, "stderr": {"capture": {"encoding": "utf-8"}}}"#
        _ = try peer.run("a", SpecText.shell("printf out; printf error >&2", fds))
        peer.subscribe("a", output: ["stdout": [:]])
        #expect(try peer.piece(of: "a") == Array("out".utf8))
        let final = try #require(try peer.next("ProcResult", "a")["res"])
        #expect(final[path: "fds", "stdout"] == ["type": "detached", "length": 3, "encoding": "utf-8"])
        #expect(final.captured("stderr") == "error")
        #expect(try peer.askResult(of: "a").captured("stdout") == "out")
    }

    @Test func aSubscriptionToOneThatHasEndedGetsItsFinalResultToo() throws {
        let (_, _, peer) = try Self.bed()
        _ = try peer.run("ended", SpecText.spec(["/bin/true"]))
        _ = try peer.run("failed", SpecText.spec(["/no/such/program"]))
        for (id, state) in [("ended", "terminated"), ("failed", "error")] {
            for _ in 0..<2 {
                peer.subscribe(id, interval: 0.1)
                let final = try peer.next("ProcResult", id)
                #expect(final["final"] == true && final[path: "res", "state"]?.text == state)
            }
        }
        try peer.nothingMore()
    }

    @Test func aSubscriptionRightBehindTheStartMissesNothing() throws {
        let (_, _, peer) = try Self.bed()
        for round in 0..<20 {
            let id = "\(round)"
            try peer.start(
                id, SpecText.spec(["/bin/echo", id], SpecText.capture(round % 2 == 0 ? "memory" : "tempfile")))
            peer.subscribe(id, output: ["stdout": [:]])
            var follow = Follow(id, ["stdout": 0])
            let final = try follow.takeAll(from: peer)
            #expect(follow.output["stdout"] == Array("\(id)\n".utf8))
            #expect(final["state"] == "terminated" && follow.results.first?["state"] == "running")
            try peer.nothingMore()
        }
    }

    @Test func aSubscriptionToOneThatFailsToStartGetsAFinalErrorAndNoMore() throws {
        let (_, _, peer) = try Self.bed()
        try peer.start("a", SpecText.spec(["/no/such/program"], SpecText.capture()))
        peer.subscribe("a", interval: 0.1, output: ["stdout": [:]])
        var follow = Follow("a", ["stdout": 0])
        #expect(try follow.takeAll(from: peer)["state"] == "error")
        try peer.nothingMore()
    }

    // MARK: The end of a subscription

    @Test func afterUnsubscribingNothingComesButTheUnaskedResult() throws {
        let (scheduler, _, peer) = try Self.bed()
        let folder = TemporaryDirectory()
        try #require(mkfifo(folder.path("go"), 0o600) == 0)
        try peer.begin("a", SpecText.shell("read line <\(folder.path("go")); echo more", SpecText.capture()))
        peer.subscribe("a", interval: 0.1, output: ["stdout": [:]])
        _ = try peer.result("running", of: "a")
        peer.unsubscribe("a")
        peer.send(["type": "ProcidListRequest"])
        _ = try peer.skip(to: "the list") { $0.type == "ProcidList" }
        scheduler.turn(for: .milliseconds(300))
        #expect(!peer.hasMessages)
        let writer = open(folder.path("go"), O_WRONLY | O_CLOEXEC)
        close(writer)
        #expect(try peer.next("ProcResult", "a").keySet == ["type", "proc_id", "res"])
        try peer.nothingMore()
    }

    @Test func whoUnsubscribesWhileTheFinalResultWaitsForOutputGetsThePlainOne() throws {
        let (_, _, peer) = try Self.bed()
        try peer.begin("a", SpecText.shell("printf 0123456789; exec sleep 1000", SpecText.capture()))
        peer.subscribe("a", output: ["stdout": ["window": 4]])
        _ = try peer.result("running", of: "a")
        #expect(try peer.piece(of: "a").count == 4)
        peer.signal("a", 15)
        // Six bytes are behind a window that stays closed, and so is the final result.
        try peer.scheduler.wait("it has ended") { try peer.askResult(of: "a")["state"] == "terminated" }
        peer.unsubscribe("a")
        let result = try peer.next("ProcResult", "a")
        #expect(result["final"] == nil && result["res"]?.captured("stdout") == "0123456789")
        try peer.nothingMore()
    }

    @Test func deletingTheProcessEndsItsSubscription() throws {
        let (scheduler, _, peer) = try Self.bed()
        let folder = TemporaryDirectory()
        try #require(mkfifo(folder.path("go"), 0o600) == 0)
        let command = "(read line <\(folder.path("go")); echo late; echo x >\(folder.path("go"))) & echo early"
        _ = try peer.run("a", SpecText.shell(command, SpecText.capture()))
        peer.subscribe("a", output: ["stdout": [:]])
        #expect(try peer.piece(of: "a") == Array("early\n".utf8))
        _ = try peer.next("ProcResult", "a")
        try peer.delete("a")
        let writer = open(folder.path("go"), O_WRONLY | O_CLOEXEC)
        close(writer)
        scheduler.turn(for: .milliseconds(300))
        try peer.nothingMore()
        // A process that takes the id has nothing to do with it.
        let (_, ended) = try peer.run("a", SpecText.spec(["/bin/echo", "anew"], SpecText.capture()))
        #expect(ended.captured("stdout") == "anew\n")
        try peer.nothingMore()
    }

    @Test func aSecondSubscriptionTakesThePlaceOfTheFirst() throws {
        let (_, _, peer) = try Self.bed()
        try peer.begin("a", SpecText.shell("printf 0123456789; exec sleep 1000", SpecText.capture()))
        _ = try peer.output("a", count: 10)
        peer.subscribe("a", interval: 0.1, output: ["stdout": ["window": 4]])
        _ = try peer.result("running", of: "a")
        #expect(try peer.piece(of: "a") == Array("0123".utf8))
        peer.subscribe("a", output: ["1": ["start": 6]])
        _ = try peer.skip(to: "the new piece") { message in
            guard message.type == "ProcOutput" else { return false }
            #expect(message["fd"] == "1" && message["start"] == 6 && message["stop"] == 10)
            return true
        }
        peer.signal("a", 15)
        let final = try peer.next("ProcResult", "a")
        #expect(final["final"] == true)
        try peer.nothingMore()
    }

    @Test func oneThatReplacesAnotherWhoseFinalResultWaitsOwesItToo() throws {
        let (_, _, peer) = try Self.bed()
        try peer.begin("a", SpecText.shell("printf 0123456789; exec sleep 1000", SpecText.capture()))
        peer.subscribe("a", output: ["stdout": ["window": 4]])
        _ = try peer.result("running", of: "a")
        #expect(try peer.piece(of: "a").count == 4)
        peer.signal("a", 15)
        try peer.scheduler.wait("it has ended") { try peer.askResult(of: "a")["state"] == "terminated" }
        peer.subscribe("a", output: ["stdout": ["start": 4, "window": 3]])
        #expect(try peer.piece(of: "a") == Array("456".utf8))
        peer.unsubscribe("a")
        #expect(try peer.next("ProcResult", "a").keySet == ["type", "proc_id", "res"])
        try peer.nothingMore()
    }
}
