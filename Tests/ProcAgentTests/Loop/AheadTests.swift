import ProcIO
import Testing

@Suite struct AheadTests {
    @Test func theValueIsMadeOnceWhileOtherThingsAreDone() throws {
        let made = Guarded(0)
        let gate = Guarded(false)
        let ahead = try Ahead {
            // Only what is done meanwhile lets it go on.
            while !gate.withLock({ $0 }) {}
            return made.withLock { count in
                count += 1
                return count
            }
        }
        gate.withLock { $0 = true }
        #expect(ahead.value == 1)
        #expect(ahead.value == 1)
    }

    @Test func severalMayWaitForIt() throws {
        let gate = Guarded(false)
        let ahead = try Ahead {
            while !gate.withLock({ $0 }) {}
            return 7
        }
        let others = try (0..<3).map { _ in try Ahead { ahead.value } }
        gate.withLock { $0 = true }
        #expect(others.map(\.value) == [7, 7, 7])
    }
}
