internal import CLinux
package import Testing

/// Polls until `condition` holds, or fails the test with what `seen` last described.
package func eventually(
    within seconds: Double = 20, _ expectation: Comment, seen: () -> String = { "nothing" },
    sourceLocation: SourceLocation = #_sourceLocation, _ condition: () throws -> Bool
) rethrows {
    let deadline = clinux_clock_ns(CLOCK_MONOTONIC) + Int64(seconds * 1e9)
    while clinux_clock_ns(CLOCK_MONOTONIC) < deadline {
        if try condition() { return }
        usleep(2000)
    }
    Issue.record("\(expectation): not within \(seconds) s; last seen: \(seen())", sourceLocation: sourceLocation)
}
