import CWebSocket
import Testing

/// Messages and control frames that are as they should be.
@Suite struct ConnectionReceiveTests {
    static let long = (0..<300).map { UInt8($0 % 251) }

    static let dialogue: [Frame] = [
        .text("Hé"), Frame(opcode: 2, payload: long), Frame(opcode: 2), .text("a", fin: false), .ping("in between"),
        .more("", fin: false), .pong(), .more("€"), .ping(), .text("", fin: false), .more(""),
        Frame(opcode: 1, payload: [0xf0, 0x9f], fin: false), Frame(opcode: 0, payload: [0x98, 0x80]),
        .close(3000, "é"), .text("after the end"),
    ]
    static let whole: [Received] = [
        .text("Hé"), .binary(long), .binary([]), .ping(Array("in between".utf8)), .pong([]), .text("a€"), .ping([]),
        .text(""), .text("😀"), .close(3000, Array("é".utf8)),
    ]
    static let pieces: [Received] = [
        .text("Hé"), .binary(long), .binary([]), .message(opcode: 1, [0x61], first: true, last: false),
        .ping(Array("in between".utf8)), .pong([]), .message(opcode: 1, Array("€".utf8), first: false, last: true),
        .ping([]), .text(""), .text("😀"), .close(3000, Array("é".utf8)),
    ]
    static let answers: [Frame] = [.pong("in between"), .pong(), .close(3000)]

    @Test(arguments: cws_role.both, [false, true])
    func aDialogueIsReceivedHoweverItIsCut(role: cws_role, whole: Bool) {
        let bytes = Self.dialogue.bytes(from: role.peer)
        let expected = whole ? Self.whole : Self.pieces
        for cut in 0...bytes.count {
            let connection = Connection(role, whole: whole)
            let received = connection.receive(Array(bytes[..<cut])) + connection.receive(Array(bytes[cut...]))
            #expect(received.joined == expected, "cut at \(cut)")
            #expect(connection.drainFrames() == Self.answers && connection.state == CWS_STATE_CLOSED)
        }
        for pieceSize in 1...40 {
            let connection = Connection(role, whole: whole)
            #expect(connection.receive(bytes, pieceSize: pieceSize).joined == expected, "pieces of \(pieceSize)")
            #expect(connection.drainFrames() == Self.answers && connection.failure == 0)
        }
    }

    @Test(arguments: cws_role.both)
    func piecesComeAsTheBytesDo(role: cws_role) {
        let connection = Connection(role)
        let bytes = Frame(opcode: 2, payload: [1, 2, 3, 4, 5]).bytes(from: role.peer)
        let head = bytes.count - 5
        #expect(connection.receive(Array(bytes[..<head])) == [])
        let first = connection.receive(Array(bytes[head..<(head + 2)]))
        #expect(first == [.message(opcode: 2, [1, 2], first: true, last: false)])
        #expect(
            connection.receive(Array(bytes[(head + 2)...]))
                == [.message(opcode: 2, [3, 4, 5], first: false, last: true)])
    }

    @Test(arguments: [0, 1, 125, 126, 127, 65535, 65536, 200_000], [false, true])
    func everyFormOfLengthIsReceived(count: Int, whole: Bool) {
        let payload = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        for role in cws_role.both {
            let connection = Connection(role, whole: whole)
            let bytes = Frame(opcode: 2, payload: payload).bytes(from: role.peer)
            #expect(connection.receive(bytes) == [.binary(payload)])
            #expect(connection.receive(bytes, pieceSize: 1000).joined == [.binary(payload)])
            #expect(connection.memory <= 8192)
        }
    }

    @Test func theExamplesOfSection57AreReceived() {
        let client = Connection(CWS_ROLE_CLIENT, whole: true)
        #expect(client.receive([0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]) == [.text("Hello")])
        #expect(client.receive([0x01, 0x03, 0x48, 0x65, 0x6c, 0x80, 0x02, 0x6c, 0x6f]) == [.text("Hello")])
        let server = Connection(CWS_ROLE_SERVER, whole: true)
        let masked: [UInt8] = [0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]
        #expect(server.receive([0x81, 0x85] + masked) == [.text("Hello")])
        #expect(server.receive([0x8a, 0x85] + masked) == [.pong(Array("Hello".utf8))])
        #expect(server.receive([0x89, 0x85] + masked) == [.ping(Array("Hello".utf8))])
        #expect(server.output == [0x8a, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f])
    }

    @Test func emptyFragmentsWithoutEndTakeNoMemory() {
        for whole in [false, true] {
            let connection = Connection(CWS_ROLE_CLIENT, whole: whole)
            _ = connection.receive(Frame.text("", fin: false).bytes(from: CWS_ROLE_SERVER))
            let empty = [Frame](repeating: .more("", fin: false), count: 10000).bytes(from: CWS_ROLE_SERVER)
            #expect(connection.receive(empty) == [])
            #expect(connection.memory <= 8192)
            #expect(connection.receive(Frame.more("x").bytes(from: CWS_ROLE_SERVER)) == [.text("x")])
        }
    }

    @Test func pingsBeyondTheRoomAreAnsweredByTheLatest() {
        let server = Connection(CWS_ROLE_SERVER, maxOutput: 1000)
        for number in 0..<5000 {
            #expect(server.receive(Frame.ping("number \(number)").bytes(from: CWS_ROLE_CLIENT)).count == 1)
            #expect(server.output.count <= 1000 + 20)
        }
        // What was full stays so until something is written.
        #expect(server.ping() == CWS_ERR_FULL.rawValue)
        let pongs = server.drainFrames()
        #expect(pongs.count < 100 && pongs.first == .pong("number 0") && pongs.last == .pong("number 4999"))
        #expect(server.memory <= 8192)
    }

    @Test func aWaitingPongIsDroppedByAClose() {
        let server = Connection(CWS_ROLE_SERVER, maxOutput: 10)
        _ = server.receive([Frame.ping("0123456789"), .ping("waits")].bytes(from: CWS_ROLE_CLIENT))
        #expect(server.close() == 0)
        #expect(server.drainFrames() == [.pong("0123456789"), .close(1000)])
        #expect(server.receive(Frame.ping("late").bytes(from: CWS_ROLE_CLIENT)).count == 1)
        #expect(server.output.isEmpty)
    }
}
