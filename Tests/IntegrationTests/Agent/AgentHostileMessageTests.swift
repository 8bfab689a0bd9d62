import Glibc
import ProcCore
import ProcIO
import TestSupport
import Testing

/// Messages that no scheduler sends unless something is wrong with it. A process runs on beside each.
@Suite struct AgentHostileMessageTests {
    /// An agent with a process that runs.
    static func bed(_ options: [String] = []) throws -> (scheduler: Scheduler, agent: AgentProcess, peer: Peer) {
        let scheduler = try Scheduler()
        let (agent, peer) = try scheduler.agent(options)
        try peer.begin("bystander", SpecText.spec(["/bin/sleep", "1000"]))
        return (scheduler, agent, peer)
    }

    /// The connection and the process are as they were.
    static func expectUnharmed(_ peer: Peer, at place: SourceLocation = #_sourceLocation) throws {
        #expect(try peer.nothingMore(at: place) == ["bystander"], sourceLocation: place)
        #expect(try peer.askResult(of: "bystander", at: place)["state"] == "running", sourceLocation: place)
    }

    // MARK: Types and fields

    @Test func anUnknownTypeIsAnsweredWhateverItIsAbout() throws {
        let (_, _, peer) = try Self.bed()
        for request in [
            ["type": "Bogus"], ["type": "Bogus", "proc_id": "bystander"], ["type": "Bogus", "proc_id": 5],
            ["type": "", "x": [1, 2, ["y": .null]]],
        ] as [Value] {
            let type = request.type ?? ""
            #expect(try peer.refusal(of: request) == #"unknown message type "\#(type)""#)
        }
        try Self.expectUnharmed(peer)
    }

    @Test func theTypesOfTheAgentItselfAreUnknownFromAServer() throws {
        let (_, _, peer) = try Self.bed()
        for type in ["Register", "ProcResult", "ProcFdData", "ProcidList", "RequestError", "ShutDown"] as [Value] {
            #expect(try peer.refusal(of: ["type": type]).hasPrefix("unknown message type"))
        }
        try Self.expectUnharmed(peer)
    }

    @Test func withoutATypeItIsAnsweredIfItNamesAProcess() throws {
        let (_, _, peer) = try Self.bed()
        for request in [
            ["proc_id": "bystander"], ["type": 5, "proc_id": "bystander"], ["type": .null, "proc_id": "nobody"],
            ["type": .binary(Array("ProcResultRequest".utf8)), "proc_id": "bystander"],
        ] as [Value] {
            #expect(try peer.refusal(of: request).contains("type"))
        }
        for nameless in [["type": 5], [:], ["x": "y"]] as [Value] { peer.send(nameless) }
        try Self.expectUnharmed(peer)
    }

    @Test func aRequestWithoutAProcessThatCanBeReadIsOnlyLogged() throws {
        let (_, agent, peer) = try Self.bed()
        for type in ["ProcResultRequest", "ProcSignalRequest", "ProcFdDataRequest", "ProcDeleteRequest"] as [Value] {
            peer.send(["type": type])
            for id in [5, .null, ["bystander"], .binary(Array("bystander".utf8))] as [Value] {
                peer.send(["type": type, "proc_id": id])
            }
        }
        try Self.expectUnharmed(peer)
        #expect(agent.log.contains("proc_id"), "\(agent.log)")
    }

    // MARK: Encoding

    /// Bytes that are no message and name nobody.
    static let unreadable: [(name: String, bytes: [UInt8])] = [
        ("nothing", []),
        ("an unused format", [0xc1]),
        ("an array", [0x93, 1, 2, 3]),
        ("a number", [0x05]),
        ("a string", [0xa5] + Array("hello".utf8)),
        ("null", [0xc0]),
        ("a map of which nothing follows", [0xdf, 0xff, 0xff, 0xff, 0xff]),
        ("an array of which nothing follows", [0xdd, 0xff, 0xff, 0xff, 0xff]),
        ("a binary of which nothing follows", [0xc6, 0xff, 0xff, 0xff, 0xff]),
        ("text", Array(#"{"type": "ProcidListRequest"}"#.utf8)),
        ("a type cut off", Array(MessagePackWriter.bytes(of: ["type": "ProcidListRequest"]).dropLast(3))),
        ("a type that isn't UTF-8", [0x81, 0xa4] + Array("type".utf8) + [0xa2, 0xff, 0xfe]),
        ("keys that are numbers", [0x82, 0x01, 0x02, 0x03, 0x04]),
        ("a message and more", MessagePackWriter.bytes(of: ["type": "ProcidListRequest"]) + [0xc0]),
        (
            "two messages in one",
            Array(repeating: MessagePackWriter.bytes(of: ["type": "Bogus"]), count: 2).flatMap { $0 }
        ),
    ]

    @Test func whatIsNoMessageAndNamesNobodyIsOnlyLogged() throws {
        let (_, agent, peer) = try Self.bed()
        for (name, bytes) in Self.unreadable {
            let before = agent.log.count
            peer.sendRaw(bytes)
            _ = try peer.nothingMore()
            #expect(agent.log.count > before, "\(name)")
        }
        try Self.expectUnharmed(peer)
    }

    @Test func whatCannotBeReadAsAWholeIsAnsweredWithNullInItsPlace() throws {
        let (_, _, peer) = try Self.bed()
        // A field with an extension, which isn't supported: {"type": …, "proc_id": "bystander", "x": ext}.
        var bytes = MessagePackWriter.bytes(of: ["type": "ProcResultRequest", "proc_id": "bystander", "x": 0])
        bytes.replaceSubrange((bytes.count - 1)..., with: [0xd4, 5, 0])
        peer.sendRaw(bytes)
        let answer = try peer.next("RequestError")
        #expect(answer["msg"] == ["type": "ProcResultRequest", "proc_id": "bystander", "x": .null])
        #expect(answer["err"]?.text?.hasPrefix("not a MessagePack message: byte ") == true)
        try Self.expectUnharmed(peer)
    }

    @Test func aStartThatCannotBeReadAsAWholeIsAnsweredByItsIds() throws {
        let (_, _, peer) = try Self.bed()
        let good: Value = ["argv": ["/bin/true"]]
        var bytes = MessagePackWriter.bytes(
            of: ["type": "ProcStartRequest", "specs": ["good": good, "bad": ["argv": 0]]])
        bytes.replaceSubrange((bytes.count - 1)..., with: [0xd4, 5, 0])
        peer.sendRaw(bytes)
        let answer = try peer.next("RequestError")
        #expect(answer["msg"] == ["type": "ProcStartRequest", "specs": ["good": good, "bad": .null]])
        try Self.expectUnharmed(peer)
    }

    @Test func aRepeatedFieldIsAnError() throws {
        let (_, _, peer) = try Self.bed()
        var bytes = MessagePackWriter.bytes(
            of: ["type": "ProcDeleteRequest", "proc_id": "bystander", "proc_ie": "bystander"])
        // The last key becomes the same as the one before it.
        let last = try #require(Self.index(of: Array("proc_ie".utf8), in: bytes))
        bytes[last + 6] = UInt8(ascii: "d")
        peer.sendRaw(bytes)
        #expect(try peer.next("RequestError")["err"]?.text?.contains("duplicate key") == true)
        try Self.expectUnharmed(peer)
    }

    static func index(of needle: [UInt8], in bytes: [UInt8]) -> Int? {
        (0...(bytes.count - needle.count)).first { Array(bytes[$0..<($0 + needle.count)]) == needle }
    }

    @Test func nestingWithoutEndIsRefusedAndHurtsNobody() throws {
        let (_, _, peer) = try Self.bed()
        let bomb = [UInt8](repeating: 0x91, count: 1_000_000)
        peer.sendRaw(bomb)
        peer.sendRaw(bomb + [0xc0])
        _ = try peer.nothingMore()
        // As a field of a message that names somebody, and within a spec.
        let head = MessagePackWriter.bytes(of: ["type": "ProcResultRequest", "proc_id": "bystander", "x": 0]).dropLast()
        peer.sendRaw(head + bomb + [0xc0])
        let answer = try peer.next("RequestError")
        #expect(answer["msg"]?["proc_id"] == "bystander" && answer["msg"]?["x"] == .null)
        #expect(answer["err"]?.text?.contains("nested deeper than") == true)
        let spec = MessagePackWriter.bytes(of: ["type": "ProcStartRequest", "specs": ["a": ["argv": 0]]]).dropLast()
        peer.sendRaw(spec + bomb + [0xc0])
        #expect(try peer.next("RequestError")["msg"]?["specs"]?.keys == ["a"])
        try Self.expectUnharmed(peer)
    }

    @Test func moreValuesThanTheLimitAreRefused() throws {
        let (_, _, peer) = try Self.bed()
        // 9 million zeros in an array: 9 MB here, and some hundred in memory if it were believed.
        let head = MessagePackWriter.bytes(of: ["type": "ProcResultRequest", "proc_id": "bystander", "x": 0]).dropLast()
        let count = 9 << 20
        let array = [0xdd] + withUnsafeBytes(of: UInt32(count).bigEndian) { Array($0) }
        peer.sendRaw(head + array + [UInt8](repeating: 0, count: count))
        let answer = try peer.next("RequestError")
        #expect(answer["err"]?.text?.contains("more than 8388608 values") == true)
        try Self.expectUnharmed(peer)
    }

    // MARK: Messages of WebSocket

    @Test func aTextMessageIsNotARequest() throws {
        let (_, agent, peer) = try Self.bed()
        let before = agent.log.count
        for text in [#"{"type": "ProcDeleteRequest", "proc_id": "bystander"}"#, ""] {
            peer.sendRaw(Array(text.utf8), as: .text)
        }
        try Self.expectUnharmed(peer)
        #expect(agent.log.count > before)
    }

    @Test func aMessageAboveTheLimitClosesTheConnectionAndNothingElse() throws {
        let (scheduler, _, peer) = try Self.bed(["--max-message", "10000"])
        let long: Value = ["type": "Bogus", "x": .string(String(repeating: "x", count: 9000))]
        #expect(try peer.refusal(of: long) == #"unknown message type "Bogus""#)
        peer.send(long.with("y", .string(String(repeating: "y", count: 2000))))
        try peer.expectClose(1009)
        let next = try scheduler.accept()
        try next.register()
        #expect(next.registeredIDs == ["bystander"])
        try Self.expectUnharmed(next)
    }

    @Test func aRequestInFragmentsWithPingsBetweenIsOneRequest() throws {
        let (_, _, peer) = try Self.bed()
        let request: Value = ["type": "ProcResultRequest", "proc_id": "bystander", "x": .string("ä")]
        peer.sendInFragments(MessagePackWriter.bytes(of: request))
        #expect(try peer.result("running", of: "bystander")["pid"]?.number != nil)
        #expect(peer.pongs.count > 3)
        try Self.expectUnharmed(peer)
    }

    @Test func whatIsTooLongOnlyWhenItIsDecompressedClosesTheConnectionToo() throws {
        let (scheduler, agent, peer) = try Self.bed(["--max-message", "1M"])
        let idle = try agent.memory("VmRSS")
        peer.sendRaw([UInt8](repeating: 0, count: 64 << 20), compression: .on)
        try peer.expectClose(1009)
        let next = try scheduler.accept()
        try next.register()
        try Self.expectUnharmed(next)
        #expect(try agent.memory("VmHWM") < idle + 8 << 20)
    }

    @Test func randomBytesAreSurvived() throws {
        let (_, _, peer) = try Self.bed()
        var random = SeededGenerator(seed: 8)
        let real = MessagePackWriter.bytes(of: [
            "type": "ProcStartRequest", "specs": ["a": ["argv": [""], "env": ["vars": ["A": "b"]], "fds": []]],
        ])
        for round in 0..<1000 {
            var bytes = real
            for _ in 0...(round % 8) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            peer.sendRaw(bytes)
        }
        // Some are answered, and a few start something that can't be.
        let probe: Value = ["type": "ProcResultRequest", "proc_id": "bystander"]
        peer.send(probe)
        let answer = try peer.skip(to: "the answer") { $0.type == "ProcResult" && $0.procID == "bystander" }
        #expect(answer[path: "res", "state"] == "running")
    }
}
