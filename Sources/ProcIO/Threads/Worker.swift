internal import CLinux
package import ProcCore

/// One thread that does what may block or takes long; jobs run in the order they came.
package final class Worker {
    private final class Jobs: Sendable {
        private let waiting = Guarded<(jobs: [@Sendable () -> Void], isClosed: Bool)>(([], false))
        private let wake = ThreadSignal()

        func add(_ job: @escaping @Sendable () -> Void) {
            waiting.withLock { $0.jobs.append(job) }
            wake.signal()
        }

        func close() {
            waiting.withLock { $0.isClosed = true }
            wake.signal()
        }

        func work() {
            while true {
                let (jobs, isClosed) = waiting.withLock { state in
                    let jobs = state.jobs
                    state.jobs = []
                    return (jobs, state.isClosed)
                }
                for job in jobs { job() }
                if jobs.isEmpty {
                    if isClosed { return }
                    wake.wait()
                }
            }
        }
    }

    private let mailbox: Mailbox
    private let jobs = Jobs()

    /// Starts the thread at once: later there may be no room for one, when all of the machine's processes and threads
    /// are taken, by children of ours perhaps.
    ///
    /// - Parameter name: For error messages.
    package init(loop: EventLoop, name: String) throws(SystemError) {
        mailbox = try Mailbox(loop: loop)
        let jobs = jobs
        do {
            try Thread.start(stack: .large) { jobs.work() }
        } catch {
            throw SystemError("start the thread", on: name, errno: error.errno)
        }
    }

    deinit { jobs.close() }

    /// How many jobs wait, run, or have results that the loop hasn't picked up.
    package var backlog: Int { mailbox.expected }

    /// Runs `work` on the thread, then `then`, on the loop, with what it returned.
    package func run<T: Sendable>(_ work: @escaping @Sendable () -> T, then: @escaping (T) -> Void) {
        let ticket = mailbox.expect(then)
        let slot = mailbox.slot
        jobs.add { slot.post(work(), for: ticket) }
    }
}
