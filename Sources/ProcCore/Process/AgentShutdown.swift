/// How an agent ends: what a signal to it sets off, and when it is done.
///
/// Beyond what ``Shutdown`` does for a local run, its scheduler is told, and gets some time to fetch results and to
/// delete the processes.
package struct AgentShutdown: Equatable, Sendable {
    package enum State: Equatable, Sendable {
        case active
        /// Nothing is started any more; it ends when the last process has been deleted.
        case draining
        /// Processes were told to end.
        case terminating
        /// All processes have ended or been killed, and the scheduler has its time.
        /// - Parameter isQuiet: Nothing runs any more.
        case leaving(isQuiet: Bool)
        case done
    }

    package enum Event: Equatable, Sendable {
        case drain
        case terminate
        case kill
        case deadlineReached
        /// No process runs, and no session is being swept.
        case nothingRuns
        /// No process is known any more.
        case nothingLeft
        /// There is no connection to the scheduler, and the last attempt at one has failed.
        case unreachable
        /// There is nothing to end: the purpose is fulfilled.
        case finish
    }

    package enum Action: Equatable, Sendable {
        /// Refuse new starts from now on, and tell the scheduler.
        case announceIdling
        case stopAll
        case killAll
        /// Deliver ``Event/deadlineReached`` at this time, in place of any earlier one.
        case wakeAt(Instant)
        /// Don't wait any longer before the next attempt to reach the scheduler.
        case reconnect
        /// Say goodbye to the scheduler, and exit.
        case exit
    }

    /// What processes get after SIGTERM, before SIGKILL.
    package static let terminateGrace = Shutdown.terminateGrace
    /// What the kernel gets to end killed processes, and the scheduler to fetch results.
    package static let leaveGrace = Interval.seconds(5)

    package private(set) var state = State.active

    package init() {}

    /// - Parameters:
    ///   - isQuiet: Whether nothing runs, as ``Event/nothingRuns`` says.
    ///   - isEmpty: Whether nothing is known, as ``Event/nothingLeft`` says.
    package mutating func handle(_ event: Event, isQuiet: Bool, isEmpty: Bool, at now: Instant) -> [Action] {
        switch (state, event) {
        case (.active, .drain):
            if isQuiet, isEmpty { return [.announceIdling] + exit() }
            state = .draining
            return [.announceIdling]

        case (.active, .terminate), (.draining, .terminate):
            let announcement = state == .active ? [Action.announceIdling] : []
            if isQuiet { return announcement + leave(isQuiet: true, isEmpty: isEmpty, at: now) }
            state = .terminating
            return announcement + [.stopAll, .wakeAt(now + Self.terminateGrace)]

        case (.active, .kill):
            return [.announceIdling, .killAll] + leave(isQuiet: isQuiet, isEmpty: isEmpty, at: now)

        case (.draining, .kill), (.terminating, .kill), (.terminating, .terminate), (.terminating, .deadlineReached):
            return [.killAll] + leave(isQuiet: isQuiet, isEmpty: isEmpty, at: now)

        case (.terminating, .nothingRuns):
            return leave(isQuiet: true, isEmpty: isEmpty, at: now)

        case (.leaving(isQuiet: false), .nothingRuns):
            state = .leaving(isQuiet: true)
            return isEmpty ? exit() : [.reconnect]

        // The last may be deleted while its session is still being ended, and the other way round.
        case (.draining, .nothingLeft), (.draining, .nothingRuns):
            return isQuiet && isEmpty ? exit() : []

        // What has come by now and isn't carried out yet must start nothing any more.
        case (.active, .finish):
            return [.announceIdling] + exit()

        case (.leaving(isQuiet: true), .nothingLeft),
            (.leaving, .deadlineReached), (.leaving(isQuiet: true), .unreachable),
            (.draining, .finish), (.terminating, .finish), (.leaving, .finish):
            return exit()

        case (.active, .deadlineReached), (.active, .nothingRuns), (.active, .nothingLeft), (.active, .unreachable),
            (.draining, .drain), (.draining, .deadlineReached), (.draining, .unreachable),
            (.terminating, .drain), (.terminating, .nothingLeft), (.terminating, .unreachable),
            (.leaving, .drain), (.leaving, .terminate), (.leaving, .kill),
            (.leaving(isQuiet: true), .nothingRuns), (.leaving(isQuiet: false), .nothingLeft),
            (.leaving(isQuiet: false), .unreachable),
            (.done, _):
            return []
        }
    }

    /// All has ended, or is being killed.
    private mutating func leave(isQuiet: Bool, isEmpty: Bool, at now: Instant) -> [Action] {
        if isQuiet, isEmpty { return exit() }
        state = .leaving(isQuiet: isQuiet)
        return [.wakeAt(now + Self.leaveGrace)] + (isQuiet ? [.reconnect] : [])
    }

    private mutating func exit() -> [Action] {
        state = .done
        return [.exit]
    }
}
