import CWebSocket
import Testing

/// Limits of what comes, and the memory it takes.
@Suite struct ConnectionLimitTests {
    static func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }

    /// What comes and what it ends with, in one piece and byte by byte.
    static func receive(
        _ frames: [Frame], whole: Bool, maxFrame: UInt64 = .max, maxMessage: UInt64 = .max, deflate: Deflation? = nil
    ) -> (Int, Int32) {
        var results: [(Int, Int32)] = []
        for pieceSize in [Int.max, 1] {
            let connection = Connection(
                CWS_ROLE_SERVER, deflate: deflate, whole: whole, maxFrame: maxFrame, maxMessage: maxMessage)
            let bytes = frames.bytes(from: CWS_ROLE_CLIENT)
            let received = connection.receive(bytes, pieceSize: pieceSize).messages
            if connection.failure != 0 {
                let code = cws_error_close_code(cws_error(rawValue: connection.failure))
                #expect(connection.drainFrames().last == .close(code))
            }
            results.append((received.filter { $0.isWhole }.count, connection.failure))
        }
        #expect(results[0] == results[1])
        return results[0]
    }

    @Test(arguments: [false, true])
    func aFrameAboveItsLimitIsRefused(whole: Bool) {
        let small = Frame(opcode: 2, payload: Self.zeros(100))
        let large = Frame(opcode: 2, payload: Self.zeros(101))
        #expect(Self.receive([small], whole: whole, maxFrame: 100) == (1, 0))
        #expect(Self.receive([small, large], whole: whole, maxFrame: 100) == (1, CWS_ERR_TOO_BIG.rawValue))
        let twice = [
            Frame(opcode: 2, payload: Self.zeros(100), fin: false), Frame(opcode: 0, payload: Self.zeros(100)),
        ]
        #expect(Self.receive(twice, whole: whole, maxFrame: 100) == (1, 0))
        #expect(Self.receive([.ping("not for control frames")], whole: whole, maxFrame: 1) == (0, 0))
    }

    @Test(arguments: [false, true], [0, 1, 100, 1000])
    func aMessageAboveItsLimitIsRefusedByTheHeaderThatProvesIt(whole: Bool, limit: Int) {
        func split(_ count: Int) -> [Frame] {
            let half = Frame(opcode: 2, payload: Self.zeros(count / 2), fin: false)
            return [
                half, .ping(), Frame(opcode: 0, fin: false), Frame(opcode: 0, payload: Self.zeros(count - count / 2)),
            ]
        }
        for frames in [[Frame(opcode: 2, payload: Self.zeros(limit))], split(limit)] {
            let twice = Self.receive(frames + frames, whole: whole, maxMessage: UInt64(limit))
            #expect(twice == (2, 0))
        }
        for frames in [[Frame(opcode: 2, payload: Self.zeros(limit + 1))], split(limit + 1)] {
            #expect(Self.receive(frames, whole: whole, maxMessage: UInt64(limit)) == (0, CWS_ERR_TOO_BIG.rawValue))
        }

        let connection = Connection(CWS_ROLE_CLIENT, whole: whole, maxMessage: 1000)
        let begun = Frame(opcode: 2, payload: Self.zeros(900), fin: false).bytes(from: CWS_ROLE_SERVER)
        _ = connection.receive(begun + [0x80, 101])
        #expect(connection.failure == CWS_ERR_TOO_BIG.rawValue && connection.memory <= 8192)
    }

    @Test(arguments: [false, true])
    func aCompressedMessageIsLimitedByWhatComesOut(whole: Bool) {
        let deflation = Deflation(keepsContext: false)
        for (count, limit, expected) in [(999, 1000, 0), (1000, 1000, 0), (1001, 1000, CWS_ERR_TOO_BIG.rawValue)] {
            let payload = Deflater().payload(Self.zeros(count))
            let one = Frame(opcode: 2, payload: payload, rsv: 0x40)
            let two = [
                Frame(opcode: 2, payload: Array(payload.prefix(3)), fin: false, rsv: 0x40),
                Frame(opcode: 0, payload: Array(payload.dropFirst(3))),
            ]
            for frames in [[one], two] {
                let result = Self.receive(frames, whole: whole, maxMessage: UInt64(limit), deflate: deflation)
                #expect(result == (expected == 0 ? 1 : 0, expected))
            }
            // The limit of a frame is about what is sent.
            let framed = Self.receive([one], whole: whole, maxFrame: UInt64(payload.count), deflate: deflation)
            #expect(framed == (1, 0))
            let tooBig = Self.receive([one], whole: whole, maxFrame: UInt64(payload.count - 1), deflate: deflation)
            #expect(tooBig == (0, CWS_ERR_TOO_BIG.rawValue))
        }
    }

    @Test func aTextThatIsBothWrongAndTooLongIsWhatItIsFirst() {
        let deflation = Deflation()
        let text = [UInt8](repeating: 0x61, count: 99)
        for (bytes, error) in [(text + [0xff, 0x61], CWS_ERR_UTF8), (text + [0x61, 0xff], CWS_ERR_TOO_BIG)] {
            let frame = Frame(opcode: 1, payload: Deflater().payload(bytes), rsv: 0x40)
            let result = Self.receive([frame], whole: true, maxMessage: 100, deflate: deflation)
            #expect(result == (0, error.rawValue))
        }
    }

    static let bombs: [(whole: Bool, limit: UInt64)] = [(true, 1 << 20), (false, 1 << 20), (false, (1 << 30) - 1)]

    /// 1 GiB of zeros is 1 MiB of payload, of which the same part comes again and again.
    @Test(arguments: bombs)
    func aBombEndsWith1009InFlatMemory(whole: Bool, limit: UInt64) {
        let connection = Connection(CWS_ROLE_CLIENT, deflate: Deflation(), whole: whole, maxMessage: limit)
        let deflater = Deflater()
        let piece = deflater.message(inPieces: [Self.zeros(1 << 20), []], capacity: 1 << 16).bytes
        var most = 0
        var total = 0
        var frames = 0
        while connection.failure == 0 && frames < 1100 {
            // A message's payload ends with an empty block without its lengths, which may as well stand there.
            let payload = piece + [0x00, 0x00, 0xff, 0xff]
            let frame = Frame(opcode: frames == 0 ? 2 : 0, payload: payload, fin: false, rsv: frames == 0 ? 0x40 : 0)
            total += connection.receiveCounting(frame.bytes(from: CWS_ROLE_SERVER)) {
                most = max(most, connection.memory)
            }
            frames += 1
        }
        #expect(connection.failure == CWS_ERR_TOO_BIG.rawValue && UInt64(total) <= limit)
        #expect(frames == Int(limit >> 20) + 1)
        #expect(connection.drainFrames() == [.close(1009)])
        #expect(most <= (whole ? 4 << 20 : 32 << 10) && connection.memory <= 8192)
    }

    @Test(arguments: [false, true], [false, true])
    func anIdleConnectionIsSmallAfterMuchTraffic(whole: Bool, compressed: Bool) {
        let compression = compressed ? CWS_COMPRESSION_ON : CWS_COMPRESSION_OFF
        let client = Connection(CWS_ROLE_CLIENT, deflate: compressed ? Deflation() : nil, whole: whole)
        let server = Connection(CWS_ROLE_SERVER, deflate: compressed ? Deflation() : nil, whole: whole)
        #expect(client.memory <= 8192)
        let payload = DeflateTests.random(200_000)
        for _ in 0..<10 {
            for (from, to) in [(client, server), (server, client)] {
                #expect(from.send(payload, CWS_OPCODE_BINARY, compression) == 0)
                #expect(from.memory > 200_000)
                #expect(to.receive(from.drain(1000)).isEmpty == whole)
                var received: [Received] = []
                while !from.output.isEmpty { received += to.receive(from.drain(70_000)) }
                #expect(from.memory <= 8192 && to.memory <= 8192)
                #expect(received.last.map { $0.isLast } == true)
            }
        }
    }
}

extension Received {
    var isLast: Bool { if case .message(_, _, _, let last) = self { last } else { false } }
    var isWhole: Bool { if case .message(_, _, true, true) = self { true } else { false } }
}
