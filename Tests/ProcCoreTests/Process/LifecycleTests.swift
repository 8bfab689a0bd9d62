import ProcCore
import TestSupport
import Testing

@Suite struct LifecycleTests {
    /// Feeds events one after another; the actions of each.
    static func run(_ events: [Lifecycle.Event], killsOrphans: Bool = false) -> [[Lifecycle.Action]] {
        var lifecycle = Lifecycle(killsOrphans: killsOrphans)
        return events.map { lifecycle.handle($0) }
    }

    @Test func aProcessThatEndsByItselfIsReaped() {
        #expect(Self.run([.started, .leaderExited]) == [[], [.reap]])
    }

    @Test func aStopAsksThenKillsWhenTheGraceIsOver() {
        #expect(
            Self.run([.started, .stop, .graceOver, .leaderExited, .swept]) == [
                [], [.signalSession, .armGrace], [.disarmGrace, .killSession], [.killSession], [.reap],
            ])
    }

    @Test func theLeadersZombieIsKeptWhileOthersOfItsSessionHaveTheirGrace() {
        #expect(
            Self.run([.started, .stop, .leaderExited, .surveyed(survivors: true), .graceOver, .swept]) == [
                [], [.signalSession, .armGrace], [.surveySession], [.armSurvey],
                [.disarmGrace, .killSession], [.reap],
            ])
    }

    @Test func aStopIsOverAsSoonAsTheLastOfTheSessionIsGone() {
        #expect(
            Self.run([
                .started, .stop, .leaderExited, .surveyed(survivors: true), .surveyDue, .surveyed(survivors: true),
                .surveyDue, .surveyed(survivors: false),
            ]).suffix(4) == [[.surveySession], [.armSurvey], [.surveySession], [.disarmGrace, .reap]])
    }

    @Test func aStopThatLeavesNobodyIsOverAtOnce() {
        #expect(
            Self.run([.started, .stop, .leaderExited, .surveyed(survivors: false)]).last == [.disarmGrace, .reap])
    }

    @Test func orphansAreSweptBeforeTheLeaderIsReapedWhereTheSpecSaysSo() {
        #expect(
            Self.run([.started, .leaderExited, .swept], killsOrphans: true)
                == [[], [.killSession], [.reap]])
    }

    @Test func whatIsNotYetStartedIsCancelled() {
        #expect(Self.run([.stop]) == [[.cancelStart]])
        #expect(Self.run([.kill, .stop, .kill]) == [[.cancelStart], [], []])
    }

    @Test func aSecondStopChangesNothingAndAKillHastens() {
        #expect(Self.run([.started, .stop, .stop]).last == [])
        #expect(Self.run([.started, .stop, .kill]).last == [.disarmGrace, .killSession])
        #expect(
            Self.run([.started, .stop, .leaderExited, .surveyed(survivors: true), .kill]).last
                == [.disarmGrace, .killSession])
    }

    @Test func oneThatIsLostIsNeverReapedAndNothingMoreIsDoneAboutIt() {
        #expect(
            Self.run([.started, .stop, .lost, .graceOver, .surveyDue, .swept]).suffix(4) == [
                [.disarmGrace], [], [], [],
            ])
    }

    /// What goes on where another agent has left it.
    @Test(
        arguments: [
            ([Lifecycle.Event.started], []),
            ([.started, .stop], [.armGrace]),
            ([.started, .kill], [.killSession]),
            ([.started, .stop, .leaderExited], [.surveySession, .armGrace]),
            ([.started, .stop, .leaderExited, .surveyed(survivors: true)], [.armSurvey, .armGrace]),
            ([.started, .kill, .leaderExited], [.killSession]),
            ([.started, .leaderExited], []),
        ] as [([Lifecycle.Event], [Lifecycle.Action])])
    func aRestoredLifecycleGoesOn(events: [Lifecycle.Event], resumption: [Lifecycle.Action]) {
        var former = Lifecycle(killsOrphans: false)
        for event in events { _ = former.handle(event) }
        var restored = Lifecycle(killsOrphans: false)
        restored.restore(former.state)
        #expect(restored == former && restored.resumption == resumption)
    }

    /// Random walks over the events that can come in each state: whatever the order, a leader is reaped exactly once,
    /// as the last thing of all.
    @Test(arguments: 0..<200)
    func everyProcessThatRanIsReapedOnceAndLast(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var lifecycle = Lifecycle(killsOrphans: random.next() % 2 == 0)
        var actions = lifecycle.handle(.started)
        var hasExited = false
        for _ in 0..<50 {
            var possible: [Lifecycle.Event] = [.stop, .kill]
            if !hasExited { possible.append(.leaderExited) }
            switch lifecycle.state {
            case .stopping: possible.append(.graceOver)
            case .lingering:
                possible += [.graceOver, .surveyDue, .surveyed(survivors: true), .surveyed(survivors: false)]
            case .surveying: possible += [.surveyed(survivors: true), .surveyed(survivors: false), .graceOver]
            case .killing, .sweeping: possible.append(.swept)
            case .pending, .running, .ended: break
            }
            let event = possible[Int(random.next() % UInt64(possible.count))]
            if event == .leaderExited { hasExited = true }
            actions += lifecycle.handle(event)
        }
        if !hasExited { actions += lifecycle.handle(.leaderExited) }
        while lifecycle.state != .ended {
            actions += lifecycle.handle(
                lifecycle.state == .lingering
                    ? .graceOver : lifecycle.state == .surveying ? .surveyed(survivors: false) : .swept)
        }
        #expect(actions.count { $0 == .reap } == 1)
        #expect(actions.last == .reap)
    }
}
