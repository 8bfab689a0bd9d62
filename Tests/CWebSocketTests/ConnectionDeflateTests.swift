import CWebSocket
import Testing

/// Messages that are compressed, and those that are better not.
@Suite struct ConnectionDeflateTests {
    static let text = String(repeating: "Straße, улица, 通り, 🛣; ", count: 40)
    static let textBytes = Array(text.utf8)

    /// The payload of a message and whether it is marked as compressed, after a look at the bits of its frames.
    static func message(_ frames: [Frame]) -> (payload: [UInt8], compressed: Bool) {
        #expect(frames.first.map { $0.opcode == 1 || $0.opcode == 2 } == true)
        #expect(frames.dropFirst().allSatisfy { $0.opcode == 0 && $0.rsv == 0 })
        #expect(frames.dropLast().allSatisfy { !$0.fin } && frames.last?.fin == true)
        return (frames.flatMap(\.payload), frames.first?.rsv == 0x40)
    }

    @Test func theExamplesOfRFC7692AreReceived() {
        for whole in [false, true] {
            let client = Connection(CWS_ROLE_CLIENT, deflate: Deflation(), whole: whole)
            #expect(client.receive([0xc1, 0x07, 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]).joined == [.text("Hello")])
            let two: [UInt8] = [0x41, 0x03, 0xf2, 0x48, 0xcd, 0x80, 0x04, 0xc9, 0xc9, 0x07, 0x00]
            #expect(client.receive(two).joined == [.text("Hello")])
            #expect(client.receive([0xc1, 0x05, 0xf2, 0x00, 0x11, 0x00, 0x00]).joined == [.text("Hello")])
            #expect(client.receive([0xc1, 0x01, 0x00]) == [.text("")])
            #expect(client.receive([0x81, 0x01, 0x61]) == [.text("a")])
            #expect(
                client.receive([0xc1, 0x08, 0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00]).joined == [.text("Hello")])
        }
    }

    @Test(arguments: cws_role.both, [false, true])
    func compressedMessagesAreReceivedHoweverTheyAreCut(role: cws_role, whole: Bool) {
        let deflater = Deflater()
        let payload = deflater.payload(Self.textBytes)
        let again = deflater.payload(Self.textBytes)
        let frames = [
            Frame(opcode: 1, payload: Array(payload[..<20]), fin: false, rsv: 0x40), .ping("within"),
            Frame(opcode: 0, fin: false), Frame(opcode: 0, payload: Array(payload[20...]), fin: false),
            Frame(opcode: 0), .text("plain"), Frame(opcode: 1, payload: again, rsv: 0x40),
            Frame(opcode: 2, payload: deflater.payload([]), rsv: 0x40), .close(1000),
        ]
        let expected: [Received] = [.text(Self.text), .text("plain"), .text(Self.text), .binary([])]
        let bytes = frames.bytes(from: role.peer)
        for cut in 0...bytes.count {
            let connection = Connection(role, deflate: Deflation(), whole: whole)
            let received = connection.receive(Array(bytes[..<cut])) + connection.receive(Array(bytes[cut...]))
            #expect(received.messages == expected && received.last == .close(1000, []), "cut at \(cut)")
        }
        for pieceSize in 1...20 {
            let connection = Connection(role, deflate: Deflation(), whole: whole)
            #expect(connection.receive(bytes, pieceSize: pieceSize).messages == expected, "pieces of \(pieceSize)")
            #expect(connection.drainFrames() == [.pong("within"), .close(1000)])
        }
    }

    @Test(arguments: [false, true])
    func wrongPayloadsEndWith1007(whole: Bool) {
        let text = Deflater().payload([0x61, 0xff, 0x61])
        let half = Deflater().payload([0x61, 0xc3])
        for (payload, error) in [
            ([0x06], CWS_ERR_DEFLATE), ([0xf2, 0x48, 0xcd], CWS_ERR_DEFLATE), (text, CWS_ERR_UTF8),
            (half, CWS_ERR_UTF8),
        ] {
            for pieceSize in [Int.max, 1] {
                let server = Connection(CWS_ROLE_SERVER, deflate: Deflation(), whole: whole)
                let bytes = Frame(opcode: 1, payload: payload, rsv: 0x40).bytes(from: CWS_ROLE_CLIENT)
                #expect(!server.receive(bytes, pieceSize: pieceSize).contains { $0.isLast })
                #expect(server.failure == error.rawValue && server.drainFrames() == [.close(1007)])
                #expect(server.memory <= 8192)
            }
        }
    }

    // MARK: - sending

    @Test(arguments: cws_role.both, [false, true])
    func compressionIsOnWhereItIsAgreedOn(role: cws_role, keepsContext: Bool) {
        let connection = Connection(role, deflate: Deflation(keepsContext: keepsContext))
        let peer = Inflater(keepsContext: keepsContext)
        var sizes: [Int] = []
        for _ in 0..<3 {
            #expect(connection.send(Self.text, CWS_COMPRESSION_ON) == 0)
            let (payload, compressed) = Self.message(connection.drainFrames())
            #expect(compressed && peer.message(payload).bytes == Self.textBytes)
            sizes.append(payload.count)
        }
        #expect(keepsContext ? sizes[1] < sizes[0] / 2 : sizes[1] == sizes[0])
        #expect(connection.send("x", CWS_COMPRESSION_ON) == 0 && connection.drainFrames().first?.rsv == 0x40)
        #expect(connection.send("", CWS_COMPRESSION_ON) == 0)
        #expect(connection.drainFrames() == [Frame(opcode: 1, payload: [0x00], rsv: 0x40)])
        #expect(connection.send(Self.text) == 0 && connection.drainFrames() == [.text(Self.text)])

        let plain = Connection(role)
        for compression in [CWS_COMPRESSION_ON, CWS_COMPRESSION_AUTO] {
            #expect(plain.send(Self.text, compression) == 0)
            #expect(plain.drainFrames() == [.text(Self.text)])
        }
    }

    @Test func whatIsUnlikelyToPayIsSentAsItIs() {
        let connection = Connection(CWS_ROLE_SERVER, deflate: Deflation())
        let zeros = [UInt8](repeating: 0, count: 128)
        for (payload, expected) in [
            (zeros, true), (Array(zeros.dropLast()), false), ([], false), (Self.textBytes, true),
            (DeflateTests.random(5000), false),
        ] {
            #expect(connection.send(payload, CWS_OPCODE_BINARY, CWS_COMPRESSION_AUTO) == 0)
            #expect(Self.message(connection.drainFrames()).compressed == expected)

            // The same in pieces: it is the first that decides, and a known length tells more than it does.
            for length in [UInt64.max, UInt64(payload.count)] {
                #expect(connection.begin(CWS_OPCODE_BINARY, length: length, CWS_COMPRESSION_AUTO) == 0)
                #expect(connection.write(payload.prefix(100)) == min(payload.count, 100))
                #expect(connection.write(payload.dropFirst(100)) == max(payload.count - 100, 0))
                #expect(connection.end() == 0)
                let (bytes, compressed) = Self.message(connection.drainFrames())
                #expect(compressed == (expected && length != .max) && (compressed || bytes == payload))
            }
        }
    }

    @Test(arguments: cws_role.both, [1, 7, 1000, 0])
    func aLargeMessageGoesInFragmentsOfAtMostSoMany(role: cws_role, limit: Int) {
        let connection = Connection(role, deflate: Deflation(), maxFragment: limit)
        let payload = DeflateTests.random(40_000) + Self.textBytes
        #expect(connection.send(payload, CWS_OPCODE_BINARY, CWS_COMPRESSION_ON) == 0)
        let frames = connection.drainFrames()
        #expect(frames.allSatisfy { $0.payload.count <= (limit == 0 ? 16 << 10 : limit) })
        #expect(Inflater().message(Self.message(frames).payload).bytes == payload)
    }

    @Test(arguments: [UInt64.max, 1])
    func aCompressedMessageInPiecesKeepsToTheRoom(known: UInt64) {
        let limit = 20_000
        let connection = Connection(CWS_ROLE_CLIENT, deflate: Deflation(), maxOutput: limit)
        let payload =
            DeflateTests.random(150_000) + [UInt8](repeating: 7, count: 150_000) + DeflateTests.random(100_000)
        var rest = payload[...]
        var bytes: [UInt8] = []
        let length = known == .max ? known : UInt64(payload.count)
        #expect(connection.begin(CWS_OPCODE_BINARY, length: length, CWS_COMPRESSION_ON) == 0)
        var pings = 0
        var idle = 0
        while !rest.isEmpty {
            let had = connection.hasRoom
            let taken = connection.write(rest.prefix(50_000))
            guard taken >= 0 else { break }
            idle = taken > 0 || !had ? 0 : idle + 1
            #expect(connection.output.count <= limit + (16 << 10) + 200 && idle < 10)
            rest = rest.dropFirst(taken)
            if connection.ping([1]) == 0 { pings += 1 }
            bytes += connection.drain(3001)
        }
        bytes += connection.drain()
        #expect(rest.isEmpty && connection.write([1]) == (known == .max ? 1 : Int(CWS_ERR_STATE.rawValue)))
        #expect(connection.end() == 0)
        bytes += connection.drain()
        let frames = Frame.decode(bytes, from: CWS_ROLE_CLIENT)
        #expect(frames.count { $0.opcode == 9 } == pings)
        let expected = payload + (known == .max ? [1] : [])
        #expect(Inflater().message(Self.message(frames.filter { $0.opcode != 9 }).payload).bytes == expected)
        #expect(connection.memory <= 8192)
    }

    // MARK: - both

    @Test(arguments: UInt8(8)...15, UInt8(8)...15)
    func anyWindowsWillDo(clientBits: UInt8, serverBits: UInt8) {
        let deflation = Deflation(bits: clientBits, serverBits: serverBits)
        let client = Connection(CWS_ROLE_CLIENT, deflate: deflation, whole: true)
        let server = Connection(CWS_ROLE_SERVER, deflate: deflation, whole: true)
        let block = DeflateTests.random(700, seed: UInt64(clientBits))
        for (from, to) in [(client, server), (server, client), (client, server)] {
            #expect(from.send(block + block + Self.textBytes, CWS_OPCODE_BINARY, CWS_COMPRESSION_ON) == 0)
            #expect(to.receive(from.drain()) == [.binary(block + block + Self.textBytes)])
        }
        // Each direction has its own: what the peer's window can't hold is refused by an inflater of just that.
        #expect(client.send(block + block, CWS_OPCODE_BINARY, CWS_COMPRESSION_ON) == 0)
        let sent = Self.message(client.drainFrames()).payload
        if clientBits <= 9 { #expect(sent.count > 1400) } else { #expect(sent.count < 1400) }
    }
}
