import ProcCore
import Testing

@Suite struct ServerMessageTests {
    static func parse(_ document: Document, _ features: Set<Feature> = []) throws(MessageRefusal) -> ServerMessage {
        try ReceivedMessage(parsing: MessagePackWriter.bytes(of: document.value), features: features).message
    }

    static func request(_ start: Int64, _ stop: UInt64?) throws -> ServerMessage {
        .procFdDataRequest(procID: "p", fd: FdName(1), range: try OutputRange(start: start, stop: stop))
    }

    @Test func fieldsOfOthersAreIgnored() throws {
        #expect(
            try Self.parse(["type": "Registered", "motd": ["hello"], "proc_id": 3]) == .registered(features: []))
        #expect(
            try Self.parse(["type": "ProcDeleteRequest", "force": true, "proc_id": "p"])
                == .procDeleteRequest(procID: "p"))
    }

    @Test func featuresThatNobodyKnowsAreNotAgreedOn() throws {
        #expect(try Self.parse(["type": "Registered", "features": nil]) == .registered(features: []))
        #expect(try Self.parse(["type": "Registered", "features": ["fly", "push"]]) == .registered(features: [.push]))
    }

    @Test func aProcessMayBeCalledAnything() throws {
        for name in ["", "a b", "é", "\0", String(repeating: "x", count: 70_000)] {
            #expect(
                try Self.parse(["type": "ProcResultRequest", "proc_id": Document(.string(name))])
                    == .procResultRequest(procID: name))
        }
    }

    @Test func everySignalIsTakenAndZeroOnlyAsks() throws {
        for number in 1...64 {
            let message = try Self.parse(
                ["type": "ProcSignalRequest", "proc_id": "p", "signum": Document(.int(Int64(number)))])
            #expect(message == .procSignalRequest(procID: "p", signal: Signal(number)))
        }
        #expect(
            try Self.parse(["type": "ProcSignalRequest", "proc_id": "p", "signum": 0])
                == .procSignalRequest(procID: "p", signal: nil))
    }

    /// Python's msgpack writes the shortest form, others may not.
    @Test(
        arguments: [
            [0x0f], [0xcc, 0x0f], [0xcd, 0, 0x0f], [0xce, 0, 0, 0, 0x0f], [0xcf, 0, 0, 0, 0, 0, 0, 0, 0x0f],
            [0xd0, 0x0f],
            [0xd1, 0, 0x0f], [0xd2, 0, 0, 0, 0x0f], [0xd3, 0, 0, 0, 0, 0, 0, 0, 0x0f],
        ] as [[UInt8]])
    func anIntegerMayHaveAnyForm(number: [UInt8]) throws {
        var bytes = MessagePackWriter.bytes(
            of: (["type": "ProcSignalRequest", "proc_id": "p", "signum": 0] as Document).value)
        bytes.removeLast()
        #expect(
            try ReceivedMessage(parsing: bytes + number, features: []).message
                == .procSignalRequest(procID: "p", signal: .terminate))
    }

    @Test func rangesComeAsTheyAreAsked() throws {
        func parse(_ start: Value, _ stop: Value?) throws -> ServerMessage {
            let members = [("start", start), ("stop", stop)].compactMap { key, value in
                value.map { Value.Member(key, $0) }
            }
            let fields: [Value.Member] = [
                .init("type", .string("ProcFdDataRequest")), .init("proc_id", .string("p")),
                .init("fd", .string("1")),
            ]
            return try Self.parse(Document(.map(fields + members)))
        }
        #expect(try parse(.int(0), .null) == Self.request(0, nil))
        #expect(try parse(.int(0), nil) == Self.request(0, nil))
        #expect(try parse(.int(-5), .int(7)) == Self.request(-5, 7))
        #expect(try parse(.int(.min), .uint(.max)) == Self.request(.min, .max))
        #expect(try parse(.int(.max), .int(.max)) == Self.request(.max, UInt64(Int64.max)))
    }

    struct Refused: Sendable, CustomTestStringConvertible {
        let document: Document
        let text: String
        /// The answer's `err`; nil when there is no answer.
        let answer: String?
        var testDescription: String { text }

        init(_ document: Document, _ text: String, answer: String?) {
            self.document = document
            self.text = text
            self.answer = answer
        }

        /// Of a type of message, quoting its own text.
        init(_ document: Document, in type: String, _ text: String, isAnswered: Bool = true) {
            self.init(document, "\(type): \(text)", answer: isAnswered ? text : nil)
        }
    }

    static let refused: [Refused] = [
        Refused(5, "5 is not a message: it takes a map", answer: nil),
        Refused(.emptyArray, "an array is not a message: it takes a map", answer: nil),
        Refused(["type"], "an array is not a message: it takes a map", answer: nil),
        Refused([:], #"a message without a string "type""#, answer: nil),
        Refused(["type": 1, "proc_id": 1], #"a message without a string "type""#, answer: nil),
        Refused(
            ["type": nil, "proc_id": "p"], #"a message without a string "type""#,
            answer: #"a message without a string "type""#),
        Refused(
            ["specs": ["a": 1]], #"a message without a string "type""#, answer: #"a message without a string "type""#),
        Refused(["type": "Bogus"], #"unknown message type "Bogus""#, answer: #"unknown message type "Bogus""#),
        Refused(["type": ""], #"unknown message type """#, answer: #"unknown message type """#),
        // An agent's own.
        Refused(
            ["type": "ProcResult", "proc_id": "p"], #"unknown message type "ProcResult""#,
            answer: #"unknown message type "ProcResult""#),
        Refused(["type": "ProcStartRequest"], in: "ProcStartRequest", #""specs" is missing"#, isAnswered: false),
        Refused(
            ["type": "ProcStartRequest", "specs": .emptyArray], in: "ProcStartRequest",
            "specs: an array is not an object from process id to spec", isAnswered: false),
        Refused(
            ["type": "ProcResultRequest", "proc_id": 7], in: "ProcResultRequest", "proc_id: 7 is not a string",
            isAnswered: false),
        Refused(
            ["type": "ProcDeleteRequest", "proc_id": nil], in: "ProcDeleteRequest", "proc_id: null is not a string",
            isAnswered: false),
        Refused(
            ["type": "ProcResultRequest", "specs": ["a": nil]], in: "ProcResultRequest", #""proc_id" is missing"#),
        Refused(
            ["type": "ProcSignalRequest", "proc_id": "p"], in: "ProcSignalRequest", #""signum" is missing"#),
        Refused(
            ["type": "ProcSignalRequest", "proc_id": "p", "signum": 65], in: "ProcSignalRequest",
            "signum: 65 is not the number of a signal, from 0 to 64"),
        Refused(
            ["type": "ProcSignalRequest", "proc_id": "p", "signum": -1], in: "ProcSignalRequest",
            "signum: -1 is not the number of a signal, from 0 to 64"),
        Refused(
            ["type": "ProcSignalRequest", "proc_id": "p", "signum": Document(.uint(.max))], in: "ProcSignalRequest",
            "signum: 18446744073709551615 is not the number of a signal, from 0 to 64"),
        Refused(
            ["type": "ProcSignalRequest", "proc_id": "p", "signum": 15.0], in: "ProcSignalRequest",
            "signum: 15.0 is not the number of a signal, from 0 to 64"),
        Refused(
            ["type": "ProcSignalRequest", "proc_id": "p", "signum": "SIGTERM"], in: "ProcSignalRequest",
            #"signum: "SIGTERM" is not the number of a signal, from 0 to 64"#),
        Refused(
            ["type": "ProcSignalRequest", "proc_id": "p", "signum": true], in: "ProcSignalRequest",
            "signum: true is not the number of a signal, from 0 to 64"),
        Refused(
            ["type": "ProcFdDataRequest", "proc_id": "p", "fd": "01", "start": 0], in: "ProcFdDataRequest",
            "bad fd: 01"),
        Refused(
            ["type": "ProcFdDataRequest", "proc_id": "p", "fd": 1, "start": 0], in: "ProcFdDataRequest",
            "fd: 1 is not a string"),
        Refused(
            ["type": "ProcFdDataRequest", "proc_id": "p", "fd": "1"], in: "ProcFdDataRequest", #""start" is missing"#),
        Refused(
            ["type": "ProcFdDataRequest", "proc_id": "p", "fd": "1", "start": nil], in: "ProcFdDataRequest",
            "start: null is not a whole number of 64 bits"),
        Refused(
            ["type": "ProcFdDataRequest", "proc_id": "p", "fd": "1", "start": Document(.uint(.max))],
            in: "ProcFdDataRequest", "start: 18446744073709551615 is not a whole number of 64 bits"),
        Refused(
            ["type": "ProcFdDataRequest", "proc_id": "p", "fd": "1", "start": 0, "stop": -1], in: "ProcFdDataRequest",
            "stop: -1 is not a whole number from 0 up, or null"),
        Refused(
            ["type": "ProcFdDataRequest", "proc_id": "p", "fd": "1", "start": 0, "stop": 1.0], in: "ProcFdDataRequest",
            "stop: 1.0 is not a whole number from 0 up, or null"),
        Refused(
            ["type": "ProcFdDataRequest", "proc_id": "p", "fd": "1", "start": 3, "stop": 2], in: "ProcFdDataRequest",
            "backwards range: 3 to 2"),
        Refused(
            ["type": "Registered", "features": "push"], in: "Registered",
            #"features: "push" is not an array of names"#, isAnswered: false),
        Refused(
            ["type": "Registered", "features": ["push", 1]], in: "Registered", "features[1]: 1 is not a string",
            isAnswered: false),
    ]

    @Test(arguments: refused)
    func whatIsWrongIsNamedAndTheRequestSentBack(refused: Refused) throws {
        let refusal = try #require(throws: MessageRefusal.self) { try Self.parse(refused.document) }
        #expect(refusal.description == refused.text)
        #expect(refusal.answer == refused.answer.map { .requestError(msg: refused.document.value, err: $0) })
    }

    @Test func withoutTheFeatureSubscriptionsAreUnknown() {
        for type in ["ProcSubscribeRequest", "ProcUnsubscribeRequest", "ProcOutputAck"] {
            let message: Document = [
                "type": Document(.string(type)), "proc_id": "p", "fd": "1", "offset": 7,
            ]
            let refusal = #expect(throws: MessageRefusal.self) { try Self.parse(message) }
            #expect(refusal?.reason == .unknownType(type))
            #expect(throws: Never.self) { try Self.parse(message, [.push]) }
        }
    }

    @Test func aRequestThatCannotBeDoneIsSentBackAsItCame() throws {
        let document: Document = ["proc_id": "p", "extra": [1, 2], "type": "ProcDeleteRequest"]
        let received = try ReceivedMessage(parsing: MessagePackWriter.bytes(of: document.value), features: [])
        #expect(
            received.refusal("process running: p").value
                == (["type": "RequestError", "msg": document, "err": "process running: p"] as Document).value)
    }
}
