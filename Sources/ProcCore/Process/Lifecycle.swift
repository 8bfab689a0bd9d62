/// What becomes of one process, from its acceptance to the moment its pid is given back.
///
/// A process is *stopped* by a signal to every process of its session, some
/// grace, then SIGKILL. Its leader may end long before the rest. Until the rest
/// is gone the leader stays an unreaped zombie: so its pid, which is also the
/// number of the session, can't come to mean anyone else.
package struct Lifecycle: Equatable, Sendable {
    /// The names stand in ledgers.
    package enum State: String, CaseIterable, Equatable, Sendable {
        /// Accepted; its descriptors are being opened, or it waits for its turn.
        case pending
        case running
        /// It was told to stop and has its grace.
        case stopping
        /// The grace is over: SIGKILL is on its way to the whole session.
        case killing
        /// The leader has ended, and one looks whether others of the session are left.
        case surveying
        /// The leader has ended; others of its session have what is left of the grace.
        case lingering
        /// The leader has ended; SIGKILL is on its way to the rest of the session.
        case sweeping
        case ended
    }

    package enum Event: Equatable, Sendable {
        case started
        case startFailed
        /// Stop it in an orderly way. Whoever asks says why elsewhere.
        case stop
        /// End it at once.
        case kill
        case graceOver
        case leaderExited
        /// The leader has ended, or is out of reach, and nobody can say how it ended.
        case lost
        /// The answer to ``Action/surveySession``.
        case surveyed(survivors: Bool)
        /// What ``Action/armSurvey`` asked for.
        case surveyDue
        /// ``Action/killSession`` is done: a look at the session found nobody new.
        case swept
    }

    package enum Action: Equatable, Sendable {
        /// Give up what is being opened; the process will not be started.
        case cancelStart
        /// Send the stop signal to every process of the session.
        case signalSession
        /// SIGKILL every process of the session, until nobody new is found; then ``Event/swept``.
        case killSession
        /// Look for members of the session other than the leader, and answer.
        case surveySession
        /// Deliver ``Event/surveyDue`` in a while.
        case armSurvey
        /// Deliver ``Event/graceOver`` when the grace has passed.
        case armGrace
        case disarmGrace
        /// Reap the zombie. What the kernel says of it has been read before ``Event/leaderExited``.
        case reap
    }

    package private(set) var state: State = .pending
    /// Whether descendants that outlive the leader are killed.
    private let killsOrphans: Bool

    package init(killsOrphans: Bool) { self.killsOrphans = killsOrphans }

    /// Goes on from where another agent has brought the process.
    package mutating func restore(_ state: State) { self.state = state }

    /// What has to be done for a restored process to go on: what was awaited is asked for again.
    package var resumption: [Action] {
        switch state {
        case .pending, .running, .ended: []
        case .stopping: [.armGrace]
        case .killing, .sweeping: [.killSession]
        case .surveying: [.surveySession, .armGrace]
        case .lingering: [.armSurvey, .armGrace]
        }
    }

    /// Whether the process itself may still run, as far as results tell.
    package var isAlive: Bool {
        switch state {
        case .pending, .running, .stopping, .killing: true
        case .surveying, .lingering, .sweeping, .ended: false
        }
    }

    /// Whether nothing is left to do about its session when the leader ends, so that its zombie needn't stay.
    package var endsWithLeader: Bool { state == .running && !killsOrphans }

    package mutating func handle(_ event: Event) -> [Action] {
        switch (state, event) {
        case (.pending, .started):
            state = .running
            return []

        case (.pending, .startFailed):
            state = .ended
            return []

        case (.pending, .stop), (.pending, .kill):
            state = .ended
            return [.cancelStart]

        case (.ended, .lost), (.pending, .lost):
            preconditionFailure("\(event) in state \(state)")

        case (_, .lost):
            state = .ended
            return [.disarmGrace]

        case (.running, .stop):
            state = .stopping
            return [.signalSession, .armGrace]

        case (.running, .kill):
            state = .killing
            return [.killSession]

        case (.stopping, .kill), (.stopping, .graceOver):
            state = .killing
            return [.disarmGrace, .killSession]

        case (.running, .leaderExited):
            state = killsOrphans ? .sweeping : .ended
            return killsOrphans ? [.killSession] : [.reap]

        case (.stopping, .leaderExited):
            state = .surveying
            return [.surveySession]

        case (.killing, .leaderExited):
            // The sweep that is under way may have looked before the leader's last fork.
            state = .sweeping
            return [.killSession]

        case (.surveying, .surveyed(let survivors)):
            state = !survivors ? .ended : killsOrphans ? .sweeping : .lingering
            return !survivors ? [.disarmGrace, .reap] : killsOrphans ? [.disarmGrace, .killSession] : [.armSurvey]

        case (.lingering, .surveyDue):
            return [.surveySession]

        case (.lingering, .surveyed(let survivors)):
            state = survivors ? .lingering : .ended
            return survivors ? [.armSurvey] : [.disarmGrace, .reap]

        case (.surveying, .graceOver), (.surveying, .kill), (.lingering, .graceOver), (.lingering, .kill):
            state = .sweeping
            return [.disarmGrace, .killSession]

        case (.sweeping, .swept):
            state = .ended
            return [.reap]

        // A stop is under way already, or there is nothing to stop any more.
        case (.stopping, .stop), (.killing, .stop), (.killing, .kill), (.killing, .graceOver),
            (.surveying, .stop), (.lingering, .stop), (.sweeping, .stop), (.sweeping, .kill),
            (.sweeping, .graceOver), (.ended, _):
            return []

        // Answers that come after what they were asked for has passed.
        case (.killing, .swept), (.sweeping, .surveyed), (.surveying, .swept), (.sweeping, .surveyDue):
            return []

        case (.pending, .surveyDue), (.running, .surveyDue), (.stopping, .surveyDue), (.killing, .surveyDue),
            (.surveying, .surveyDue),
            (.pending, .graceOver), (.pending, .leaderExited), (.pending, .surveyed), (.pending, .swept),
            (.running, .started), (.running, .startFailed), (.running, .graceOver), (.running, .surveyed),
            (.running, .swept), (.stopping, .started), (.stopping, .startFailed), (.stopping, .surveyed),
            (.stopping, .swept), (.killing, .started), (.killing, .startFailed), (.killing, .surveyed),
            (.surveying, .started), (.surveying, .startFailed), (.surveying, .leaderExited),
            (.lingering, .started), (.lingering, .startFailed), (.lingering, .leaderExited),
            (.lingering, .swept), (.sweeping, .started), (.sweeping, .startFailed), (.sweeping, .leaderExited):
            preconditionFailure("\(event) in state \(state)")
        }
    }
}
