import Glibc
import ProcCore
import TestSupport
import Testing

/// Output on request: which part of it, and in what form.
@Suite struct AgentOutputTests {
    /// A process that has written ten digits to its standard output.
    static func digits(
        _ mode: String, encoding: String = "null"
    ) throws -> (scheduler: Scheduler, peer: Peer) {
        let scheduler = try Scheduler()
        let (_, peer) = try scheduler.agent()
        let spec = SpecText.shell("printf 0123456789", SpecText.capture(mode, encoding: encoding))
        _ = try peer.run("a", spec)
        return (scheduler, peer)
    }

    struct Range: CustomStringConvertible {
        let start: Value
        let stop: Value
        /// What of the ten digits is sent, and where it starts.
        let text: String
        let at: Int

        init(_ start: Value, _ stop: Value, _ text: String, at: Int) {
            (self.start, self.stop, self.text, self.at) = (start, stop, text, at)
        }

        var description: String { "\(start) \(stop)" }
    }

    static let ranges = [
        Range(0, .null, "0123456789", at: 0),
        Range(0, 10, "0123456789", at: 0),
        Range(3, 6, "345", at: 3),
        Range(4, 4, "", at: 4),
        Range(8, 1000, "89", at: 8),
        Range(0, .int(.max), "0123456789", at: 0),
        Range(5, .uint(.max), "56789", at: 5),
        Range(10, .null, "", at: 10),
        Range(11, .null, "", at: 11),
        Range(1000, 2000, "", at: 1000),
        Range(.int(.max), .null, "", at: .max),
        Range(-3, .null, "789", at: 7),
        Range(-3, 8, "7", at: 7),
        Range(-10, .null, "0123456789", at: 0),
        Range(-1000, 2, "01", at: 0),
        Range(.int(.min), .null, "0123456789", at: 0),
    ]

    @Test(arguments: ["tempfile", "memory"])
    func anAnswerHoldsWhatThereIsOfItsRange(mode: String) throws {
        let (scheduler, peer) = try Self.digits(mode)
        for range in Self.ranges {
            let answer = try peer.askOutput("a", "stdout", range.start, range.stop)
            #expect(answer.keySet == ["type", "proc_id", "fd", "start", "stop", "encoding", "data"])
            #expect(answer["data"]?.bytes == Array(range.text.utf8), "\(range)")
            #expect(answer["start"]?.number == range.at, "\(range)")
            #expect(answer["stop"]?.number == range.at + range.text.utf8.count, "\(range)")
        }
        withExtendedLifetime(scheduler) {}
    }

    @Test func aStopThatIsLeftOutIsTheEnd() throws {
        let (_, peer) = try Self.digits("memory")
        peer.send(["type": "ProcFdDataRequest", "proc_id": "a", "fd": "stdout", "start": 7])
        #expect(try peer.next("ProcFdData", "a")["data"]?.bytes == Array("789".utf8))
    }

    static let refused: [(start: Value, stop: Value, text: String)] = [
        (6, 3, "backwards range: 6 to 3"),
        (-2, 3, "backwards range: 8 to 3"),
        (.int(.max), 0, "backwards range: 9223372036854775807 to 0"),
        (0, -1, "stop: -1 is not a whole number from 0 up, or null"),
        (0, 3.0, "stop: 3.0 is not a whole number from 0 up, or null"),
        (0, "3", #"stop: "3" is not a whole number from 0 up, or null"#),
        (1.0, .null, "start: 1.0 is not a whole number of 64 bits"),
        (.uint(.max), .null, "start: 18446744073709551615 is not a whole number of 64 bits"),
        (.null, .null, "start: null is not a whole number of 64 bits"),
        ("0", .null, #"start: "0" is not a whole number of 64 bits"#),
    ]

    @Test func aRangeThatIsNoneIsRefused() throws {
        let (_, peer) = try Self.digits("tempfile")
        for (start, stop, text) in Self.refused {
            #expect(try peer.refusal(of: Peer.outputRequest("a", "stdout", start, stop)) == text)
        }
        let startless = Peer.outputRequest("a", "stdout").without("start")
        #expect(try peer.refusal(of: startless) == #""start" is missing"#)
        #expect(try peer.askOutput("a")["data"]?.bytes?.count == 10)
    }

    @Test func anFdIsAnsweredAsItWasSpelled() throws {
        let (_, peer) = try Self.digits("tempfile")
        for fd in ["stdout", "1"] {
            let answer = try peer.askOutput("a", fd)
            #expect(answer["fd"]?.text == fd && answer["data"]?.bytes?.count == 10)
        }
    }

    @Test func anFdWithoutOutputIsRefusedInTheWordsThatClientsKnow() throws {
        let scheduler = try Scheduler()
        let (_, peer) = try scheduler.agent()
        let fds = #""fds": {"stdout": {"capture": {}}, "7": {"null": {}}}"#
        _ = try peer.run("a", SpecText.spec(["/bin/true"], fds))
        for (fd, text) in [
            ("9", "no fd: 9"), ("stderr", "no fd: stderr"), ("2", "no fd: 2"), ("7", "no fd data"),
            ("zwei", "bad fd: zwei"), ("01", "bad fd: 01"), ("-1", "bad fd: -1"), ("", "bad fd: "),
        ] {
            #expect(try peer.refusal(of: Peer.outputRequest("a", fd)) == text)
        }
        let request = Peer.outputRequest("a", "stdout").with("fd", 1)
        #expect(try peer.refusal(of: request).hasPrefix("fd: 1 is not"))
    }

    @Test(arguments: ["tempfile", "memory"])
    func bytesAreSentAsTheyWereWrittenWhateverTheEncoding(mode: String) throws {
        let scheduler = try Scheduler()
        let (_, peer) = try scheduler.agent()
        let command = #"printf 'a\000\377\303'"#
        for encoding in ["null", "utf-8"] {
            _ = try peer.run(encoding, SpecText.shell(command, SpecText.capture(mode, encoding: encoding)))
            let answer = try peer.askOutput(encoding)
            #expect(answer["data"] == .binary([0x61, 0, 0xff, 0xc3]))
            #expect(answer["encoding"] == (encoding == "null" ? .null : "utf-8"))
        }
    }

    @Test func outputOfAProcessThatFailedToStartIsEmpty() throws {
        let scheduler = try Scheduler()
        let (_, peer) = try scheduler.agent()
        _ = try peer.run("a", SpecText.spec(["/no/such/program"], SpecText.capture("tempfile")))
        let answer = try peer.askOutput("a")
        #expect(answer["data"] == .binary([]) && answer["start"] == 0 && answer["stop"] == 0)
    }

    @Test(arguments: ["tempfile", "memory"])
    func anyPartOfALongOutputIsTrueAlsoOnceItIsCompressed(mode: String) throws {
        let scheduler = try Scheduler()
        let (_, peer) = try scheduler.agent(["--compress-above", "16k"])
        // 100,000 lines of 7 digits and a newline.
        let spec = SpecText.spec(["/usr/bin/seq", "-w", "1000000", "1099999"], SpecText.capture(mode))
        try peer.start("a", spec)
        _ = try peer.result("running", of: "a")
        _ = try peer.next("ProcResult", "a")
        var random = SeededGenerator(seed: 4)
        for round in 0..<40 {
            let start = Int.random(in: 0..<800_000, using: &random)
            let count = Int.random(in: 0..<20_000, using: &random)
            let answer = try peer.askOutput("a", "stdout", .int(Int64(start)), .int(Int64(start + count)))
            let data = try #require(answer["data"]?.bytes)
            #expect(data == Lines.bytes(start..<min(start + count, 800_000)), "\(round): \(start) \(count)")
        }
    }

    /// What `seq` writes: lines of seven digits from 1000000 on.
    enum Lines {
        static func bytes(_ range: Swift.Range<Int>) -> [UInt8] {
            guard !range.isEmpty else { return [] }
            let first = range.lowerBound / 8
            let text = (first...(range.upperBound - 1) / 8).map { "\(1_000_000 + $0)\n" }.joined()
            return Array(Array(text.utf8)[(range.lowerBound - first * 8)...].prefix(range.count))
        }
    }
}
