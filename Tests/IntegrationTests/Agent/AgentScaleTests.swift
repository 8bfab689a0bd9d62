import Glibc
import ProcCore
import TestSupport
import Testing

/// Many processes and many requests.
@Suite struct AgentScaleTests {
    /// A request for `count` processes `NUMBER`, each `spec`.
    static func request(_ count: Int, _ spec: Value) -> Value {
        ["type": "ProcStartRequest", "specs": .map((0..<count).map { Value.Member("\($0)", spec) })]
    }

    /// The process and the state that a result is about, without reading the rest of it.
    static func head(_ bytes: [UInt8]) throws -> (id: String, state: String) {
        // {"type": …, "proc_id": ID, "res": {"state": STATE, …
        var reader = MessagePackReader(Array(bytes.prefix(400).dropFirst()))
        var words: [String?] = []
        for _ in 0..<5 { words.append(try reader.next().text) }
        try #require(words[0] == "type" && words[1] == "ProcResult" && words[2] == "proc_id" && words[4] == "res")
        let size = bytes[1 + reader.offset] == 0xde ? 3 : 1
        var inner = MessagePackReader(Array(bytes.dropFirst(1 + reader.offset + size).prefix(40)))
        try #require(try inner.next() == "state")
        return (try #require(words[3]), try #require(try inner.next().text))
    }

    @Test func thousandsInOneRequestAreStartedInOrderAndEachSendsItsTwoResults() throws {
        let count = 5000
        let scheduler = try Scheduler()
        let (_, peer) = try scheduler.agent(["--log-level", "info"])
        peer.send(Self.request(count, ["argv": ["/bin/true"]]))
        var started: [String] = []
        var known: Set<String> = []
        var ended: Set<String> = []
        while ended.count < count {
            let (id, state) = try Self.head(try peer.nextBytes(within: 60))
            if state == "running" {
                started.append(id)
                known.insert(id)
            } else {
                #expect(state == "terminated" && known.contains(id) && ended.insert(id).inserted, "\(id)")
            }
        }
        #expect(started == (0..<count).map { "\($0)" })
        #expect(try peer.nothingMore().count == count)
    }

    @Test func requestsBackToBackAreAnsweredInOrder() throws {
        let scheduler = try Scheduler()
        let (_, peer) = try scheduler.agent(["--log-level", "info"])
        try peer.begin("bystander", SpecText.spec(["/bin/sleep", "1000"]))
        for index in 0..<2000 {
            switch index % 4 {
            case 0: peer.send(["type": "ProcDeleteRequest", "proc_id": .string("\(index)")])
            case 1: peer.send(["type": "ProcResultRequest", "proc_id": "bystander"])
            case 2: peer.send(["type": "Bogus", "proc_id": .string("\(index)")])
            default: peer.send(Peer.outputRequest("\(index)", "1"))
            }
        }
        for index in 0..<2000 {
            let answer = try peer.next()
            switch index % 4 {
            case 1: #expect(answer.type == "ProcResult" && answer.procID == "bystander")
            case 2: #expect(answer.type == "RequestError" && answer["msg"]?.procID == "\(index)")
            default: #expect(answer.type == "ProcUnknown" && answer.procID == "\(index)")
            }
        }
        try peer.nothingMore()
    }

    @Test func startsBackToBackAreServedInOrder() throws {
        let scheduler = try Scheduler()
        let (_, peer) = try scheduler.agent(["--log-level", "info"])
        for index in 0..<500 { peer.send(Self.request(1, ["argv": ["/bin/true"]]).renamed(to: "\(index)")) }
        var started: [String] = []
        for _ in 0..<1000 {
            let (id, state) = try Self.head(try peer.nextBytes())
            if state == "running" { started.append(id) }
        }
        #expect(started == (0..<500).map { "\($0)" })
    }

    @Test func aHundredThousandInOneRequestAreStartedInSlicesAndOthersAreServedMeanwhile() throws {
        let scheduler = try Scheduler()
        let (agent, peer) = try scheduler.agent(["--log-level", "info"])
        try peer.begin("bystander", SpecText.spec(["/bin/sleep", "1000"]))
        peer.send(Self.request(100_000, ["argv": ["/bin/true"]]))
        // The first results say that starting has begun; then others are served between them.
        _ = try peer.next("ProcResult", "0", within: 60)
        for _ in 0..<5 {
            try peer.expectPong(within: 10)
            peer.send(["type": "ProcResultRequest", "proc_id": "bystander"])
            let answer = try peer.skip(to: "an answer", within: 20) { $0.procID == "bystander" }
            #expect(answer[path: "res", "state"] == "running")
        }
        peer.send(["type": "ProcidListRequest"])
        let list = try peer.skip(to: "the list", within: 20) { $0.type == "ProcidList" }
        #expect(list["proc_ids"]?.items?.count == 100_001)
        // It has been busy with them all the time.
        peer.send(["type": "ProcResultRequest", "proc_id": "99999"])
        let last = try peer.skip(to: "the last", within: 20) { $0.procID == "99999" }
        #expect(last[path: "res", "state"] == "running" && last[path: "res", "pid"] == .null)
        #expect(!agent.hasEnded)
    }

    @Test func aShutdownInTheMidstOfManyStartsTellsTwiceOfEach() async throws {
        let count = 1000
        let (ids, states, status) = try await apart {
            let scheduler = try Scheduler()
            let (agent, peer) = try scheduler.agent(["--log-level", "info"])
            peer.send(Self.request(count, ["argv": ["/bin/sleep", "1000"]]))
            _ = try peer.next("ProcResult", "0")
            agent.signal(SIGTERM)
            var ids = ["0": 1]
            var states: Set<String> = []
            while true {
                try scheduler.wait("the end", within: 60) { peer.hasMessages || peer.end != nil }
                guard peer.hasMessages else { break }
                // All but `ShutDown` are results.
                guard let (id, state) = try? Self.head(try peer.nextBytes()) else { continue }
                ids[id, default: 0] += 1
                states.insert(state)
            }
            try scheduler.wait("the agent exits") { agent.hasEnded }
            return (ids, states, agent.status)
        }
        #expect(ids.count == count && ids.values.allSatisfy { $0 == 2 })
        #expect(states == ["running", "terminated", "error"] || states == ["running", "terminated"], "\(states)")
        #expect(status == 0)
    }

    @Test func aRequestThatIsNotStartedYetCanBeCancelled() throws {
        let scheduler = try Scheduler()
        let (_, peer) = try scheduler.agent(["--log-level", "info"])
        peer.send(Self.request(5000, ["argv": ["/bin/sleep", "1000"]]))
        peer.signal("4999", 15)
        let result = try peer.skip(to: "the last one's result", within: 40) { $0.procID == "4999" }
        #expect(result[path: "res", "state"] == "error")
        #expect(result[path: "res", "errors"] == ["cancelled before it was started"])
    }
}

extension Value {
    /// A start request of one process, under another id.
    fileprivate func renamed(to id: String) -> Value {
        guard case .map(let members)? = self["specs"], let only = members.first else { return self }
        return with("specs", .map([Member(id, only.value)]))
    }
}
