internal import CKeeper
internal import Glibc
internal import ProcCore
internal import ProcIO

/// What the keeper says.
enum KeeperAnswer {
    case welcome(KeeperWelcome)
    case refused(errno: CInt, pid: pid_t, version: UInt32)
    case child(KeptChild)
    case held(token: UInt64, [HoldTag: SharedFD])
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
            let held = bytes.load(as: keeper_held.self)
            let tags = Self.tags(bytes, at: MemoryLayout<keeper_held>.size, Int(held.tag_count))
            self = .held(token: head.token, Self.named(descriptors[...], tags))
        case KEEPER_END: self = .end
        case KEEPER_SPAWNED:
            let spawned = bytes.load(as: keeper_spawned.self)
            if spawned.error == 0, let pidfd = descriptors.first {
                self = .spawned(token: head.token, Launched(pid: spawned.pid, pidfd: pidfd))
            } else {
                self = .notSpawned(token: head.token, errno: spawned.error, SpawnStage(keeper_stage(spawned.stage)))
            }
        case KEEPER_COLLECTED, KEEPER_REAPED:
            let collected = bytes.load(as: keeper_collected.self)
            self = .collected(
                token: head.token,
                Ending(
                    status: WaitStatus(raw: collected.status), usage: ResourceUsage(collected.usage),
                    stat: Self.text(bytes, at: MemoryLayout<keeper_collected>.size, collected.stat_length)))
        case KEEPER_DONE:
            self = .done(token: head.token, errno: bytes.load(as: keeper_done.self).error)
        default: return nil
        }
    }

    fileprivate static func tags(_ bytes: UnsafeRawBufferPointer, at offset: Int, _ count: Int) -> [HoldTag] {
        (0..<count).map { HoldTag(rawValue: bytes.loadUnaligned(fromByteOffset: offset + 4 * $0, as: UInt32.self)) }
    }

    fileprivate static func named(_ descriptors: ArraySlice<SharedFD>, _ tags: [HoldTag]) -> [HoldTag: SharedFD] {
        Dictionary(zip(tags, descriptors)) { former, _ in former }
    }

    fileprivate static func text(_ bytes: UnsafeRawBufferPointer, at offset: Int, _ count: UInt32) -> [UInt8] {
        Array(bytes[offset..<(offset + Int(count))])
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
    var held: [HoldTag: SharedFD]

    fileprivate init(_ bytes: UnsafeRawBufferPointer, _ descriptors: [SharedFD]) {
        let message = bytes.load(as: keeper_child.self)
        child = Child(token: message.head.token, pid: message.pid)
        var descriptors = descriptors[...]
        let pidfd = keeper_state(message.state) == KEEPER_ENDED ? nil : descriptors.popFirst()
        let tags = KeeperAnswer.tags(bytes, at: MemoryLayout<keeper_child>.size, Int(message.tag_count))
        held = KeeperAnswer.named(descriptors, tags)
        if keeper_state(message.state) == KEEPER_RUNNING, let pidfd {
            state = .running(pidfd: pidfd)
        } else {
            let offset = MemoryLayout<keeper_child>.size + 4 * Int(message.tag_count)
            state = .ended(
                Ending(
                    status: WaitStatus(raw: message.status), usage: ResourceUsage(message.usage),
                    stat: KeeperAnswer.text(bytes, at: offset, message.stat_length)),
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
