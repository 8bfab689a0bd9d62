internal import CLinux

/// A value that several threads use, one at a time.
///
/// The standard library's `Mutex` would do, but the thread sanitizer doesn't
/// understand it and reports races where there are none.
package final class Guarded<State: ~Copyable>: @unchecked Sendable {
    // Unchecked: `state` is touched between lock and unlock only. The mutex stands on the heap because a C object
    // that other threads use must not move.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private var state: State

    package init(_ state: consuming sending State) {
        self.state = state
        mutex = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    package func withLock<Result, Failure>(
        _ body: (inout State) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&state)
    }
}
