import ProcIO

/// Runs what mostly waits on a thread of its own, so that it doesn't keep one of the few that all tests share.
///
/// An expectation that fails there belongs to no test: throw, or return what is to be expected.
func apart<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        do {
            try Thread.start(stack: .large) { continuation.resume(with: Swift.Result(catching: body)) }
        } catch {
            continuation.resume(throwing: error)
        }
    }
}
