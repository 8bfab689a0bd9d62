internal import CLinux

/// Lets one thread sleep until another has something for it (a binary semaphore).
final class ThreadSignal: @unchecked Sendable {
    // Unchecked: the semaphore is initialised once, before anyone shares it, and
    // sem_post and sem_wait are made for several threads. It stands on the heap
    // because a C object that other threads use must not move.
    private let semaphore: UnsafeMutablePointer<sem_t>

    init() {
        semaphore = .allocate(capacity: 1)
        sem_init(semaphore, 0, 0)
    }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    func signal() { sem_post(semaphore) }

    func wait() {
        while sem_wait(semaphore) != 0 {}  // EINTR
    }
}
