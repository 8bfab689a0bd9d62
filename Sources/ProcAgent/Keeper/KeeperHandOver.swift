internal import CKeeper
internal import CLinux
internal import Glibc
internal import ProcCore
internal import ProcIO

/// All that a keeper has for a new agent.
struct KeeperHandOver {
    let welcome: KeeperWelcome
    var children: [KeptChild] = []

    /// How long the keeper may take for one message.
    private static let patience = Interval.seconds(5)

    /// Says HELLO and takes what comes, up to END. It is waited for, since nothing else can be done before: 64 ms for
    /// ten thousand processes.
    static func take(from socket: KeeperSocket, umask: UInt32, directory: SharedFD?) throws(KeeperError)
        -> KeeperHandOver
    {
        let sent = socket.send(.hello(umask: umask, directory: directory))
        guard sent == 0 else { throw .lost(SystemError("sendmsg", errno: -sent).description) }
        var handOver: KeeperHandOver?
        while true {
            switch socket.receive(until: .now + patience) {
            case .nothing: throw .silent(patience)
            case .end(let reason): throw .lost(reason)
            case .answer(.refused(EBUSY, let pid, _)): throw .busy(pid: pid)
            case .answer(.refused(EPROTONOSUPPORT, _, let version)):
                throw .version(theirs: Int(version), ours: Int(KEEPER_VERSION))
            case .answer(.refused(let errno, _, _)): throw .refused(SystemError.reason(of: errno))
            case .answer(.welcome(let welcome)):
                handOver = KeeperHandOver(welcome: welcome)
                handOver?.children.reserveCapacity(welcome.children)
            case .answer(.child(let child)): handOver?.children.append(child)
            case .answer(.held(let held)):
                if let last = handOver?.children.indices.last {
                    handOver?.children[last].held[held.tag] = held.descriptor
                }
            case .answer(.end): if let handOver { return handOver }
            // What the agent before us has asked for.
            case .answer(.spawned), .answer(.notSpawned), .answer(.collected), .answer(.done): break
            }
        }
    }
}

/// Why there is no keeper to be had: a clause for people.
enum KeeperError: Error, CustomStringConvertible {
    case lost(String)
    case silent(Interval)
    case busy(pid: pid_t)
    case version(theirs: Int, ours: Int)
    case refused(String)

    var description: String {
        switch self {
        case .lost(let reason): "the connection to the keeper is lost: \(reason)"
        case .silent(let interval): "the keeper has said nothing for \(interval.shortText)"
        case .busy(let pid): "the keeper serves another agent, with pid \(pid)"
        case .version(let theirs, let ours):
            "the keeper speaks version \(theirs), and this procstar version \(ours): they may be one apart; "
                + "let its processes end under the former procstar first"
        case .refused(let reason): "the keeper refuses to serve: \(reason)"
        }
    }
}
