import CWebSocket
import Testing

/// Messages that go out as they are.
@Suite struct ConnectionSendTests {
    static func bytes(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) } }

    // MARK: - frames

    @Test(arguments: cws_role.both, [0, 1, 125, 126, 65535, 65536, 131072])
    func aMessageUpToAFragmentIsOneFrame(role: cws_role, count: Int) {
        let connection = Connection(role)
        let payload = Self.bytes(count)
        #expect(connection.send(payload) == 0)
        #expect(connection.drainFrames() == [Frame(opcode: 2, payload: payload)])
        #expect(connection.send("é") == 0 && connection.send("") == 0)
        #expect(connection.drainFrames() == [.text("é"), .text("")])
    }

    @Test(arguments: cws_role.both)
    func aLargerMessageIsCutIntoFragments(role: cws_role) {
        let connection = Connection(role, maxFragment: 3)
        #expect(connection.send("abcdefgh") == 0)
        #expect(connection.drainFrames() == [.text("abc", fin: false), .more("def", fin: false), .more("gh")])
        // A fragment may end within a character.
        #expect(connection.send("éé") == 0)
        let cut = [Frame(opcode: 1, payload: [0xc3, 0xa9, 0xc3], fin: false), Frame(opcode: 0, payload: [0xa9])]
        #expect(connection.drainFrames() == cut)
        #expect(connection.send("abc") == 0)
        #expect(connection.drainFrames() == [.text("abc")])
    }

    @Test func framesOfAClientHaveMasksOfTheirOwnAndThoseOfAServerHaveNone() {
        let client = Connection(CWS_ROLE_CLIENT, maxFragment: 1)
        #expect(client.send([UInt8](repeating: 0, count: 500)) == 0)
        #expect(client.ping() == 0 && client.close() == 0)
        let frames = client.drainFrames()
        #expect(frames.count == 502 && frames.allSatisfy { $0.mask != nil })
        // Two of 502 are the same once in 34000 runs.
        #expect(Set(frames.compactMap(\.mask)).count >= 501)

        let server = Connection(CWS_ROLE_SERVER, maxFragment: 1)
        #expect(server.send([0, 0]) == 0 && server.ping() == 0 && server.close() == 0)
        #expect(server.drainFrames().allSatisfy { $0.mask == nil })
    }

    @Test func pingsAreSentAsLongAsTheyFitAFrame() {
        let connection = Connection(CWS_ROLE_CLIENT)
        #expect(connection.ping([UInt8](repeating: 7, count: 125)) == 0)
        #expect(connection.ping([UInt8](repeating: 7, count: 126)) == CWS_ERR_CONTROL_TOO_LONG.rawValue)
        #expect(connection.drainFrames() == [Frame(opcode: 9, payload: [UInt8](repeating: 7, count: 125))])
    }

    // MARK: - in pieces

    @Test(arguments: cws_role.both)
    func aMessageOfUnknownLengthEndsWithAnEmptyFrame(role: cws_role) {
        let connection = Connection(role)
        #expect(connection.begin(CWS_OPCODE_TEXT) == 0)
        #expect(connection.output.isEmpty)
        #expect(connection.write(Array("Hello".utf8)) == 5)
        #expect(connection.ping([1]) == 0)
        #expect(connection.write([]) == 0)
        #expect(connection.write(Array(", world".utf8)) == 7)
        #expect(connection.receive(Frame.ping("x").bytes(from: role.peer)) == [.ping([0x78])])
        #expect(connection.end() == 0)
        #expect(
            connection.drainFrames() == [
                .text("Hello", fin: false), Frame(opcode: 9, payload: [1]), .more(", world", fin: false), .pong("x"),
                .more(""),
            ])
        #expect(connection.begin(CWS_OPCODE_BINARY) == 0 && connection.end() == 0)
        #expect(connection.drainFrames() == [Frame(opcode: 2)])
    }

    @Test func aMessageOfKnownLengthEndsWithItsLastBytes() {
        let connection = Connection(CWS_ROLE_SERVER, maxFragment: 4)
        #expect(connection.begin(CWS_OPCODE_BINARY, length: 7) == 0)
        #expect(connection.write(Self.bytes(2)) == 2)
        #expect(connection.end() == CWS_ERR_STATE.rawValue, "before its length")
        #expect(connection.write(Self.bytes(6)) == Int(CWS_ERR_STATE.rawValue), "beyond its length")
        #expect(connection.write(Self.bytes(5)) == 5)
        let frames = connection.drainFrames()
        #expect(frames.map(\.payload.count) == [2, 4, 1] && frames.map(\.fin) == [false, false, true])
        #expect(connection.write([]) == 0 && connection.write([1]) == Int(CWS_ERR_STATE.rawValue))
        #expect(connection.send([]) == CWS_ERR_STATE.rawValue, "it isn't ended yet")
        #expect(connection.end() == 0 && connection.output.isEmpty)

        #expect(connection.begin(CWS_OPCODE_TEXT, length: 0) == 0 && connection.end() == 0)
        #expect(connection.drainFrames() == [.text("")])
    }

    @Test func callsOutOfTurnAreErrorsThatChangeNothing() {
        let connection = Connection(CWS_ROLE_CLIENT)
        #expect(connection.write([1]) == Int(CWS_ERR_STATE.rawValue) && connection.end() == CWS_ERR_STATE.rawValue)
        for opcode in [CWS_OPCODE_CONTINUATION, CWS_OPCODE_CLOSE, CWS_OPCODE_PING, cws_opcode(rawValue: 3)] {
            #expect(connection.begin(opcode) == CWS_ERR_OPCODE.rawValue)
            #expect(connection.send([1], opcode) == CWS_ERR_OPCODE.rawValue)
        }
        #expect(connection.begin(CWS_OPCODE_TEXT) == 0)
        #expect(connection.begin(CWS_OPCODE_TEXT) == CWS_ERR_STATE.rawValue)
        #expect(connection.send("x") == CWS_ERR_STATE.rawValue)
        #expect(connection.output.isEmpty)
        #expect(connection.end() == 0 && connection.send("x") == 0)
    }

    // MARK: - text

    @Test(arguments: [CWS_COMPRESSION_OFF, CWS_COMPRESSION_ON])
    func aTextThatIsNotUTF8IsNotSent(compression: cws_compression) {
        let connection = Connection(CWS_ROLE_SERVER, deflate: Deflation())
        for text: [UInt8] in [[0xff], [0x61, 0xc3], [0xed, 0xa0, 0x80]] {
            #expect(connection.send(text, CWS_OPCODE_TEXT, compression) == CWS_ERR_UTF8.rawValue)
        }
        #expect(connection.output.isEmpty && connection.send("é", compression) == 0)
        _ = connection.drain()

        // Cut within a character, which is then gone on with wrongly.
        #expect(connection.begin(CWS_OPCODE_TEXT, compression) == 0)
        #expect(connection.write([0x61, 0xc3]) == 2 && connection.write([0xa9, 0xe2]) == 2)
        #expect(connection.write([0x61]) == Int(CWS_ERR_UTF8.rawValue))
        #expect(connection.write([0x82]) == Int(CWS_ERR_STATE.rawValue) && connection.end() == CWS_ERR_STATE.rawValue)
        #expect(connection.drainFrames().allSatisfy { !$0.fin })
        #expect(connection.close(1011) == 0)
    }

    @Test(arguments: [CWS_COMPRESSION_OFF, CWS_COMPRESSION_ON], [UInt64.max, 2])
    func aTextDoesNotEndWithinACharacter(compression: cws_compression, length: UInt64) {
        let connection = Connection(CWS_ROLE_SERVER, deflate: Deflation())
        #expect(connection.begin(CWS_OPCODE_TEXT, length: length, compression) == 0)
        #expect(connection.write([0x61]) == 1)
        let written = connection.write([0xc3])
        if length == 2 {
            #expect(written == Int(CWS_ERR_UTF8.rawValue))
            #expect(connection.end() == CWS_ERR_STATE.rawValue)
        } else {
            #expect(written == 1 && connection.end() == CWS_ERR_UTF8.rawValue)
            #expect(connection.end() == CWS_ERR_STATE.rawValue)
        }
        #expect(connection.drainFrames().allSatisfy { !$0.fin })
    }

    @Test func aTextThatIsCutForLackOfRoomIsCheckedOnce() {
        let connection = Connection(CWS_ROLE_CLIENT, maxOutput: 5000)
        let text = Array(String(repeating: "€", count: 5000).utf8)
        var rest = text[...]
        var frames: [Frame] = []
        #expect(connection.begin(CWS_OPCODE_TEXT, length: UInt64(text.count)) == 0)
        while !rest.isEmpty {
            let taken = connection.write(rest)
            guard taken >= 0 else { break }
            #expect(taken > 0 || !connection.hasRoom)
            rest = rest.dropFirst(taken)
            frames += connection.drainFrames()
        }
        #expect(rest.isEmpty && connection.end() == 0)
        #expect(frames.flatMap(\.payload) == text && frames.last?.fin == true)
        #expect(frames.dropLast().allSatisfy { !$0.fin } && frames.dropFirst().allSatisfy { $0.opcode == 0 })
    }

    // MARK: - room

    @Test(arguments: [1, 2, 100, 4095, 4096, 5000, 100_000])
    func outputStaysWithinItsLimitAndNothingIsLost(limit: Int) {
        for role in cws_role.both {
            let connection = Connection(role, maxOutput: limit)
            #expect(connection.hasRoom)
            #expect(connection.begin(CWS_OPCODE_BINARY) == 0)
            let payload = Self.bytes(limit * 3 + 10)
            var rest = payload[...]
            var bytes: [UInt8] = []
            while !rest.isEmpty {
                let had = connection.hasRoom
                let taken = connection.write(rest)
                #expect((taken > 0) == had)
                #expect(connection.output.count <= limit + 14)
                guard taken >= 0 else { break }
                rest = rest.dropFirst(taken)
                bytes += connection.drain(limit / 2 + 1)
            }
            #expect(connection.end() == 0)
            bytes += connection.drain()
            let frames = Frame.decode(bytes, from: role)
            #expect(frames.flatMap(\.payload) == payload)
            #expect(frames.map(\.fin) == [Bool](repeating: false, count: frames.count - 1) + [true])
        }
    }

    @Test func aMessageIsTakenWholeOrNotAtAll() {
        let connection = Connection(CWS_ROLE_SERVER, maxOutput: 100)
        #expect(connection.send(Self.bytes(101)) == CWS_ERR_TOO_BIG.rawValue)
        #expect(connection.send(Self.bytes(60)) == 0)
        #expect(connection.send(Self.bytes(60)) == CWS_ERR_FULL.rawValue)
        #expect(connection.send([UInt8](repeating: 0xff, count: 60), CWS_OPCODE_TEXT) == CWS_ERR_FULL.rawValue)
        #expect(connection.output.count == 62)
        #expect(connection.send(Self.bytes(38)) == 0)
        #expect(!connection.hasRoom && connection.send([]) == CWS_ERR_FULL.rawValue)
        #expect(connection.ping() == CWS_ERR_FULL.rawValue)
        _ = connection.drain(1)
        #expect(connection.ping() == CWS_ERR_FULL.rawValue)
        _ = connection.drain(2)
        #expect(connection.ping() == 0)
        _ = connection.drain()
        #expect(connection.send(Self.bytes(100)) == 0, "as long as the limit")
        // What is too big at once goes in pieces; but errors of the state come first.
        #expect(connection.close() == 0)
        #expect(connection.send(Self.bytes(101)) == CWS_ERR_STATE.rawValue)
        #expect(connection.send(Self.bytes(60)) == CWS_ERR_STATE.rawValue)
    }

    /// A buffer that is nearly always full moves its bytes now and then, not for each frame.
    @Test func aFullOutputGoesOnInLittleSteps() {
        let connection = Connection(CWS_ROLE_SERVER, maxOutput: 1 << 20)
        let payload = Self.bytes(2000)
        var sent = 0
        var bytes: [UInt8] = []
        while connection.send(payload) == 0 { sent += 1 }
        let memory = connection.memory
        for _ in 0..<2000 {
            while connection.send(payload) == 0 { sent += 1 }
            bytes += connection.drain(1500)
            #expect(connection.memory <= max(memory, 3 << 20))
        }
        bytes += connection.drain()
        let frames = Frame.decode(bytes, from: CWS_ROLE_SERVER)
        #expect(frames.count == sent && frames.allSatisfy { $0.payload == payload })
        #expect(connection.memory <= 8192)
    }

    @Test func whatIsSentComesBehindAnOutputThatIsWrittenInPart() {
        let connection = Connection(CWS_ROLE_SERVER)
        let counts = [900, 200, 1500, 10, 5000, 3000, 40_000]
        var bytes: [UInt8] = []
        for count in counts {
            #expect(connection.send(Self.bytes(count)) == 0)
            bytes += connection.drain(connection.output.count / 3)
        }
        bytes += connection.drain()
        #expect(Frame.decode(bytes, from: CWS_ROLE_SERVER) == counts.map { Frame(opcode: 2, payload: Self.bytes($0)) })
    }
}
