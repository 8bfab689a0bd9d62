internal import CLinux
package import ProcCore

/// A POSIX thread.
///
/// Its signal mask is its maker's, so signals that `main` blocked go to the loop's signalfd alone.
package enum Thread {
    private final class Body: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// How much a thread may recurse. Only addresses are reserved; memory is used as far as it gets.
    package enum Stack: Int, Sendable {
        /// For system calls.
        case small = 0x4_0000
        /// For what follows a document into its depth: the deepest that is accepted takes 3 KiB a level in a build for
        /// debugging, and several times that under a sanitizer.
        case large = 0x80_0000
    }

    /// Starts `body` on a detached thread.
    package static func start(stack: Stack, _ body: @escaping @Sendable () -> Void) throws(SystemError) {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, stack.rawValue)
        pthread_attr_setdetachstate(&attributes, CInt(PTHREAD_CREATE_DETACHED))

        let box = Unmanaged.passRetained(Body(body))
        var thread = pthread_t()
        let error = pthread_create(
            &thread, &attributes,
            { argument in
                if let argument { Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run() }
                return nil
            }, box.toOpaque())
        guard error == 0 else {
            box.release()
            throw SystemError("pthread_create", errno: error)
        }
    }
}
