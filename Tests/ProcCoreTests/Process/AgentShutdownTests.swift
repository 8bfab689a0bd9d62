import ProcCore
import Testing

@Suite struct AgentShutdownTests {
    private typealias State = AgentShutdown.State
    private typealias Event = AgentShutdown.Event
    private typealias Action = AgentShutdown.Action

    private let now = Instant(nanoseconds: 1_000)

    /// An agent, with what it knows of its processes.
    private struct Agent {
        var shutdown = AgentShutdown()
        var isQuiet: Bool
        var isEmpty: Bool

        mutating func handle(_ event: Event, at now: Instant) -> [Action] {
            shutdown.handle(event, isQuiet: isQuiet, isEmpty: isEmpty, at: now)
        }
    }

    private func running() -> Agent { Agent(isQuiet: false, isEmpty: false) }
    private func withResults() -> Agent { Agent(isQuiet: true, isEmpty: false) }
    private func empty() -> Agent { Agent(isQuiet: true, isEmpty: true) }

    private var leaveDeadline: Action { .wakeAt(now + AgentShutdown.leaveGrace) }

    @Test func whateverEndsItHasStartsRefusedFirst() {
        for event in [Event.drain, .terminate, .kill, .finish] {
            var agent = running()
            #expect(agent.handle(event, at: now).first == .announceIdling, "\(event)")
        }
    }

    @Test func anAgentWithoutProcessesEndsAtOnce() {
        for event in [Event.drain, .terminate] {
            var agent = empty()
            #expect(agent.handle(event, at: now) == [.announceIdling, .exit])
            #expect(agent.shutdown.state == .done)
        }
        var agent = empty()
        #expect(agent.handle(.kill, at: now) == [.announceIdling, .killAll, .exit])
    }

    @Test func drainingEndsWithTheLastDeletion() {
        var agent = running()
        #expect(agent.handle(.drain, at: now) == [.announceIdling])
        agent.isQuiet = true
        #expect(agent.handle(.nothingRuns, at: now) == [])
        agent.isEmpty = true
        #expect(agent.handle(.nothingLeft, at: now) == [.exit])
    }

    @Test func drainingWaitsForWhatADeletedProcessHasLeftRunning() {
        var agent = running()
        _ = agent.handle(.drain, at: now)
        agent.isEmpty = true
        #expect(agent.handle(.nothingLeft, at: now) == [])
        agent.isQuiet = true
        #expect(agent.handle(.nothingRuns, at: now) == [.exit])

        agent = Agent(isQuiet: false, isEmpty: true)
        #expect(agent.handle(.drain, at: now) == [.announceIdling])
    }

    @Test func terminatingStopsThenKillsThenLeavesTimeForResults() {
        var agent = running()
        #expect(
            agent.handle(.terminate, at: now)
                == [.announceIdling, .stopAll, .wakeAt(now + AgentShutdown.terminateGrace)])
        #expect(agent.handle(.deadlineReached, at: now) == [.killAll, leaveDeadline])
        agent.isQuiet = true
        #expect(agent.handle(.nothingRuns, at: now) == [.reconnect])
        #expect(agent.handle(.deadlineReached, at: now) == [.exit])
    }

    @Test func aProcessThatEndsInTimeIsNotKilled() {
        var agent = running()
        _ = agent.handle(.terminate, at: now)
        agent.isQuiet = true
        #expect(agent.handle(.nothingRuns, at: now) == [leaveDeadline, .reconnect])
        agent.isEmpty = true
        #expect(agent.handle(.nothingLeft, at: now) == [.exit])
    }

    @Test func aSecondSignalKillsAtOnce() {
        for second in [Event.terminate, .kill] {
            var agent = running()
            _ = agent.handle(.terminate, at: now)
            #expect(agent.handle(second, at: now) == [.killAll, leaveDeadline])
            #expect(agent.handle(.terminate, at: now) == [])
        }
    }

    @Test func aDrainingAgentCanBeToldToHurry() {
        var agent = running()
        _ = agent.handle(.drain, at: now)
        #expect(agent.handle(.terminate, at: now) == [.stopAll, .wakeAt(now + AgentShutdown.terminateGrace)])
        #expect(agent.handle(.drain, at: now) == [])

        agent = running()
        _ = agent.handle(.drain, at: now)
        #expect(agent.handle(.kill, at: now) == [.killAll, leaveDeadline])
    }

    @Test func killingWaitsForWhatTheKernelLetsDie() {
        var agent = running()
        #expect(agent.handle(.kill, at: now) == [.announceIdling, .killAll, leaveDeadline])
        // Of those that ended before, the last has been deleted, but something still runs.
        #expect(agent.handle(.nothingLeft, at: now) == [])
        #expect(agent.handle(.unreachable, at: now) == [])
        #expect(agent.handle(.deadlineReached, at: now) == [.exit])
    }

    @Test func resultsAreNotKeptForASchedulerThatIsNotThere() {
        var agent = withResults()
        #expect(agent.handle(.terminate, at: now) == [.announceIdling, leaveDeadline, .reconnect])
        #expect(agent.handle(.unreachable, at: now) == [.exit])

        agent = running()
        _ = agent.handle(.terminate, at: now)
        #expect(agent.handle(.unreachable, at: now) == [])
    }

    @Test func whateverComesAfterTheEndIsIgnored() {
        for event in [
            Event.drain, .terminate, .kill, .deadlineReached, .nothingRuns, .nothingLeft, .unreachable, .finish,
        ] {
            var agent = empty()
            _ = agent.handle(.drain, at: now)
            #expect(agent.handle(event, at: now) == [], "\(event)")
        }
    }

    @Test func aFulfilledPurposeEndsItAndNothingIsStartedThen() {
        var agent = withResults()
        #expect(agent.handle(.finish, at: now) == [.announceIdling, .exit])
        agent = withResults()
        _ = agent.handle(.terminate, at: now)
        #expect(agent.handle(.finish, at: now) == [.exit])
    }
}
