import Glibc
import ProcCore
import ProcIO
import TestSupport
import Testing

/// permessage-deflate between agent and scheduler. What has passed is counted outside TLS.
@Suite struct AgentCompressionTests {
    /// Asks an agent for 4 MB of numbers, and then sends it 1 MB. How many bytes went up for it.
    static func traffic(_ compression: String, offers: Bool = true) throws -> Int {
        let scheduler = try Scheduler(deflates: offers)
        let relay = try Relay(to: scheduler)
        _ = try scheduler.startAgent(["--ws-compression", compression], port: relay.port)
        let peer = try scheduler.accept()
        try peer.register()
        let spec = SpecText.spec(["/usr/bin/seq", "-w", "1000000", "1499999"], SpecText.capture("tempfile"))
        try peer.begin("a", SpecText.spec(["/bin/sleep", "1000"]))
        try peer.start("b", spec)
        _ = try peer.skip(to: "the end") { $0.procID == "b" && $0[path: "res", "state"] == "terminated" }
        let before = relay.passed[.up] ?? 0
        #expect(try peer.askOutput("b")["data"]?.bytes == AgentOutputTests.Lines.bytes(0..<4_000_000))
        let passed = (relay.passed[.up] ?? 0) - before
        // In the other direction it takes what comes, compressed or not.
        for isCompressed in [true, false] {
            let long: Value = ["type": "Bogus", "x": .string(String(repeating: "x", count: 1 << 20))]
            peer.sendRaw(MessagePackWriter.bytes(of: long), compression: isCompressed ? .on : .off)
            #expect(try peer.next("RequestError")["msg"] == long)
        }
        return passed
    }

    @Test func compressedOutputIsTheSameInFewerBytes() throws {
        #expect(try Self.traffic("on") < 1_500_000)
    }

    @Test func withoutCompressionEveryByteIsSent() throws {
        #expect(try Self.traffic("off") > 4_000_000)
    }

    @Test func whateverIsDecidedFromMessageToMessageTheOutputIsTheSame() throws {
        #expect(try Self.traffic("auto") > 0)
    }

    @Test func aServerThatDoesNotCompressIsServedToo() throws {
        #expect(try Self.traffic("on", offers: false) > 4_000_000)
    }
}
