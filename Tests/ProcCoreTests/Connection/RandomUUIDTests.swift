import ProcCore
import TestSupport
import Testing

@Suite struct RandomUUIDTests {
    @Test func itHasTheFormOfVersion4() {
        var random = SeededGenerator(seed: 1)
        for _ in 0..<1000 {
            let text = RandomUUID.text(using: &random)
            let parts = text.split(separator: "-", omittingEmptySubsequences: false)
            #expect(parts.map(\.count) == [8, 4, 4, 4, 12], "\(text)")
            #expect(parts[2].first == "4" && "89ab".contains(parts[3].first ?? "x"), "\(text)")
            #expect(text.allSatisfy { "0123456789abcdef-".contains($0) }, "\(text)")
        }
    }

    @Test func noTwoAreAlike() {
        var random = SystemRandomNumberGenerator()
        let texts = (0..<1000).map { _ in RandomUUID.text(using: &random) }
        #expect(Set(texts).count == 1000)
    }
}
