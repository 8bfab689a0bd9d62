import ProcCore
import Testing

@Suite struct AgentMessageTests {
    @Test func featuresAreOfferedAtTheTopOfTheRegistrationAndOnlyIfThereAreAny() {
        let identity = Registration.Identity(
            pid: 7, ppid: 1, uid: 4_294_967_295, euid: 0, username: "u", gid: 0, egid: 0, groupname: "g",
            hostname: "h")
        var registration = Registration(
            connID: "c", groupID: "g", restrictedExe: "/bin/true", identity: identity, accessToken: "secret")
        registration.procIDs = ["a", "b"]
        let plain = AgentMessage.register(registration).value
        let known = ["type", "conn", "proc", "proc_ids", "access_token", "shutdown_state"]
        #expect(RecordedMessageTests.keys(plain) == known)
        #expect(plain["conn"]?["restricted_exe"] == .string("/bin/true"))
        #expect(plain["proc"]?["uid"] == .int(4_294_967_295))
        #expect(plain["proc_ids"] == .array([.string("a"), .string("b")]))

        registration.features = [.push]
        let offering = AgentMessage.register(registration).value
        #expect(RecordedMessageTests.keys(offering) == known + ["features"])
        #expect(offering["features"] == .array([.string("push")]))
        #expect("\(AgentMessage.register(registration))" == "register(registration of c in group g)")
    }

    @Test func theFinalResultOfASubscriptionSaysSoAndNoOtherDoes() {
        #expect(
            AgentMessage.procResult(procID: "p", res: .map([]), isFinal: true).value
                == (["type": "ProcResult", "proc_id": "p", "res": [:], "final": true] as Document).value)
        #expect(
            AgentMessage.procResult(procID: "p", res: .map([])).value
                == (["type": "ProcResult", "proc_id": "p", "res": [:]] as Document).value)
    }

    @Test(arguments: [0, 1, 255, 256, 65_535, 65_536, 70_000])
    func outputIsAMessageOfItsHeadAndItsBytes(count: Int) throws {
        let data = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
        let message = OutputMessage(
            .requested, procID: "p", fd: try FdName(parsing: "stdout"), range: 5..<(5 + UInt64(count)),
            encoding: .utf8)
        let whole = message.head + data
        #expect(message.dataCount == UInt64(count))
        #expect(message.count == UInt64(whole.count))
        let expected: Value = .map([
            .init("type", .string("ProcFdData")), .init("proc_id", .string("p")), .init("fd", .string("stdout")),
            .init("start", .int(5)), .init("stop", .int(5 + Int64(count))), .init("encoding", .string("utf-8")),
            .init("data", .binary(data)),
        ])
        #expect(try MessagePackReader.read(whole) == expected)
        #expect(whole == MessagePackWriter.bytes(of: expected))
    }

    @Test func theLargestOutputIsAnnouncedWithFourBytes() {
        let message = OutputMessage(
            .pushed, procID: "p", fd: FdName(3), range: 1..<(1 + OutputRange.largestAnswer), encoding: nil)
        #expect(message.head.suffix(5) == [0xc6, 0x40, 0, 0, 0])
        #expect(message.count == UInt64(message.head.count) + (1 << 30))
    }

    @Test func whatTheLogShowsHasNoSecretsAndNoOutput() throws {
        let messages: [(Document, String)] = [
            (
                ["type": "Register", "access_token": "s3cret"],
                #"{"type":"Register","access_token":"(hidden)"}"#
            ),
            (
                [
                    "type": "ProcStartRequest",
                    "specs": ["p": ["argv": ["x"], "env": ["inherit": ["HOME"], "vars": ["K": "s3cret", "N": nil]]]],
                ],
                #"{"type":"ProcStartRequest","specs":{"p":{"argv":["x"],"#
                    + #""env":{"inherit":["HOME"],"vars":{"K":"(hidden)","N":null}}}}}"#
            ),
            (
                ["res": ["env": ["K": "s3cret"], "fds": ["stdout": ["type": "text", "text": "s3cret"], "1": nil]]],
                #"{"res":{"env":{"K":"(hidden)"},"fds":{"stdout":{"type":"text","text":"(6 bytes)"},"1":null}}}"#
            ),
            (
                [
                    "data": Document(.binary([1, 2])), "text": Document(.text([3])),
                    "env": ["K": Document(.text([0x73]))], "other": Document(.base64([1, 2, 3])),
                ],
                #"{"data":"(2 bytes)","text":"(1 bytes)","env":{"K":"(hidden)"},"other":"(3 bytes)"}"#
            ),
        ]
        for (message, line) in messages { #expect(MessageText.line(message.value) == line) }
        // Also where no value can stand.
        for env in [["vars": ["PIN": 4711]], ["vars": ["PIN": ["s"]]], ["vars": "PIN=s"], "PIN=s", ["PIN=s"]]
            as [Document]
        {
            let line = MessageText.line(.map([.init("env", env.value)]))
            #expect(
                line.contains("(hidden)") && !line.contains("4711") && !line.contains("\"s\"") && !line.contains("=s"))
        }
    }
}
