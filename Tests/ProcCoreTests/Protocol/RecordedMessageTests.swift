import ProcCore
import Testing

/// Our messages beside those of the recorded session.
@Suite struct RecordedMessageTests {
    static let requestTypes: Set<String> = [
        "Registered", "ProcStartRequest", "ProcidListRequest", "ProcResultRequest", "ProcSignalRequest",
        "ProcFdDataRequest", "ProcDeleteRequest", "Bogus",
    ]

    static func type(of message: WireReferenceTests.Message) -> String {
        guard case .string(let type)? = message.decoded["type"] else { return "" }
        return type
    }

    /// What the server says, case by case; of a start, its specs as they came.
    static let expected: [(name: String, message: ServerMessage)] = {
        func output(_ procID: String, _ fd: CInt, _ start: Int64, _ stop: UInt64?) -> ServerMessage? {
            guard let range = try? OutputRange(start: start, stop: stop) else { return nil }
            return .procFdDataRequest(procID: procID, fd: FdName(fd), range: range)
        }
        let messages: [(String, ServerMessage?)] = [
            ("register", .registered(features: [])),
            ("fd-data-full", output("det", 1, 0, nil)),
            ("fd-data-part", output("det", 1, 3, 6)),
            ("fd-data-by-number", output("det", 1, 0, 2)),
            ("fd-data-not-captured", output("det", 7, 0, nil)),
            ("fd-data-no-fd", output("det", 9, 0, nil)),
            ("fd-data-unknown-proc", output("nope", 1, 0, nil)),
            ("result-request", .procResultRequest(procID: "det")),
            ("result-unknown", .procResultRequest(procID: "nope")),
            ("signal-ended", .procSignalRequest(procID: "det", signal: .terminate)),
            ("signal-unknown", .procSignalRequest(procID: "nope", signal: .terminate)),
            ("procid-list", .procidListRequest),
            ("delete", .procDeleteRequest(procID: "det")),
            ("delete-unknown", .procDeleteRequest(procID: "det")),
            ("delete-running", .procDeleteRequest(procID: "long")),
            ("result-running", .procResultRequest(procID: "long")),
            ("signal", .procSignalRequest(procID: "long", signal: .terminate)),
            ("registered-again", .registered(features: [])),
        ]
        return messages.compactMap { name, message in message.map { (name, $0) } }
    }()

    static let refused: [(name: String, text: String, isAnswered: Bool)] = [
        ("fd-data-bad-fd", "ProcFdDataRequest: bad fd: bogus", true),
        ("unknown-type", #"unknown message type "Bogus""#, true),
        ("missing-field", #"ProcResultRequest: "proc_id" is missing"#, false),
    ]

    @Test func everyMessageOfTheServerIsUnderstood() throws {
        let requests = try WireReferenceTests.messages().filter { Self.requestTypes.contains(Self.type(of: $0)) }
        var understood: [String] = []
        for request in requests {
            let name = String(request.name.split(separator: " ")[1])
            if let refused = Self.refused.first(where: { $0.name == name }) {
                let refusal = #expect(throws: MessageRefusal.self) {
                    try ReceivedMessage(parsing: request.bytes, features: [])
                }
                #expect(refusal?.description == refused.text)
                #expect((refusal?.answer != nil) == refused.isAnswered)
                continue
            }
            let received = try ReceivedMessage(parsing: request.bytes, features: [])
            #expect(received.document == request.decoded)
            if Self.type(of: request) == "ProcStartRequest" {
                #expect(received.message == .procStartRequest(specs: try #require(request.decoded["specs"])))
            } else {
                #expect(received.message == Self.expected.first { $0.name == name }?.message, "\(request.name)")
            }
            understood.append(name)
        }
        #expect(Set(understood).isSuperset(of: Self.expected.map(\.name)))
        #expect(understood.count == 31)
    }

    @Test func everyMessageOfTheAgentIsWrittenByteForByte() throws {
        var request: [UInt8] = []
        var count = 0
        for message in try WireReferenceTests.messages() {
            if Self.requestTypes.contains(Self.type(of: message)) {
                request = message.bytes
                continue
            }
            let written = try Self.written(message.decoded, answering: request)
            // Where the reference sends back specs as it understood them, ours sends them back as they came.
            if Self.type(of: message) == "RequestError", let specs = message.decoded["msg"]?["specs"] {
                let again = try MessagePackReader.read(written)
                #expect(again["msg"] == (try MessagePackReader.read(request)))
                #expect(again["err"] == message.decoded["err"])
                #expect(Self.keys(again["msg"]?["specs"]) == Self.keys(specs))
            } else {
                #expect(written == message.bytes, "\(message.name)")
            }
            count += 1
        }
        #expect(count == 40)
    }

    static func keys(_ value: Value?) -> [String] {
        guard case .map(let members)? = value else { return [] }
        return members.map(\.key)
    }

    /// The message of `value` once more, made from our own types.
    static func written(_ value: Value, answering request: [UInt8]) throws -> [UInt8] {
        func string(_ key: String, in value: Value) throws -> String {
            guard case .string(let text)? = value[key] else { throw WireReferenceTests.UnreadableFixture() }
            return text
        }
        func state() throws -> AgentMessage.ShutdownState {
            try #require(AgentMessage.ShutdownState(rawValue: try string("shutdown_state", in: value)))
        }
        switch try string("type", in: value) {
        case "Register": return AgentMessage.register(try registration(value, state: try state())).bytes
        case "ProcResult":
            let res = try #require(value["res"])
            return AgentMessage.procResult(procID: try string("proc_id", in: value), res: res).bytes
        case "ProcidList":
            guard case .array(let ids)? = value["proc_ids"] else { throw WireReferenceTests.UnreadableFixture() }
            return AgentMessage.procidList(ids.map { if case .string(let id) = $0 { id } else { "?" } }).bytes
        case "ProcDelete": return AgentMessage.procDelete(procID: try string("proc_id", in: value)).bytes
        case "ProcUnknown": return AgentMessage.procUnknown(procID: try string("proc_id", in: value)).bytes
        case "ShutDown": return AgentMessage.shutDown(try state()).bytes
        case "RequestError":
            let err = try string("err", in: value)
            do throws(MessageRefusal) {
                return try ReceivedMessage(parsing: request, features: []).refusal(err).bytes
            } catch {
                return try #require(error.answer).bytes
            }
        case "ProcFdData":
            guard case .binary(let data)? = value["data"], case .int(let start)? = value["start"] else {
                throw WireReferenceTests.UnreadableFixture()
            }
            let range = UInt64(start)..<(UInt64(start) + UInt64(data.count))
            let message = OutputMessage(
                .requested, procID: try string("proc_id", in: value),
                fd: try FdName(parsing: try string("fd", in: value)), range: range, encoding: nil)
            return message.head + data
        default: throw WireReferenceTests.UnreadableFixture()
        }
    }

    static func registration(_ value: Value, state: AgentMessage.ShutdownState) throws -> Registration {
        let conn = try #require(value["conn"])
        let proc = try #require(value["proc"])
        func string(_ key: String, _ value: Value) -> String {
            if case .string(let text)? = value[key] { text } else { "?" }
        }
        func number(_ key: String) -> Int64 { if case .int(let number)? = proc[key] { number } else { -1 } }
        var registration = Registration(
            connID: string("conn_id", conn), groupID: string("group_id", conn), restrictedExe: nil,
            identity: Registration.Identity(
                pid: Int32(number("pid")), ppid: Int32(number("ppid")), uid: UInt32(number("uid")),
                euid: UInt32(number("euid")), username: string("username", proc), gid: UInt32(number("gid")),
                egid: UInt32(number("egid")), groupname: string("groupname", proc),
                hostname: string("hostname", proc)),
            accessToken: string("access_token", value))
        registration.shutdownState = state
        return registration
    }
}
