internal import CLinux
internal import ProcCore
internal import ProcIO

/// Everything a process starts with: plain data, and descriptors that someone holds.
///
/// So it can be carried out here, or handed to another program that does.
struct LaunchPlan: Sendable {
    /// The file to execute; a relative path starts at ``directory``.
    let executable: String
    let argv: CStringBlock
    let environment: CStringBlock
    /// By the child's number: where its descriptor comes from. All others are closed.
    let descriptors: [CInt: DescriptorSource]
    /// The child's working directory; nil: procstar's.
    let directory: SharedFD?
}

/// Where a descriptor of a child comes from.
enum DescriptorSource: Sendable {
    /// procstar's own, of this number, since its start.
    case inherited(CInt)
    case opened(SharedFD)

    /// Its number in this process.
    var number: CInt {
        switch self {
        case .inherited(let number): number
        case .opened(let descriptor): descriptor.rawValue
        }
    }
}

/// A process that has been started.
struct Launched: Sendable {
    let pid: pid_t
    /// Readable when the process has ended (pidfd_open(2)).
    let pidfd: SharedFD
}

/// Starts processes.
protocol Launcher: AnyObject {
    /// Starts one; `then` is called once, perhaps before this returns.
    func launch(_ plan: LaunchPlan, then: @escaping (Result<Launched, StartFailure>) -> Void)
}
