internal import Glibc

/// How procstar ends: what a signal to it sets off, and when it is done.
///
/// SIGTERM gives the processes 60 s to end, then they are killed; SIGQUIT, or a
/// second SIGTERM, kills them at once. After that it waits 5 s at most for what
/// the kernel doesn't let die.
package struct Shutdown: Equatable, Sendable {
    package enum State: Equatable, Sendable { case active, terminating, killing, done }

    package enum Event: Equatable, Sendable {
        case terminate
        case kill
        case deadlineReached
        /// No process runs, and no session is being swept.
        case nothingRuns
    }

    package enum Action: Equatable, Sendable {
        /// Refuse new starts and stop every process, in an orderly way.
        case stopAll
        case killAll
        /// Deliver ``Event/deadlineReached`` at this time, in place of any earlier one.
        case wakeAt(Instant)
        case exit
    }

    /// What processes get after SIGTERM, before SIGKILL.
    package static let terminateGrace = Interval.seconds(60)
    /// What the kernel gets to end killed processes.
    package static let killGrace = Interval.seconds(5)

    package private(set) var state: State = .active

    package init() {}

    package mutating func handle(_ event: Event, at now: Instant) -> [Action] {
        switch (state, event) {
        case (.active, .terminate):
            state = .terminating
            return [.stopAll, .wakeAt(now + Self.terminateGrace)]

        case (.active, .kill), (.terminating, .kill), (.terminating, .terminate), (.terminating, .deadlineReached):
            state = .killing
            return [.killAll, .wakeAt(now + Self.killGrace)]

        case (.terminating, .nothingRuns), (.killing, .nothingRuns), (.killing, .deadlineReached):
            state = .done
            return [.exit]

        case (.active, .deadlineReached), (.active, .nothingRuns), (.killing, .terminate), (.killing, .kill),
            (.done, _):
            return []
        }
    }
}
