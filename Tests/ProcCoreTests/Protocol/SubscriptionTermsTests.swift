import ProcCore
import Testing

@Suite struct SubscriptionTermsTests {
    static func terms(_ fields: [(String, Document)]) throws(MessageRefusal) -> ServerMessage {
        let members = [("type", "ProcSubscribeRequest"), ("proc_id", "p")] as [(String, Document)] + fields
        return try ReceivedMessage(
            parsing: MessagePackWriter.bytes(of: .map(members.map { Value.Member($0.0, $0.1.value) })),
            features: [.push]
        ).message
    }

    @Test func termsHaveDefaults() throws {
        let plain = SubscriptionTerms(interval: nil, output: [])
        #expect(try Self.terms([]) == .procSubscribeRequest(procID: "p", terms: plain))
        #expect(
            try Self.terms([("interval", nil), ("output", nil)]) == .procSubscribeRequest(procID: "p", terms: plain))
        #expect(
            try Self.terms([
                ("interval", 2), ("output", ["stdout": [:], "2": ["start": -5, "window": 77], "7": ["start": nil]]),
            ])
                == .procSubscribeRequest(
                    procID: "p",
                    terms: SubscriptionTerms(
                        interval: .seconds(2),
                        output: [
                            .init(fd: FdName(1), start: 0, window: 1 << 20),
                            .init(fd: FdName(2), start: -5, window: 77),
                            .init(fd: FdName(7), start: 0, window: 1 << 20),
                        ])))
    }

    struct Refused: Sendable, CustomTestStringConvertible {
        let field: String
        let value: Document
        let testDescription: String
    }

    static let refusedTerms: [Refused] = [
        ("interval", 0, "interval: 0 is not a number of seconds from 0.1 up, or null"),
        ("interval", 0.05, "interval: 0.05 is not a number of seconds from 0.1 up, or null"),
        ("interval", "1", #"interval: "1" is not a number of seconds from 0.1 up, or null"#),
        ("interval", Document(.double(.nan)), "interval: nan is not a number of seconds from 0.1 up, or null"),
        ("output", .emptyArray, "output: an array is not an object"),
        ("output", ["bogus": [:]], "bad fd: bogus"),
        ("output", ["1": nil], #"output.1: null is not an object with the keys "start" and "window""#),
        ("output", ["1": [:], "stdout": [:]], "duplicate fd: stdout"),
        ("output", ["1": ["start": "0"]], #"output.1.start: "0" is not a whole number of 64 bits"#),
        ("output", ["1": ["window": 0]], "output.1.window: 0 is not a number of bytes from 1 to 1073741824"),
        (
            "output", ["1": ["window": 1_073_741_825]],
            "output.1.window: 1073741825 is not a number of bytes from 1 to 1073741824"
        ),
    ].map { Refused(field: $0.0, value: $0.1, testDescription: $0.2) }

    @Test(arguments: refusedTerms)
    func wrongTermsAreNamed(refused: Refused) throws {
        let refusal = try #require(throws: MessageRefusal.self) { try Self.terms([(refused.field, refused.value)]) }
        #expect(refusal.description == "ProcSubscribeRequest: " + refused.testDescription)
        #expect(refusal.answer != nil)
    }

    @Test func acknowledgementsGoToTheEndOfTheNumbers() throws {
        func parse(_ offset: Value) throws(MessageRefusal) -> ServerMessage {
            try ServerMessageTests.parse(
                ["type": "ProcOutputAck", "proc_id": "p", "fd": "stdout", "offset": Document(offset)], [.push])
        }
        #expect(try parse(.int(0)) == .procOutputAck(procID: "p", fd: FdName(1), offset: 0))
        #expect(try parse(.uint(.max)) == .procOutputAck(procID: "p", fd: FdName(1), offset: .max))
        #expect(throws: MessageRefusal.self) { try parse(.int(-1)) }
        #expect(throws: MessageRefusal.self) { try parse(.null) }
        #expect(
            try ServerMessageTests.parse(["type": "ProcUnsubscribeRequest", "proc_id": "p"], [.push])
                == .procUnsubscribeRequest(procID: "p"))
    }
}
