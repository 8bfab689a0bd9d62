internal import CKeeper
internal import Glibc
internal import ProcCore
internal import ProcIO

/// What the keeper says.
enum KeeperAnswer {
    case welcome(KeeperWelcome)
    case refused(errno: CInt, pid: pid_t, version: UInt32)
    case child(KeptChild)
    /// Of the child before.
    case held(HeldDescriptor)
    case end
    case spawned(token: UInt64, Launched)
    case notSpawned(token: UInt64, errno: CInt, SpawnStage)
    case collected(token: UInt64, Ending)
    case done(token: UInt64, errno: CInt)

    /// Reads a message; nil for one that is none.
    init?(_ bytes: UnsafeRawBufferPointer, _ descriptors: [SharedFD]) {
        guard let base = bytes.baseAddress, keeper_check_answer(base, bytes.count, descriptors.count) == 0 else {
            return nil
        }
        let head = bytes.load(as: keeper_head.self)
        switch keeper_kind(head.kind) {
        case KEEPER_WELCOME:
            let welcome = bytes.load(as: keeper_welcome.self)
            self = .welcome(
                KeeperWelcome(pid: welcome.pid, children: Int(welcome.children), ledger: descriptors.first))
        case KEEPER_REFUSED:
            let refused = bytes.load(as: keeper_refused.self)
            self = .refused(errno: refused.error, pid: refused.pid, version: refused.version)
        case KEEPER_CHILD: self = .child(KeptChild(bytes, descriptors))
        case KEEPER_HELD:
            guard let descriptor = descriptors.first else { return nil }
            let tag = HoldTag(rawValue: bytes.load(as: keeper_tagged.self).tag)
            self = .held(HeldDescriptor(tag: tag, descriptor: descriptor))
        case KEEPER_END: self = .end
        case KEEPER_SPAWNED:
            let spawned = bytes.load(as: keeper_spawned.self)
            if spawned.error == 0, let pidfd = descriptors.first {
                self = .spawned(token: head.token, Launched(pid: spawned.pid, pidfd: pidfd))
            } else {
                self = .notSpawned(token: head.token, errno: spawned.error, SpawnStage(keeper_stage(spawned.stage)))
            }
        case KEEPER_COLLECTED, KEEPER_REAPED:
            let outcome = bytes.load(as: keeper_collected.self).outcome
            self = .collected(token: head.token, Ending(outcome, bytes, MemoryLayout<keeper_collected>.size))
        case KEEPER_DONE:
            self = .done(token: head.token, errno: bytes.load(as: keeper_done.self).error)
        default: return nil
        }
    }
}

extension Ending {
    /// - Parameter offset: Where the text of `/proc/PID/stat` stands.
    fileprivate init(_ outcome: keeper_outcome, _ bytes: UnsafeRawBufferPointer, _ offset: Int) {
        self.init(
            status: WaitStatus(raw: outcome.status), usage: ResourceUsage(outcome.usage),
            stat: Array(bytes[offset..<(offset + Int(outcome.stat_length))]),
            seen: (
                WallTime(nanoseconds: outcome.realtime_ns), Instant(nanoseconds: UInt64(max(0, outcome.monotonic_ns)))
            ))
    }
}

/// How a keeper greets its agent.
struct KeeperWelcome {
    let pid: pid_t
    /// How many children follow.
    let children: Int
    /// What the former agent has left.
    let ledger: SharedFD?
}

/// A process that a keeper hands over.
struct KeptChild {
    enum State {
        /// Or a zombie that nobody has looked at.
        case running(pidfd: SharedFD)
        case ended(Ending, isReaped: Bool)
    }

    let child: Child
    let state: State
    var held: [HoldTag: SharedFD] = [:]

    fileprivate init(_ bytes: UnsafeRawBufferPointer, _ descriptors: [SharedFD]) {
        let message = bytes.load(as: keeper_child.self)
        child = Child(token: message.head.token, pid: message.pid)
        if keeper_state(message.state) == KEEPER_RUNNING, let pidfd = descriptors.first {
            state = .running(pidfd: pidfd)
        } else {
            state = .ended(
                Ending(message.outcome, bytes, MemoryLayout<keeper_child>.size),
                isReaped: keeper_state(message.state) == KEEPER_ENDED)
        }
    }
}

extension SpawnStage {
    fileprivate init(_ stage: keeper_stage) {
        switch stage {
        case KEEPER_STAGE_CLONE: self = .clone
        case KEEPER_STAGE_SETUP: self = .setUp
        case KEEPER_STAGE_EXEC: self = .exec
        default: self = .request
        }
    }
}
