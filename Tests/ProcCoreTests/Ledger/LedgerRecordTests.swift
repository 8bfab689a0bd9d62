import ProcCore
import TestSupport
import Testing

@Suite struct LedgerRecordTests {
    private static let accepted: Value = .array([
        .int(2), .int(7), .string("build"), .map([.init("argv", .array([.string("make")]))]), .int(2), .int(0),
        .array([.array([.int(1), .int(4)])]),
    ])

    /// What is read behind an acceptance of token 7.
    private static func read(_ elements: [Value]) throws -> LedgerReading {
        try LedgerReading(header() + framed(MessagePackWriter.bytes(of: accepted)) + framed(elements))
    }

    private static let usage: [Value] = (1...12).map { .int($0) }

    @Test func theRecordsAreWhatTheDocumentationSays() throws {
        let stop: [Value] = [.int(-5), .int(6)]
        let records: [[Value]] = [
            [.int(1), .int(0), .int(11), .string("1.2"), .int(3)],
            [.int(3), .int(7)] + stop + [.string("/"), .map([.init("A", .string("b"))]), .int(99)],
            [.int(4), .int(7), .int(123)],
            [
                .int(6), .int(7), .string("stopping"), .array([.string("asked"), .string("stop")]), .int(1), .int(2),
                .array([.int(15), .string("request")]),
            ],
            [.int(7), .int(7)] + stop + [.int(256), .array(Self.usage), .binary([1, 2])],
            [.int(5), .int(7)] + stop + [.array([.string("no")]), .array([.string("limit"), .int(2)]), .bool(true)],
            [.int(8), .int(7), .int(0), .array([.string("failed"), .string("why")])],
            [
                .int(8), .int(7), .int(2),
                .array([
                    .string("compressed"), .int(1), .int(2), .int(3), .array([.int(0)]),
                    .int(5), .int(6),
                ]),
            ],
        ]
        let bytes = records.reduce(header() + framed(MessagePackWriter.bytes(of: Self.accepted))) { $0 + framed($1) }
        let reading = try LedgerReading(bytes)
        #expect(reading.misunderstood.isEmpty)
        #expect(reading.image.agent == .init(pid: 11, version: "1.2", time: WallTime(nanoseconds: 3)))
        let process = try #require(reading.image[token: 7])
        #expect(process.accepted.pipes == [.init(fd: 1, pipe: 4)])
        #expect(process.begun?.environment == [.init("A", .string("b"))] && process.begun?.keeper == 99)
        #expect(process.pid == 123)
        #expect(process.stopping?.lastSignal == .init(signum: 15, sender: .request))
        #expect(process.ended?.usage.nivcsw == 12)
        #expect(process.failed?.reason == .limit(fd: 2) && process.failed?.isLost == true)
        #expect(process.captures[0] == .failed("why"))
        // What is written is the same again, but for its order.
        let again = try LedgerReading(header() + LedgerRecord.encoded(reading.image.records))
        #expect(again.image.records == reading.image.records)
        #expect(again.intactCount == bytes.count)
    }

    @Test func everyRecordIsReadAsItWasWritten() throws {
        var history = LedgerHistory(seed: 1)
        for _ in 0..<3000 {
            let record = history.next()
            // Every kind but the last two says something of a process that must be known.
            var image = LedgerImage()
            if let token = record.token { image.apply(.accepted(token: token, Self.someone)) }
            image.apply(record)
            let bytes = LedgerRecord.encoded(image.records)
            let reading = try LedgerReading(header() + bytes)
            #expect(reading.tear == nil && reading.misunderstood.isEmpty)
            #expect(reading.image.records == image.records, "\(record)")
        }
    }

    private static let someone = LedgerRecord.Accepted(id: "x", spec: .null, request: 0, index: 0)

    @Test func whatALaterVersionAddsIsPassedOver() throws {
        let reading = try Self.read([.int(4), .int(7), .int(99), .map([.init("new", .int(1))])])
        #expect(reading.image[token: 7]?.pid == 99)
        let later = try Self.read([.int(4711), .string("anything")])
        #expect(later.misunderstood.isEmpty && later.tear == nil && later.image.processes.count == 1)
    }

    @Test func whatMayBeMissingMayBeLeftOutAtTheEnd() throws {
        let reading = try Self.read([.int(6), .int(7), .string("running")])
        let stopping = try #require(reading.image[token: 7]?.stopping)
        #expect(stopping.reason == nil && stopping.graceEnd == nil && stopping.lastSignal == nil)
    }

    static let malformed: [(elements: [Value], error: String)] = [
        ([], "[0]: null is not a number of signed 64 bits"),
        ([.string("spawned"), .int(7)], #"[0]: "spawned" is not a number of signed 64 bits"#),
        ([.int(4)], "spawned[1]: null is not a number of unsigned 64 bits"),
        ([.int(4), .int(-1), .int(1)], "spawned[1]: -1 is not a number of unsigned 64 bits"),
        ([.int(4), .int(7), .int(1 << 31)], "spawned[2]: 2147483648 is not a number of signed 32 bits"),
        ([.int(4), .int(7), .int(-1)], "spawned[2]: -1 is not a number from 0 up"),
        ([.int(3), .int(7), .int(1), .int(1), .null, .int(1)], "begun[5]: 1 is not an object"),
        (
            [.int(6), .int(7), .string("sleeping")],
            #"stopping[2]: "sleeping" is not one of "pending", "running", "stopping", "killing", "surveying", "#
                + #""lingering", "sweeping", "ended""#
        ),
        (
            [.int(6), .int(7), .string("ended"), .array([.string("asked"), .string("god")])],
            #"stopping[3][1]: "god" is not one of "request", "stop", "shutdown""#
        ),
        (
            [.int(7), .int(7), .int(1), .int(1), .int(1), .array(usage.dropLast())],
            "ended[5][11]: null is not a number of signed 64 bits"
        ),
        (
            [.int(7), .int(7), .int(1), .int(1), .int(1), .array(usage), .string("1 (x)")],
            #"ended[6]: "1 (x)" is not binary data"#
        ),
        (
            [.int(8), .int(7), .int(0), .array([.string("lost")])],
            #"capture[3][0]: "lost" is not one of "failed", "compressed""#
        ),
    ]

    @Test(arguments: malformed)
    func anIntactRecordThatCannotBeUnderstoodIsNamedAndPassedOver(elements: [Value], error: String) throws {
        let tail = framed([.int(4), .int(7), .int(42)])
        let reading = try LedgerReading(
            header() + framed(MessagePackWriter.bytes(of: Self.accepted)) + framed(elements) + tail)
        #expect(reading.misunderstood.map(\.reason.description) == [error])
        #expect(reading.tear == nil && reading.image[token: 7]?.pid == 42)
    }

    @Test func aRecordThatIsNoMessagePackIsNamedAndPassedOver() throws {
        let bytes = header() + framed([0xc1]) + framed([.int(1), .int(0), .int(5), .string("1"), .int(6)])
        let reading = try LedgerReading(bytes)
        #expect(reading.misunderstood.map(\.description) == ["record at byte 32: byte 0: 0xc1 starts no value"])
        #expect(reading.image.agent?.pid == 5)
    }
}

extension LedgerRecord {
    /// Of the process that it speaks of.
    var token: UInt64? {
        switch self {
        case .agent, .accepted, .forgotten: nil
        case .begun(let token, _), .spawned(let token, _), .failed(let token, _), .stopping(let token, _),
            .ended(let token, _), .capture(let token, _, _):
            token
        }
    }
}
