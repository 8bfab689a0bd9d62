internal import CLinux
package import ProcCore

/// A single-threaded epoll loop.
///
/// Not Sendable, on purpose: everything it calls runs on the thread that calls
/// ``run()``, so what hangs on it needs no locks, and the compiler rejects any
/// attempt to reach it from another thread.
package final class EventLoop {
    /// What a descriptor can be ready for.
    package struct Readiness: OptionSet, Sendable {
        package let rawValue: UInt8

        package init(rawValue: UInt8) { self.rawValue = rawValue }

        package static let readable = Readiness(rawValue: 1)
        package static let writable = Readiness(rawValue: 2)
        /// The other end is gone, or the descriptor failed (EPOLLHUP, EPOLLERR). Always reported.
        package static let hangup = Readiness(rawValue: 4)
    }

    /// Names one registration. An fd number is reused as soon as it is closed,
    /// so an event is matched on the pair and a late one for an old owner is dropped.
    package struct Token: Hashable, Sendable {
        let fd: CInt
        let generation: UInt32

        var packed: UInt64 { UInt64(generation) << 32 | UInt64(UInt32(bitPattern: fd)) }
    }

    package typealias Handler = (Readiness) -> Void

    private struct Registration {
        let generation: UInt32
        let handler: Handler
        /// Taken out of epoll, which would go on to report hang-ups.
        var isPaused: Bool
    }

    /// Events taken from the kernel in one call. More than that waits for the next turn.
    private static let batch = 256

    private let epoll: OwnedFD
    /// Indexed by fd: descriptors are small numbers, and a look-up happens for each event.
    private var registrations: [Registration?] = []
    private var nextGeneration: UInt32 = 0
    private var timers = TimerQueue()
    private var queued: [() -> Void] = []
    private var isStopped = false
    /// The longest that anything had to wait because the loop was busy with something else.
    private(set) package var longestTurn = Interval.zero

    package init() throws(SystemError) {
        epoll = try OwnedFD(result: clinux_epoll_create(), "epoll_create1")
    }

    /// The monotonic clock, read now.
    package var now: Instant { .now }

    // MARK: Descriptors

    /// Calls `handler` whenever `fd` is ready, level-triggered, until ``unwatch(_:)``.
    ///
    /// Call ``unwatch(_:)`` before the descriptor is closed: a copy of it elsewhere
    /// would keep the kernel's registration alive.
    package func watch(
        _ fd: CInt, for interest: Readiness, _ handler: @escaping Handler
    ) throws(SystemError) -> Token {
        nextGeneration &+= 1
        let token = Token(fd: fd, generation: nextGeneration)
        let result = clinux_epoll_control(epoll.rawValue, EPOLL_CTL_ADD, fd, interest.epollEvents, token.packed)
        guard result >= 0 else { throw SystemError("epoll_ctl", on: "fd \(fd)", errno: -result) }
        let index = Int(fd)
        while registrations.count <= index { registrations.append(nil) }
        registrations[index] = Registration(generation: token.generation, handler: handler, isPaused: false)
        return token
    }

    /// Changes what is waited for. Nothing at all pauses the registration: not even a hang-up is
    /// reported until the next change.
    package func change(_ token: Token, to interest: Readiness) {
        guard let registration = registration(token.packed) else { return }
        let pauses = interest.isEmpty
        guard !(pauses && registration.isPaused) else { return }
        let operation = pauses ? EPOLL_CTL_DEL : registration.isPaused ? EPOLL_CTL_ADD : EPOLL_CTL_MOD
        let result = clinux_epoll_control(
            epoll.rawValue, operation, token.fd, interest.epollEvents, token.packed)
        precondition(result >= 0, "epoll_ctl of a registered fd: \(SystemError.reason(of: -result))")
        registrations[Int(token.fd)]?.isPaused = pauses
    }

    /// Ends a registration. An event that is already in hand for it is dropped.
    package func unwatch(_ token: Token) {
        guard let registration = registration(token.packed) else { return }
        registrations[Int(token.fd)] = nil
        guard !registration.isPaused else { return }
        let result = clinux_epoll_control(epoll.rawValue, EPOLL_CTL_DEL, token.fd, 0, 0)
        assert(result >= 0, "fd \(token.fd) was closed before its watch ended: \(SystemError.reason(of: -result))")
    }

    private func registration(_ packed: UInt64) -> Registration? {
        let index = Int(packed & 0xffff_ffff)
        guard index < registrations.count, let found = registrations[index],
            found.generation == UInt32(truncatingIfNeeded: packed >> 32)
        else { return nil }
        return found
    }

    // MARK: Time

    /// Calls `action` once, at `instant` or as soon after it as the loop gets there.
    @discardableResult
    package func at(_ instant: Instant, _ action: @escaping () -> Void) -> TimerID {
        timers.add(at: instant, action)
    }

    package typealias TimerID = TimerQueue.ID

    /// Forgets a timer; one that has fired or was cancelled is no error.
    package func cancel(_ timer: TimerID) { timers.cancel(timer) }

    /// Calls `action` in the next turn, after the events that are already in hand.
    package func soon(_ action: @escaping () -> Void) { queued.append(action) }

    // MARK: Running

    /// Runs until ``stop()``.
    package func run() { run(until: { false }) }

    /// Runs until ``stop()``, or until `condition`, which is asked after each turn, holds.
    package func run(until condition: () -> Bool) {
        isStopped = false
        while !isStopped, !condition() { turn() }
    }

    /// Ends ``run()`` after the current turn.
    package func stop() { isStopped = true }

    private func turn() {
        let count = wait()
        let start = now
        defer { longestTurn = max(longestTurn, now.since(start)) }
        if count > 0 { dispatch(count) }
        let dueUntil = now
        while let action = timers.takeDue(at: dueUntil) { action() }
        let actions = queued
        queued.removeAll(keepingCapacity: actions.count <= 1024)
        for action in actions { action() }
    }

    private var events = [epoll_event](repeating: epoll_event(), count: EventLoop.batch)

    private func wait() -> Int {
        let timeout: Int64
        if !queued.isEmpty {
            timeout = 0
        } else if let next = timers.next {
            timeout = Int64(clamping: next.since(now).nanoseconds)
        } else {
            timeout = -1
        }
        let count = events.withUnsafeMutableBufferPointer { buffer in
            buffer.baseAddress.map { clinux_epoll_wait(epoll.rawValue, $0, CInt(Self.batch), timeout) } ?? 0
        }
        precondition(count >= 0 || count == -EINTR, "epoll_wait: \(SystemError.reason(of: -count))")
        return Int(max(count, 0))
    }

    private func dispatch(_ count: Int) {
        for index in 0..<count {
            let event = events[index]
            // Looked up anew for each event: an earlier handler may have ended this registration.
            guard let registration = registration(event.data.u64), !registration.isPaused else { continue }
            registration.handler(Readiness(epollEvents: event.events))
        }
    }
}

extension EventLoop.Readiness {
    fileprivate var epollEvents: UInt32 {
        var events: UInt32 = 0
        if contains(.readable) { events |= EPOLLIN.rawValue }
        if contains(.writable) { events |= EPOLLOUT.rawValue }
        return events
    }

    fileprivate init(epollEvents: UInt32) {
        self = []
        if epollEvents & EPOLLIN.rawValue != 0 { insert(.readable) }
        if epollEvents & EPOLLOUT.rawValue != 0 { insert(.writable) }
        if epollEvents & (EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0 { insert(.hangup) }
    }
}
