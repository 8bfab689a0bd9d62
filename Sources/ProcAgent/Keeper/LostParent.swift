internal import ProcCore
internal import ProcIO

/// In place of a parent that is gone, and from whom nobody has inherited the processes.
final class LostParent: Parent {
    let isBusy = false
    var whenReady: () -> Void = {}
    private let reason: String

    /// - Parameter reason: A clause for people.
    init(_ reason: String) { self.reason = reason }

    func launch(_ plan: LaunchPlan, then: @escaping (Result<Launched, StartFailure>) -> Void) {
        then(.failure(.spawn(plan.executable, reason: reason)))
    }

    func collect(_ child: Child, reaps: Bool, then: @escaping (Collection) -> Void) { then(.lost(reason)) }

    // Init reaps it, and nothing is held any more.
    func reap(_ child: Child) {}
    func forget(_ child: Child) {}
    func hold(_ held: HeldDescriptor, for token: UInt64, then: @escaping () -> Void) { then() }
    func drop(_ tag: HoldTag, of token: UInt64) {}
}
