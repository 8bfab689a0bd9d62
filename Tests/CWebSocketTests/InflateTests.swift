import CWebSocket
import TestSupport
import Testing

/// Payloads that our deflater doesn't make, good and bad.
@Suite struct InflateTests {
    static let hello = Array("Hello".utf8)
    static let payload: [UInt8] = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]
    /// The same in a block with BFINAL, without the empty block that should follow.
    static let final: [UInt8] = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]
    /// "Hello" again, out of the window.
    static let again: [UInt8] = [0xf2, 0x00, 0x11, 0x00, 0x00]

    static func deflateError(after bytes: [UInt8] = []) -> DeflateOutcome {
        DeflateOutcome(bytes: bytes, error: CWS_ERR_DEFLATE.rawValue)
    }

    // MARK: - BFINAL

    @Test(arguments: [1, 3, 1000], [1, 3, 1000])
    func aMessageGoesOnAfterAFinalBlockWithItsWindow(pieceSize: Int, capacity: Int) {
        let inflater = Inflater()
        let helloHello = DeflateOutcome(bytes: Self.hello + Self.hello)
        let message = inflater.message(Self.final + Self.again, pieceSize: pieceSize, capacity: capacity)
        #expect(message == helloHello)
        #expect(inflater.message(Self.again, pieceSize: pieceSize, capacity: capacity).bytes == Self.hello)
        let twoFinal = Self.final + [0xf3, 0x00, 0x11, 0x00, 0x00]
        #expect(inflater.message(twoFinal, pieceSize: pieceSize, capacity: capacity) == helloHello)
        #expect(inflater.message(Self.again, pieceSize: pieceSize, capacity: capacity).bytes == Self.hello)
    }

    @Test(arguments: [false, true], [1, 3, 1000])
    func aMessageMayEndWithAFinalBlock(endApart: Bool, capacity: Int) {
        let inflater = Inflater()
        for _ in 0..<2 {
            let pieces = [Self.final] + (endApart ? [[]] : [])
            #expect(inflater.message(inPieces: pieces, capacity: capacity) == DeflateOutcome(bytes: Self.hello))
        }
    }

    @Test func aFinalBlockEndsTheContextOfAMessageOnly() {
        let inflater = Inflater(keepsContext: false)
        #expect(inflater.message(Self.final + Self.again).bytes == Self.hello + Self.hello)
        #expect(inflater.message(Self.again).error == CWS_ERR_DEFLATE.rawValue)
    }

    @Test func manyEmptyFinalBlocksAreNothing() {
        let empty = [[UInt8]](repeating: [0x03, 0x00], count: 100_000).flatMap(\.self)
        #expect(Inflater().message(empty + Self.payload) == DeflateOutcome(bytes: Self.hello))
    }

    // MARK: - ends

    @Test func anEmptyPayloadIsAnEmptyMessage() {
        let inflater = Inflater()
        for _ in 0..<2 { #expect(inflater.message([]) == DeflateOutcome()) }
        #expect(inflater.message(Self.payload).bytes == Self.hello)
        #expect(inflater.message([]) == DeflateOutcome())
    }

    @Test func aPayloadThatEndsWithinABlockIsRefused() {
        let long = Deflater().payload(DeflateTests.distances)
        for (payload, cuts) in [(Self.payload, 1..<7), (Self.final, 1..<7), (long, 1..<long.count)] {
            for cut in cuts {
                let outcome = Inflater().message(Array(payload[..<cut]))
                #expect(outcome.error == CWS_ERR_DEFLATE.rawValue, "\(cut) of \(payload.count) bytes")
            }
        }
    }

    @Test(arguments: [1, 2, 1000])
    func theEndIsRefusedWhateverTheRoom(capacity: Int) {
        // A stored block that lacks two bytes more than the four that are appended.
        let short: [UInt8] = [0x00, 0x08, 0x00, 0xf7, 0xff, 0x61, 0x62]
        let supplied: [UInt8] = [0x61, 0x62, 0x00, 0x00, 0xff, 0xff]
        let inflater = Inflater()
        #expect(inflater.message(short, capacity: capacity).error == CWS_ERR_DEFLATE.rawValue)
        // zlib would go on with the two bytes.
        #expect(inflater.message(Self.payload, capacity: capacity) == Self.deflateError())
        // One that lacks just these is whole, by the letter of section 7.2.2.
        let even: [UInt8] = [0x00, 0x06, 0x00, 0xf9, 0xff, 0x61, 0x62]
        #expect(Inflater().message(even, capacity: capacity) == DeflateOutcome(bytes: supplied))
    }

    // MARK: - what is no deflate

    static let wrong: [(what: String, payload: [UInt8])] = [
        ("a block of the reserved type", [0x06, 0x00]),
        ("a stored block whose lengths differ", [0x00, 0x05, 0x00, 0xfa, 0xfe]),
        ("a copy from before the beginning", again),
        ("too many length codes", [0xfc, 0xff, 0xff]),
        ("the same after a final block", [0x03, 0x00, 0x06, 0x00]),
    ]

    @Test(arguments: wrong)
    func whatIsNoDeflateIsRefusedForever(what: String, payload: [UInt8]) {
        for capacity in [1, 1000] {
            let inflater = Inflater()
            #expect(inflater.message(payload, capacity: capacity).error == CWS_ERR_DEFLATE.rawValue)
            #expect(inflater.message(Self.payload, capacity: capacity) == Self.deflateError())
            #expect(inflater.message([], capacity: capacity) == Self.deflateError())
        }
    }

    @Test func whatCameBeforeTheErrorIsGiven() {
        var stored: [UInt8] = [0x00, 0x05, 0x00, 0xfa, 0xff]
        stored += Self.hello + [0x06]
        #expect(Inflater().message(stored, pieceSize: 1) == Self.deflateError(after: Self.hello))
    }

    @Test(arguments: UInt64(1)...200)
    func garbageEndsOneWayOrAnother(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var garbage = DeflateTests.random(Int.random(in: 1...300, using: &generator), seed: seed)
        // Half of them begin well.
        if seed % 2 == 0 { garbage = Deflater().payload(DeflateTests.text).dropLast(seed % 40 == 0 ? 0 : 9) + garbage }
        let whole = Inflater().message(garbage, capacity: 100_000)
        for (pieceSize, capacity) in [(1, 1), (1, 100), (3, 7), (garbage.count, 1)] {
            let cut = Inflater().message(garbage, pieceSize: pieceSize, capacity: capacity)
            #expect(cut.error == whole.error, "pieces of \(pieceSize), capacity \(capacity)")
            #expect(whole.error != 0 || cut == whole)
        }
    }

    // MARK: - what other deflaters make

    @Test(arguments: 0...UInt64(60))
    func whatIsDeflatedIsInflatedHoweverItIsCut(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let bits = UInt8.random(in: 8...15, using: &generator)
        let keepsContext = Bool.random(using: &generator)
        let deflater = Deflater(windowBits: bits, keepsContext: keepsContext)
        let inflater = Inflater(windowBits: bits, keepsContext: keepsContext)
        let reference = ReferenceInflater(windowBits: bits)
        for _ in 0..<8 {
            // Of an alphabet of random size, with a run from what came before.
            let alphabet = UInt8.random(in: 1...255, using: &generator)
            var message = (0..<Int.random(in: 0...2000, using: &generator)).map { _ in
                UInt8.random(in: 0...alphabet, using: &generator)
            }
            message += message.prefix(Int.random(in: 0...300, using: &generator))
            let pieceSize = [1, 5, 100, 10_000].randomElement(using: &generator) ?? 1
            let capacity = [1, 2, 6, 64, 10_000].randomElement(using: &generator) ?? 1
            let payload = deflater.payload(message, pieceSize: pieceSize, capacity: capacity)
            #expect(reference.message(payload) == message)
            let outcome = inflater.message(payload, pieceSize: pieceSize, capacity: capacity)
            #expect(outcome == DeflateOutcome(bytes: message))
        }
    }

    @Test(arguments: [Int32(0), 1, 9])
    func whatZlibMakesAtAnyLevelIsInflated(level: Int32) {
        let message = DeflateTests.distances + DeflateTests.text + DeflateTests.random(100_000)
        for pieceSize in [1, 1000, 1_000_000] {
            let payload = referencePayload(message, level: level)
            let isSame = Inflater().message(payload, pieceSize: pieceSize, capacity: 4096).bytes == message
            #expect(isSame, "pieces of \(pieceSize)")
        }
    }
}
