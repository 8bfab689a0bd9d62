internal import CKeeper
internal import Glibc
internal import ProcCore
internal import ProcIO

/// The keeper as the parent of processes: they outlive us.
final class KeeperParent: Parent {
    /// Starts that are sent ahead. Enough that the keeper never waits for us; and few enough that what they hold open
    /// doesn't count.
    private static let mostStarts = 32
    /// Beyond these a plan may not fit into one message, whatever its fds are.
    private static let mostFds = 80

    private var connection: KeeperConnection
    private let fileLimit: Int
    private var startsUnderWay = 0
    let pid: pid_t

    var whenReady: () -> Void = {}
    var isBusy: Bool { startsUnderWay >= Self.mostStarts }

    init(_ connection: KeeperConnection, pid: pid_t, fileLimit: Int) {
        self.connection = connection
        self.pid = pid
        self.fileLimit = fileLimit
    }

    /// Goes on over another connection to the same keeper.
    func reconnect(_ connection: KeeperConnection) { self.connection = connection }

    /// Whether a process of this spec can be started; others only by ourselves.
    func takes(_ spec: ProcessSpec) -> Bool { spec.fds.count <= Self.mostFds }

    func launch(_ plan: LaunchPlan, then: @escaping (Result<Launched, StartFailure>) -> Void) {
        let packet: KeeperPacket
        do {
            packet = try .spawn(plan, fileLimit: fileLimit)
        } catch  where error.errno == E2BIG {
            return then(.failure(SpawnStage.exec.failure(E2BIG, plan.executable)))
        } catch {
            return then(.failure(.spawn(plan.executable, reason: "\(error)")))
        }
        guard packet.isWellFormed else {
            return then(.failure(.spawn(plan.executable, reason: "its keeper would not understand the order")))
        }
        startsUnderWay += 1
        connection.send(
            packet,
            answered: { [self] answer in
                startsUnderWay -= 1
                switch answer {
                case .spawned(_, let launched): then(.success(launched))
                case .notSpawned(_, let errno, let stage):
                    then(.failure(stage.failure(errno, plan.executable)))
                case .done(_, let errno): then(.failure(SpawnStage.request.failure(errno, plan.executable)))
                case nil:
                    then(.failure(.lost(reason: "the keeper was killed when it was to start it; it may be running")))
                default: preconditionFailure("a SPAWN is answered with what is no answer to it")
                }
                if startsUnderWay == Self.mostStarts / 2 { whenReady() }
            })
    }

    func collect(_ child: Child, reaps: Bool, then: @escaping (Collection) -> Void) {
        connection.send(.plain(reaps ? KEEPER_REAP : KEEPER_COLLECT, child.token)) { answer in
            switch answer {
            case .collected(_, let ending): then(.ended(ending))
            // A debugger has it, or the keeper lacks what it needs for a moment.
            case .done(_, let errno) where errno != ESRCH: then(.notYet)
            case .done: then(.lost("the keeper doesn't know it"))
            // Who inherits the processes is known when the keeper's end is.
            case nil: then(.notYet)
            default: preconditionFailure("a COLLECT is answered with what is no answer to it")
            }
        }
    }

    func reap(_ child: Child) { connection.send(.plain(KEEPER_REAP, child.token)) }

    func forget(_ child: Child) { connection.send(.plain(KEEPER_FORGET, child.token)) }

    func hold(_ held: HeldDescriptor, for token: UInt64, then: @escaping () -> Void) {
        connection.send(.hold(held, for: token), whenSent: then)
    }

    func drop(_ tag: HoldTag, of token: UInt64) { connection.send(.drop(tag, of: token)) }

    /// Has the ledger kept for whoever comes after us.
    func keep(_ ledger: SharedFD, whenSent: @escaping () -> Void) {
        connection.send(.ledger(ledger), whenSent: whenSent)
    }

    /// Tells it that nobody comes after us.
    func sayGoodbye(then: @escaping () -> Void) { connection.send(.plain(KEEPER_GOODBYE)) { _ in then() } }
}
