import ProcCore
import TestSupport
import Testing

@Suite struct Base64Tests {
    /// The vectors of RFC 4648, section 10.
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func theVectorsOfTheRFCHold(plain: String, encoded: String) {
        #expect(Base64.encode(Array(plain.utf8)) == Array(encoded.utf8))
    }

    @Test func everyCharacterOfTheAlphabetIsWritten() {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        // All 64 numbers, 6 bits each, in order.
        let bits = (0..<64).reduce(into: (bytes: [UInt8](), held: 0, count: 0)) { state, number in
            state.held = state.held << 6 | number
            state.count += 6
            while state.count >= 8 {
                state.count -= 8
                state.bytes.append(UInt8(truncatingIfNeeded: state.held >> state.count))
            }
        }
        #expect(Base64.encode(bits.bytes) == alphabet)
    }

    @Test func longInputsAgreeWithThreeBytesAtATime() {
        var generator = SeededGenerator(seed: 2)
        for length in 0..<200 {
            let bytes = (0..<length).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
            let pieces = stride(from: 0, to: length, by: 3).flatMap {
                Base64.encode(Array(bytes[$0..<min($0 + 3, length)]))
            }
            #expect(Base64.encode(bytes) == pieces)
        }
    }
}
