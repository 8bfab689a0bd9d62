internal import CLinux
package import ProcCore

/// Calls that may block without end, such as the open of a FIFO that nobody reads:
/// each on a thread of its own, a limited number at a time.
package final class BlockingCalls {
    /// The signal that makes a blocked call fail with EINTR. SIGURG is ignored by default,
    /// so that one which comes from elsewhere does no harm either.
    private static let interrupt = SIGURG
    /// How often a cancelled call is interrupted: the signal may come just before the call blocks.
    private static let insistence = Interval.milliseconds(20)

    /// After what time one tries again to make a thread.
    private static let patience = Interval.milliseconds(100)

    /// One call that was asked for.
    package final class Call {
        fileprivate let target = Target()
        fileprivate var start: (() -> Bool)?
        fileprivate(set) package var isCancelled = false

        fileprivate init() {}
    }

    /// The thread that makes a call.
    fileprivate final class Target: Sendable {
        private enum Phase: Sendable {
            case notYet
            case inside(pthread_t)
            case over
        }

        private let phase = Guarded<Phase>(.notYet)

        func enter() { phase.withLock { $0 = .inside(pthread_self()) } }
        func leave() { phase.withLock { $0 = .over } }

        /// Signals the thread if it is inside the call; false when the call is over.
        func interrupt(with signum: CInt) -> Bool {
            // Under the lock: the thread can't end, nor its number be reused, between look and signal.
            phase.withLock { phase in
                switch phase {
                case .notYet: return true
                case .inside(let thread):
                    pthread_kill(thread, signum)
                    return true
                case .over: return false
                }
            }
        }
    }

    private let loop: EventLoop
    private let mailbox: Mailbox
    private let limit: Int
    private let stack: Thread.Stack
    private var running = 0
    private var waiting: [Call] = []
    /// The first in ``waiting`` whose turn hasn't come.
    private var next = 0
    /// How many in ``waiting`` were given up.
    private var givenUp = 0

    /// - Parameter limit: How many may be under way; the rest wait. A thread that waits costs some 16 KiB.
    package init(loop: EventLoop, limit: Int = 1000, stack: Thread.Stack = .small) throws(SystemError) {
        self.loop = loop
        self.limit = limit
        self.stack = stack
        mailbox = try Mailbox(loop: loop)
        _ = clinux_make_interrupting(Self.interrupt)
    }

    /// Runs `work` on a thread, then `then` on the loop, unless the call was cancelled by then:
    /// what `work` returned is dropped in that case, so it should own its descriptors.
    package func run<T: Sendable>(_ work: @escaping @Sendable () -> T, then: @escaping (T) -> Void) -> Call {
        let call = Call()
        call.start = { [self] in
            let ticket = mailbox.expect { [self] (result: T) in
                running -= 1
                if !call.isCancelled { then(result) }
                startNext()
            }
            let slot = mailbox.slot
            let target = call.target
            do {
                try Thread.start(stack: stack) {
                    // Whoever started us may have blocked it.
                    SignalSource.unblock([Self.interrupt])
                    target.enter()
                    let result = work()
                    target.leave()
                    slot.post(result, for: ticket)
                }
                return true
            } catch {
                mailbox.forget(ticket)
                return false
            }
        }
        waiting.append(call)
        startNext()
        return call
    }

    /// Gives a call up: its result will not be delivered, and a blocked thread is woken.
    package func cancel(_ call: Call) {
        guard !call.isCancelled else { return }
        call.isCancelled = true
        if call.start == nil { insist(call) } else { passOver(call) }
    }

    /// Gives a call up without waking its thread: for work that a signal doesn't end, such as a library's that tries
    /// again after EINTR. Its result will not be delivered. It goes on until it ends by itself, holds up neither the
    /// loop nor the process's exit, and counts towards the limit all the while.
    package func abandon(_ call: Call) {
        guard !call.isCancelled else { return }
        call.isCancelled = true
        if call.start != nil { passOver(call) }
    }

    /// Frees what a call holds that waits for its turn. Those in front of it may take forever, so that it must not wait
    /// for them to be forgotten.
    private func passOver(_ call: Call) {
        call.start = nil
        givenUp += 1
        guard givenUp > 64, 2 * givenUp > waiting.count - next else { return }
        waiting = waiting[next...].filter { !$0.isCancelled }
        next = 0
        givenUp = 0
    }

    private func insist(_ call: Call) {
        guard call.target.interrupt(with: Self.interrupt) else { return }
        loop.at(loop.now + Self.insistence) { [self] in insist(call) }
    }

    private func startNext() {
        while running < limit, next < waiting.count {
            let call = waiting[next]
            if call.isCancelled {
                givenUp -= 1
            } else if call.start?() == true {
                call.start = nil
                running += 1
            } else {
                // No thread to be had. Others will end.
                loop.at(loop.now + Self.patience) { [self] in startNext() }
                return
            }
            next += 1
        }
        if next == waiting.count {
            waiting = []
            next = 0
        }
    }
}
