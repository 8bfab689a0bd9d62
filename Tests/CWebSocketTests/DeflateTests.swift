import CWebSocket
import TestSupport
import Testing

@Suite struct DeflateTests {
    static let hello = Array("Hello".utf8)
    /// Has matches, near and far, and bytes that occur once.
    static let text = Array(
        "{\"proc_id\": \"a\", \"state\": \"running\"}, {\"proc_id\": \"b\", \"state\": \"terminated\"} ÄÖÜ ".utf8)

    static func random(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
        var generator = SeededGenerator(seed: seed)
        return (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }

    // MARK: - the examples of RFC 7692, section 7.2.3

    @Test func helloIsCompressedAsInTheRFC() {
        let deflater = Deflater()
        #expect(deflater.payload(Self.hello) == [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00])
        #expect(deflater.payload(Self.hello) == [0xf2, 0x00, 0x11, 0x00, 0x00])
        #expect(deflater.payload([]) == [0x00])
        #expect(deflater.payload([]) == [0x00])
    }

    @Test func withoutContextEachHelloIsTheFirst() {
        let deflater = Deflater(keepsContext: false)
        for _ in 0..<3 {
            #expect(deflater.payload(Self.hello) == [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00])
            #expect(deflater.payload([]) == [0x00])
        }
    }

    static let examples: [(section: String, payloads: [[UInt8]], text: String)] = [
        ("7.2.3.1", [[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]], "Hello"),
        ("7.2.3.2", [[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00], [0xf2, 0x00, 0x11, 0x00, 0x00]], "Hello"),
        ("7.2.3.3", [[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00]], "Hello"),
        ("7.2.3.4", [[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00]], "Hello"),
        ("7.2.3.5", [[0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00]], "Hello"),
        ("7.2.3.6", [[0x00]], ""),
    ]

    @Test(arguments: examples, [1, 2, 3, 4, 5, 6, 1000])
    func theExamplesAreDecompressed(example: (section: String, payloads: [[UInt8]], text: String), capacity: Int) {
        for pieceSize in 1...14 {
            let inflater = Inflater()
            for payload in example.payloads {
                let outcome = inflater.message(payload, pieceSize: pieceSize, capacity: capacity)
                #expect(outcome == DeflateOutcome(bytes: Array(example.text.utf8)), "pieces of \(pieceSize)")
            }
        }
    }

    // MARK: - cuts and capacities

    @Test(arguments: [false, true])
    func theResultDoesNotDependOnCuts(endApart: Bool) {
        let payload = Deflater().payload(Self.text)
        #expect(payload.count < Self.text.count)
        for cut in 0...Self.text.count {
            let pieces = [Array(Self.text[..<cut]), Array(Self.text[cut...])] + (endApart ? [[]] : [])
            #expect(Deflater().message(inPieces: pieces).bytes == payload, "cut at \(cut)")
        }
        for cut in 0...payload.count {
            let pieces = [Array(payload[..<cut]), Array(payload[cut...])] + (endApart ? [[]] : [])
            #expect(Inflater().message(inPieces: pieces) == DeflateOutcome(bytes: Self.text), "cut at \(cut)")
        }
    }

    @Test(arguments: [1, 2, 7, .max])
    func theResultDoesNotDependOnCapacities(pieceSize: Int) {
        let messages = [Self.text, Self.random(100), [], Self.text, Self.hello, [0], Self.text + Self.text]
        let deflater = Deflater()
        let payloads = messages.map { deflater.payload($0) }
        for capacity in Array(1...40) + [payloads[0].count - 1, payloads[0].count, payloads[0].count + 1] {
            let deflater = Deflater()
            let inflater = Inflater()
            for (message, payload) in zip(messages, payloads) {
                #expect(deflater.payload(message, pieceSize: pieceSize, capacity: capacity) == payload)
                let outcome = inflater.message(payload, pieceSize: pieceSize, capacity: capacity)
                #expect(outcome == DeflateOutcome(bytes: message), "capacity \(capacity)")
            }
        }
    }

    @Test func aMessageThatFitsExactlyIsDoneAtOnce() {
        let payload = Deflater().payload(Self.text)
        let deflated = Deflater().step(Self.text, end: true, capacity: payload.count)
        #expect(deflated.done && deflated.returned == payload.count)
        let inflated = Inflater().step(payload, end: true, capacity: Self.text.count)
        #expect(inflated.done && inflated.returned == Self.text.count)
        let empty = Inflater().step([0x00], end: true, capacity: 0)
        #expect(empty.done && empty.returned == 0 && empty.taken == 1)
    }

    @Test func withoutRoomNothingIsLost() {
        let deflater = Deflater()
        let deflated = deflater.step(Self.hello, end: true, capacity: 0)
        #expect(deflated.returned == 0 && !deflated.done)
        let payload = deflater.payload(Array(Self.hello.dropFirst(deflated.taken)))
        #expect(payload == [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00])

        let inflater = Inflater()
        let inflated = inflater.step(payload, end: true, capacity: 0)
        #expect(inflated.returned == 0 && !inflated.done)
        #expect(inflater.message(Array(payload.dropFirst(inflated.taken))) == DeflateOutcome(bytes: Self.hello))
    }

    @Test func whatHasNotEndedIsNotDone() {
        let deflated = Deflater().step(Self.hello, end: false, capacity: 100)
        #expect(deflated.taken == 5 && !deflated.done)
        let inflated = Inflater().step([0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00], end: false, capacity: 100)
        #expect(inflated.written == Self.hello && inflated.taken == 7 && !inflated.done)
    }

    // MARK: - context

    @Test func contextIsWhatMakesTheSecondMessageSmall() {
        let message = Self.random(200)
        let keeping = Deflater()
        let inflater = Inflater()
        let first = keeping.payload(message)
        let second = keeping.payload(message)
        #expect(first.count > 200 && second.count < 10)
        #expect(inflater.message(first).bytes == message)
        #expect(inflater.message(second).bytes == message)

        let forgetting = Deflater(keepsContext: false)
        #expect(forgetting.payload(message) == first)
        #expect(forgetting.payload(message) == first)
    }

    @Test func anInflaterWithoutContextTakesWhatNeedsNoneAndRefusesTheRest() {
        let keeping = Deflater()
        let forgetting = Deflater(keepsContext: false)
        let inflater = Inflater(keepsContext: false)
        for _ in 0..<3 { #expect(inflater.message(forgetting.payload(Self.text)).bytes == Self.text) }
        #expect(inflater.message(keeping.payload(Self.text)).bytes == Self.text)
        #expect(inflater.message(keeping.payload(Self.text)).error == CWS_ERR_DEFLATE.rawValue)
    }

    // MARK: - windows

    /// Blocks that come again at every distance around those that windows have.
    static let distances: [UInt8] = ([200, 249, 250, 251, 255, 256, 257, 258, 300, 512, 600] as [Int]).flatMap {
        distance in
        let block = random(distance, seed: UInt64(distance))
        return block + block + block
    }

    @Test(arguments: UInt8(8)...15)
    func aWindowOfTheAgreedSizeSuffices(bits: UInt8) {
        // Byte by byte, so that the inflater has nothing but its window to copy from.
        let deflater = Deflater(windowBits: bits)
        let inflater = Inflater(windowBits: bits)
        let reference = ReferenceInflater(windowBits: bits)
        for message in [Self.distances, Self.text, Self.random(70000), Self.distances] {
            let payload = deflater.payload(message)
            let inflated = inflater.message(payload, capacity: 1).bytes
            let isSame = inflated == message && reference.message(payload) == message
            #expect(isSame, "\(message.count) bytes, of which \(inflated.count) came back")
        }
    }

    @Test(arguments: UInt8(8)...13)
    func aLargerWindowThanAgreedIsRefused(bits: UInt8) {
        let block = Self.random((1 << Int(bits)) + 50)
        let payload = Deflater(windowBits: bits + 2).payload(block + block)
        #expect(payload.count < block.count * 2)
        #expect(Inflater(windowBits: bits).message(payload, capacity: 1).error == CWS_ERR_DEFLATE.rawValue)
    }

    // MARK: - sizes

    @Test func thereIsNoWindowOf16Bits() {
        #expect(cws_deflater_new(16, true) == nil)
        #expect(cws_inflater_new(16, true) == nil)
    }

    @Test func nothingIsFreedWithoutHarm() {
        cws_deflater_free(nil)
        cws_inflater_free(nil)
    }

    /// Noise grows a little, so of the first one the end is left when the first piece of the output is full.
    @Test(arguments: [1 << 20, 2_500_000])
    func whatIsLargeIsTakenAtOnceWhenThereIsRoom(count: Int) {
        let message = Self.random(count)
        let deflated = Deflater().step(message, end: true, capacity: 3_000_000)
        #expect(deflated.done && deflated.taken == message.count)
        let inflated = Inflater().step(deflated.written, end: true, capacity: message.count)
        let isSame = inflated.written == message
        #expect(inflated.done && isSame)
    }

    @Test func sizesBeyond32BitsAreNotCutShort() {
        // Only what is touched takes memory, and it is all zeros.
        let space = Reservation(byteCount: 1 << 33)
        let count = 1 << 32
        let many = withExactCopy([UInt8](repeating: 0, count: 16)) { output, capacity in
            Deflater().step(space.start, count, end: true, output: output, capacity: capacity)
        }
        #expect(many.returned == 16 && many.taken > 0 && many.taken < count && !many.done)

        let payload: [UInt8] = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]
        let inflated = Inflater().step(payload, 7, end: true, output: space.start, capacity: count)
        #expect(inflated.done && inflated.written == Self.hello)
        let deflated = Deflater().step(Self.hello, 5, end: true, output: space.start, capacity: count)
        #expect(deflated.done && deflated.written == payload)

        // As a payload: the compressed "Hello", then a stored block whose lengths are both 0.
        let wrong = withExactCopy([UInt8](repeating: 0, count: 16)) { output, capacity in
            Inflater().step(space.start, count, end: true, output: output, capacity: capacity)
        }
        #expect(wrong.returned == Int(CWS_ERR_DEFLATE.rawValue) && wrong.taken < 16 && !wrong.done)
    }

    @Test func aBombIsGivenInPieces() {
        let total = 1 << 26
        let pieces = [[UInt8]](repeating: [UInt8](repeating: 0, count: 1 << 20), count: total >> 20)
        let payload = Deflater().message(inPieces: pieces, capacity: 1 << 16).bytes
        #expect(payload.count < total / 1000)

        let inflater = Inflater()
        var rest = payload[...]
        var given = 0
        var step: DeflateStep
        repeat {
            step = inflater.step(rest, end: true, capacity: 1 << 16)
            guard step.returned > 0 else { break }
            given += step.returned
            rest = rest.dropFirst(step.taken)
        } while !step.done
        #expect(step.done && given == total)
    }
}
