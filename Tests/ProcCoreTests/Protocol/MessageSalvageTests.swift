import ProcCore
import TestSupport
import Testing

/// Messages that can't be read: an answer where the client can be told which it is about, and never more than that.
@Suite struct MessageSalvageTests {
    /// A map of these members, the values as bytes.
    static func map(_ members: [(key: String, value: [UInt8])]) -> [UInt8] {
        [0x80 | UInt8(members.count)] + members.flatMap { packed(.string($0.key)) + $0.value }
    }

    /// The recorded messages of the server, read once for all tests.
    static let requests = Result {
        try WireReferenceTests.messages().filter {
            RecordedMessageTests.requestTypes.contains(RecordedMessageTests.type(of: $0))
        }
    }

    static func packed(_ value: Value) -> [UInt8] { MessagePackWriter.bytes(of: value) }

    static func refusal(_ bytes: [UInt8]) throws -> MessageRefusal {
        try #require(throws: MessageRefusal.self) { try ReceivedMessage(parsing: bytes, features: [.push]) }
    }

    /// The answer's `msg`, as a server reads it.
    static func echo(_ bytes: [UInt8]) throws -> Value? {
        try refusal(bytes).answer.flatMap { try MessagePackReader.read($0.bytes)["msg"] }
    }

    struct Unreadable: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let bytes: [UInt8]

        init(_ what: String, _ bytes: [UInt8]) {
            testDescription = what
            self.bytes = bytes
        }
    }

    /// Well-formed, and nothing that we read.
    static let unreadable: [Unreadable] = [
        Unreadable("an extension of one byte", [0xd4, 1, 0]),
        Unreadable("of two", [0xd5, 1, 0, 0]),
        Unreadable("of four", [0xd6, 0xff, 0, 0, 0, 0]),
        Unreadable("of eight", [0xd7, 0xff] + [UInt8](repeating: 0, count: 8)),
        Unreadable("of sixteen", [0xd8, 0xff] + [UInt8](repeating: 0, count: 16)),
        Unreadable("of a length in one byte", [0xc7, 3, 9, 0, 0, 0]),
        Unreadable("in two", [0xc8, 0, 3, 9, 0, 0, 0]),
        Unreadable("in four", [0xc9, 0, 0, 0, 3, 9, 0, 0, 0]),
        Unreadable("ill-formed text", [0xa2, 0xc3, 0x28]),
        Unreadable("a number as key", [0x81, 1, 2]),
        Unreadable("a repeated key", [0x82, 0xa1, 0x61, 1, 0xa1, 0x61, 2]),
        Unreadable("a nesting bomb", [UInt8](repeating: 0x91, count: 1 << 20) + [0xc0]),
        Unreadable(
            "a nesting bomb of maps", [UInt8]([[UInt8]](repeating: [0x81, 0xa0], count: 1 << 18).joined()) + [0xc0]),
        Unreadable(
            "much in an array",
            [0x93, 0xd4, 1, 0] + packed(.array([.int(-500), .double(1), .string("x"), .binary([7])]))
                + packed(.map([.init(String(repeating: "k", count: 300), .binary([UInt8](repeating: 0, count: 300)))]))),
        Unreadable(
            "numbers of every size",
            [0xdc, 0, 12, 0xd4, 1, 0, 0xcc, 0, 0xcd, 0, 0, 0xce, 0, 0, 0, 0, 0xd0, 0, 0xd1, 0, 0]
                + [0xd2, 0, 0, 0, 0, 0xca, 0, 0, 0, 0, 0xc2, 0xc0, 0xe0, 0x05]),
        Unreadable("eight bytes each", [0x93, 0xd4, 1, 0, 0xcf, 0, 0, 0, 0, 0, 0, 0, 0, 0xd3, 0, 0, 0, 0, 0, 0, 0, 0]),
        Unreadable(
            "long forms", [0xdd, 0, 0, 0, 4, 0xd4, 1, 0, 0xdf, 0, 0, 0, 0, 0xdb, 0, 0, 0, 1, 0x61, 0xc6, 0, 0, 0, 1, 0]),
        Unreadable("an array in its middle form", [0xdc, 0, 2, 0xde, 0, 0, 0xd4, 1, 0]),
    ]

    @Test(arguments: unreadable)
    func anUnreadableFieldIsNullAndTheOthersAreSentBack(unreadable: Unreadable) throws {
        let message = Self.map([
            ("before", Self.packed(.int(1))), ("odd", unreadable.bytes),
            ("type", Self.packed(.string("ProcDeleteRequest"))),
            ("proc_id", Self.packed(.string("p"))),
        ])
        let refusal = try Self.refusal(message)
        guard case .encoding = refusal.reason else {
            Issue.record("\(refusal)")
            return
        }
        #expect(
            try Self.echo(message)
                == (["before": 1, "odd": nil, "type": "ProcDeleteRequest", "proc_id": "p"] as Document).value)
    }

    @Test(arguments: unreadable)
    func processesWithUnreadableSpecsAreNamed(unreadable: Unreadable) throws {
        let specs = Self.map([
            ("a", unreadable.bytes), ("b", Self.packed(.map([]))), ("c", unreadable.bytes),
        ])
        let message = Self.map([("type", Self.packed(.string("ProcStartRequest"))), ("specs", specs)])
        #expect(
            try Self.echo(message)
                == (["type": "ProcStartRequest", "specs": ["a": nil, "b": [:], "c": nil]] as Document).value)
    }

    @Test func whatFollowsTheMessageIsReported() throws {
        let message = Self.map([
            ("type", Self.packed(.string("ProcidListRequest"))), ("proc_id", Self.packed(.string("p"))),
        ])
        let refusal = try Self.refusal(message + [0xc0])
        #expect(refusal.description == "not a MessagePack message: byte 34: 1 more byte after the value")
        #expect(try Self.echo(message + [0xc0]) == (["type": "ProcidListRequest", "proc_id": "p"] as Document).value)
    }

    @Test func aFieldOfTooManyValuesIsNotTakenIn() throws {
        let crowd = Self.packed(.array([Value](repeating: .null, count: 100)))
        let message = Self.map([("crowd", crowd), ("proc_id", Self.packed(.string("p")))])
        let refusal = try #require(throws: MessageRefusal.self) {
            try ReceivedMessage(parsing: message, features: [], valueLimit: 99)
        }
        #expect(refusal.description == "not a MessagePack message: byte 7: more than 99 values")
        #expect(
            refusal.answer?.value["msg"] == (["crowd": nil, "proc_id": "p"] as Document).value)
    }

    /// An answer has the request one level deeper.
    @Test(arguments: [1, 2, 124, 125, 126, 127, 128, 129])
    func anAnswerIsNeverDeeperThanCanBeRead(depth: Int) throws {
        let deep = [UInt8](repeating: 0x91, count: depth) + [0xc0]
        let id = Self.packed(.string("p"))
        let specs = Self.map([("a", deep)])
        for message in [Self.map([("deep", deep), ("proc_id", id)]), Self.map([("specs", specs), ("proc_id", id)])] {
            let refusal = try Self.refusal(message)
            let answer = try #require(refusal.answer)
            #expect(throws: Never.self) { try MessagePackReader.read(answer.bytes) }
        }
    }

    @Test func aRepeatedFieldIsSentBackOnce() throws {
        let message = Self.map([
            ("proc_id", Self.packed(.string("first"))), ("proc_id", Self.packed(.string("second"))),
        ])
        #expect(try Self.echo(message) == (["proc_id": "first"] as Document).value)
    }

    @Test func aFieldWithoutAProperNameIsLeftOut() throws {
        let id = Self.packed(.string("proc_id")) + Self.packed(.string("p"))
        for member in [[0x05, 0x06], [0xa1, 0xff, 0x06], [0xc4, 1, 0, 0x91, 0x80]] as [[UInt8]] {
            #expect(try Self.echo([0x82] + member + id) == (["proc_id": "p"] as Document).value)
        }
    }

    @Test func whereNothingCanBeReadThereIsNoAnswer() throws {
        let messages: [[UInt8]] = [
            [], [0xc1], [0x81], [0xdf, 0xff, 0xff, 0xff, 0xff], [0xde, 0xff], [0xdd, 0xff, 0xff, 0xff, 0xff, 0xdf],
            [0x92, 0xa1], [UInt8](repeating: 0xdf, count: 1 << 16), [UInt8](repeating: 0x81, count: 1 << 16),
        ]
        for message in messages {
            let refusal = try Self.refusal(message)
            #expect(refusal.answer == nil)
        }
    }

    @Test func everyPrefixOfAMessageIsRefusedAndAnsweredAsSoonAsItSaysWhose() throws {
        for message in try Self.requests.get() {
            guard let id = message.decoded["proc_id"] else { continue }
            var wasAnswered = false
            for cut in message.bytes.indices {
                let echo = try Self.echo(Array(message.bytes[..<cut]))
                #expect(!wasAnswered || echo != nil)
                if let echo {
                    wasAnswered = true
                    #expect(echo["proc_id"] == id)
                }
            }
        }
    }

    /// Bytes changed, inserted, removed: whatever comes out of it, it is understood or refused, and an answer can be
    /// read by whoever gets it.
    @Test(arguments: 0..<40)
    func noMutationDoesMoreThanBeRefused(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for message in try Self.requests.get() {
            for _ in 0..<15 {
                var bytes = message.bytes
                for _ in 0...Int.random(in: 0..<4, using: &random) {
                    guard let place = bytes.indices.randomElement(using: &random) else { break }
                    switch random.next() % 4 {
                    case 0: bytes[place] = UInt8(truncatingIfNeeded: random.next())
                    case 1: bytes[place] ^= 1 << (random.next() % 8)
                    case 2: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: place)
                    default: bytes.remove(at: place)
                    }
                }
                do throws(MessageRefusal) {
                    let received = try ReceivedMessage(parsing: bytes, features: [.push])
                    #expect(throws: Never.self) { try MessagePackReader.read(received.refusal("no").bytes) }
                } catch {
                    #expect(!error.description.isEmpty)
                    guard let answer = error.answer else { continue }
                    let read = try MessagePackReader.read(answer.bytes)
                    #expect(RecordedMessageTests.keys(read) == ["type", "msg", "err"])
                }
            }
        }
    }
}
