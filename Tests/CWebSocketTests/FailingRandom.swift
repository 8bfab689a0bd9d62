import Glibc
import Synchronization

/// Makes OpenSSL's random numbers fail where a test wants that, and nowhere else: its generator can be replaced for the
/// whole process only, in which other tests run at the same time.
enum FailingRandom {
    /// The thread whose requests fail; 0 for none.
    private static let thread = Atomic<UInt>(0)
    private static let turn = Mutex(())

    private typealias Method = UnsafePointer<UnsafeRawPointer?>
    private typealias Generate = @convention(c) (UnsafeMutablePointer<UInt8>?, CInt) -> CInt
    /// `bytes` and `pseudorand` in `RAND_METHOD`, which has six functions.
    private static let generators = [1, 4]

    /// OpenSSL's own generator. Nil when this OpenSSL lets nobody replace it.
    private static let own: Generate? = {
        typealias Get = @convention(c) () -> Method?
        typealias Set = @convention(c) (Method?) -> CInt
        guard let get = dlsym(nil, "RAND_OpenSSL"), let set = dlsym(nil, "RAND_set_rand_method"),
            let method = unsafeBitCast(get, to: Get.self)(), let generate = method[1]
        else { return nil }
        // For the life of the process, as OpenSSL wants it.
        let replaced = UnsafeMutablePointer<UnsafeRawPointer?>.allocate(capacity: 6)
        replaced.initialize(from: method, count: 6)
        for index in generators { replaced[index] = unsafeBitCast(generateUnlessFailing, to: UnsafeRawPointer.self) }
        guard unsafeBitCast(set, to: Set.self)(replaced) == 1 else { return nil }
        return unsafeBitCast(generate, to: Generate.self)
    }()

    private static let generateUnlessFailing: Generate = { bytes, count in
        guard FailingRandom.thread.load(ordering: .acquiring) != UInt(pthread_self()) else { return 0 }
        return FailingRandom.own?(bytes, count) ?? 0
    }

    /// Whether this OpenSSL can be made to fail.
    static var isPossible: Bool { own != nil }

    /// Lets every request for random numbers fail that comes from `body`.
    static func during<Result>(_ body: () throws -> Result) rethrows -> Result {
        try turn.withLock { _ in
            thread.store(UInt(pthread_self()), ordering: .releasing)
            defer { thread.store(0, ordering: .releasing) }
            return try body()
        }
    }
}
