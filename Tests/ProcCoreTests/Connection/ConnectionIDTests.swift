import ProcCore
import Testing

@Suite struct ConnectionIDTests {
    /// The same bits all over, so that the fixed ones show.
    private struct Constant: RandomNumberGenerator {
        let bits: UInt64
        mutating func next() -> UInt64 { bits }
    }

    @Test(arguments: [
        (0, "00000000-0000-4000-8000-000000000000"), (UInt64.max, "ffffffff-ffff-4fff-bfff-ffffffffffff"),
        (0x0123_4567_89ab_cdef, "01234567-89ab-4def-8123-456789abcdef"),
    ])
    func anIDIsAUUIDOfVersion4(bits: UInt64, text: String) {
        var random = Constant(bits: bits)
        #expect(ConnectionID.random(using: &random) == text)
    }

    @Test func noTwoAreTheSame() {
        #expect(Set((0..<1000).map { _ in ConnectionID.random() }).count == 1000)
    }
}
