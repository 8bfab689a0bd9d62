import Glibc
import ProcCore
import ProcIO
import TestSupport
import Testing

/// Networks that cut, stall, and come in small pieces.
@Suite struct AgentFaultTests {
    struct Bed {
        let scheduler: Scheduler
        let relay: Relay
        let agent: AgentProcess
        let peer: Peer

        init(_ options: [String] = []) throws {
            scheduler = try Scheduler()
            relay = try Relay(to: scheduler)
            agent = try scheduler.startAgent(options, port: relay.port)
            peer = try scheduler.accept()
            try peer.register()
            try peer.nothingMore()
        }

        /// The next connection, registered.
        func again() throws -> Peer {
            let peer = try scheduler.accept()
            try peer.register()
            return peer
        }
    }

    @Test func aStartThatIsCutOffHalfwayNeverHappensAndCanBeSentAgain() throws {
        let bed = try Bed()
        let folder = TemporaryDirectory()
        let request: Value = [
            "type": "ProcStartRequest",
            "specs": [
                "a": ["argv": ["/usr/bin/touch", .string(folder.path("mark"))]],
                "b": [
                    "argv": ["/bin/true"], "env": ["vars": ["LONG": .string(String(repeating: "x", count: 100_000))]],
                ],
            ],
        ]
        bed.relay.allowance = [.down: 50_000]
        bed.peer.send(request)
        bed.relay.allowance[.up] = nil
        try bed.scheduler.wait("the connection is cut") { bed.relay.allowance[.down] == 0 }
        bed.relay.allowance = [:]
        let next = try bed.again()
        #expect(next.registeredIDs == [] && access(folder.path("mark"), F_OK) != 0)
        next.send(request)
        for _ in 0..<4 { _ = try next.next("ProcResult") }
        #expect(access(folder.path("mark"), F_OK) == 0)
    }

    @Test func outputThatIsCutOffIsThereAgain() throws {
        let bed = try Bed()
        let spec = SpecText.spec(["/usr/bin/seq", "-w", "1000000", "1499999"], SpecText.capture("tempfile"))
        try bed.peer.start("a", spec)
        _ = try bed.peer.skip(to: "the end") { $0[path: "res", "state"] == "terminated" }
        var peer = bed.peer
        for allowance in [1, 1000, 100_000, 1_000_000] {
            try peer.nothingMore()
            bed.relay.allowance = [.up: allowance]
            peer.send(Peer.outputRequest("a", "stdout"))
            _ = try peer.waitForEnd()
            #expect(!peer.hasMessages)
            bed.relay.allowance = [:]
            peer = try bed.again()
        }
        let answer = try peer.askOutput("a")
        #expect(answer["data"]?.bytes == AgentOutputTests.Lines.bytes(0..<4_000_000))
    }

    @Test func aNetworkThatStallsLongerThanTheReadTimeoutCostsAConnectionAndNothingElse() throws {
        let bed = try Bed(["--agent-read-timeout", "1"])
        try bed.peer.begin("a", SpecText.shell("sleep 1; echo done", SpecText.capture()))
        bed.relay.isStalled = true
        try bed.agent.waitForLog("nothing received for 1 s")
        bed.relay.cut()
        bed.relay.isStalled = false
        let next = try bed.again()
        #expect(next.registeredIDs == ["a"])
        // It may end before or after that.
        try bed.scheduler.wait("it ends") { try next.askAnyResult(of: "a")["state"] == "terminated" }
        #expect(try next.askAnyResult(of: "a").captured("stdout") == "done\n")
    }

    @Test func aShortStallCostsNothing() throws {
        let bed = try Bed()
        try bed.peer.begin("a", SpecText.spec(["/bin/sleep", "1000"]))
        bed.relay.isStalled = true
        bed.peer.signal("a", 15)
        bed.scheduler.turn(for: .milliseconds(300))
        bed.relay.isStalled = false
        _ = try bed.peer.result("terminated", of: "a")
        #expect(bed.relay.connections == 1)
    }

    @Test func bytesThatComeOneByOneAreAsGood() throws {
        let bed = try Bed()
        bed.relay.chunk = 1
        let (_, ended) = try bed.peer.run("a", SpecText.spec(["/bin/echo", "hello"], SpecText.capture()))
        #expect(ended.captured("stdout") == "hello\n")
        try bed.peer.delete("a")
        bed.relay.cut()
        #expect(try bed.again().nothingMore() == [])
    }

    @Test func manyCutsAtRandomMomentsLoseNothing() throws {
        let bed = try Bed()
        var random = SeededGenerator(seed: 12)
        var peer = bed.peer
        var ids: Set<String> = []
        for round in 0..<12 {
            let id = "\(round)"
            bed.relay.allowance = [.up: Int.random(in: 1...4000, using: &random), .down: .max]
            try peer.start(id, SpecText.shell("echo \(id)", SpecText.capture()))
            peer.send(["type": "ProcidListRequest"])
            _ = try peer.waitForEndOrSilence()
            bed.relay.allowance = [:]
            bed.relay.cut()
            peer = try bed.again()
            // Whatever was read is known; what wasn't can be sent again.
            if !peer.registeredIDs.contains(id) { try peer.start(id, SpecText.shell("echo \(id)", SpecText.capture())) }
            ids.insert(id)
            #expect(peer.registeredIDs.union([id]) == ids)
        }
        for id in ids {
            try bed.scheduler.wait("\(id) ends") { try peer.askAnyResult(of: id)["state"] == "terminated" }
            #expect(try peer.askAnyResult(of: id).captured("stdout") == "\(id)\n")
        }
    }
}

extension Peer {
    /// Turns until the connection is cut, or until what was asked for has come in spite of all.
    fileprivate func waitForEndOrSilence() throws {
        var isListed = false
        try scheduler.wait("an end") {
            while !isListed, hasMessages { isListed = try next().type == "ProcidList" }
            return isListed || end != nil
        }
    }
}
