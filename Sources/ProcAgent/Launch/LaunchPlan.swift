internal import CLinux
internal import ProcCore
internal import ProcIO

/// Everything a process starts with: plain data, and descriptors that someone holds.
///
/// So it can be carried out here, or handed to another program that does.
struct LaunchPlan: Sendable {
    /// The process's own name among all that the agent has ever started.
    var token: UInt64 = 0
    /// The file to execute; a relative path starts at ``directory``.
    let executable: String
    let argv: CStringBlock
    let environment: CStringBlock
    /// By the child's number: where its descriptor comes from. All others are closed.
    let descriptors: [CInt: DescriptorSource]
    /// The child's working directory; nil: procstar's.
    let directory: SharedFD?
    /// What a parent that outlives us is to hold for whoever comes after us.
    var held: [HeldDescriptor] = []
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

/// A descriptor that is held for a process, and what it is known by.
struct HeldDescriptor: Sendable {
    let tag: HoldTag
    let descriptor: SharedFD
}
