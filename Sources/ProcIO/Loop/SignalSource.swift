internal import CLinux
package import ProcCore

/// Signals to this process, delivered on the loop (signalfd(2)).
package final class SignalSource {
    /// One delivery. Deliveries of a standard signal merge while one is pending.
    package struct Delivery: Equatable, Sendable {
        package let signum: CInt
        /// Who sent it, or for SIGCHLD which child it is about.
        package let pid: CInt
    }

    private let descriptor: OwnedFD
    private let loop: EventLoop
    private var token: EventLoop.Token?

    /// Blocks `signals` in the calling thread. Call it first thing in `main`, so that
    /// every thread that is made later inherits the mask and none of them gets the signal.
    package static func block(_ signals: [CInt]) {
        var set = Self.set(of: signals)
        pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// Lets `signals` have their effect again; one that is pending has it at once.
    package static func unblock(_ signals: [CInt]) {
        var set = Self.set(of: signals)
        pthread_sigmask(SIG_UNBLOCK, &set, nil)
    }

    /// Delivers `signals`, which must be blocked, to `handler`.
    package init(
        _ signals: [CInt], loop: EventLoop, _ handler: @escaping (Delivery) -> Void
    ) throws(SystemError) {
        var set = Self.set(of: signals)
        descriptor = try OwnedFD(result: clinux_signalfd(&set), "signalfd")
        self.loop = loop
        token = try loop.watch(descriptor.rawValue, for: .readable) { [unowned self] _ in
            for delivery in take() { handler(delivery) }
        }
    }

    deinit {
        if let token { loop.unwatch(token) }
    }

    /// What is pending, some of it at least: the loop calls again while there is more.
    private func take() -> [Delivery] {
        withUnsafeTemporaryAllocation(of: signalfd_siginfo.self, capacity: 8) { records in
            let count = read(
                descriptor.rawValue, records.baseAddress, records.count * MemoryLayout<signalfd_siginfo>.size)
            guard count > 0 else { return [] }
            return records[..<(count / MemoryLayout<signalfd_siginfo>.size)].map {
                Delivery(signum: CInt($0.ssi_signo), pid: CInt(bitPattern: $0.ssi_pid))
            }
        }
    }

    private static func set(of signals: [CInt]) -> sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        for signal in signals { sigaddset(&set, signal) }
        return set
    }
}
