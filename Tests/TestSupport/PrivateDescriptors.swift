internal import CLinux
internal import Glibc
internal import ProcCore
internal import ProcIO

/// Runs `body` on a thread that has a table of descriptors of its own, with standard input, output and error in it.
///
/// What the other tests open and close at the same time doesn't show there, so descriptors can be counted, and used up,
/// without a process of one's own. Threads that `body` starts share the table. An expectation that fails in there
/// belongs to no test: return what is to be expected, but nothing that owns a descriptor, which would close somebody
/// else's of the same number out here.
package func withPrivateDescriptors<Result: Sendable>(
    _ body: @escaping @Sendable () throws -> Result
) throws -> Result {
    let outcome = Guarded<Swift.Result<Result, any Error>?>(nil)
    let done = Semaphore()
    try Thread.start(stack: .large) {
        let result = Swift.Result { () throws -> Result in
            guard let closeRange, closeRange(3, .max, 2 /* CLOSE_RANGE_UNSHARE */) == 0 else {
                throw SystemError.last("close_range")
            }
            return try body()
        }
        outcome.withLock { $0 = result }
        done.signal()
    }
    done.wait()
    guard let result = outcome.withLock({ $0 }) else { preconditionFailure("signalled without a result") }
    return try result.get()
}

/// How many of the numbers below 4096 are open descriptors of this thread's table.
package func openDescriptors() -> Int { (0..<4096).count { clinux_descriptor_flags($0) >= 0 } }

/// close_range(2), which Glibc's module hides behind _GNU_SOURCE.
private let closeRange: (@convention(c) (CUnsignedInt, CUnsignedInt, CInt) -> CInt)? = dlsym(nil, "close_range")
    .map { unsafeBitCast($0, to: (@convention(c) (CUnsignedInt, CUnsignedInt, CInt) -> CInt).self) }

private final class Semaphore: @unchecked Sendable {
    // Unchecked: made for several threads. On the heap because a C object that other threads use must not move.
    private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    init() { sem_init(semaphore, 0, 0) }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    func signal() { sem_post(semaphore) }

    func wait() {
        while sem_wait(semaphore) != 0 {}  // EINTR
    }
}
