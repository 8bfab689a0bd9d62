internal import CLinux
internal import Glibc
internal import ProcCore
internal import ProcIO

/// The pipes between the processes of one request, made when the first end is wanted.
///
/// An end is handed out once. One that will not be wanted is dropped, so that the
/// process at the other end sees end of file or a broken pipe, as if its partner
/// had ended at once.
///
/// Each end that is open here or in a launch counts in the budget of descriptors.
final class RequestPipes {
    private enum End {
        /// Its process hasn't come for it.
        case awaited
        case made(SharedFD)
        /// Its process holds it until it is started.
        case taken
        case dropped
    }

    private final class Joint {
        var isMade = false
        var reader = End.awaited
        var writer = End.awaited
    }

    private let budget: DescriptorBudget
    private var joints: [StartRequest.Pipe.End: Joint] = [:]

    init(_ pipes: [StartRequest.Pipe], budget: DescriptorBudget) {
        self.budget = budget
        for pipe in pipes {
            let joint = Joint()
            joints[pipe.writer] = joint
            joints[pipe.reader] = joint
        }
    }

    func takeWriter(_ end: StartRequest.Pipe.End) throws(SystemError) -> SharedFD {
        try take(\.writer, of: end)
    }

    func takeReader(_ end: StartRequest.Pipe.End) throws(SystemError) -> SharedFD {
        try take(\.reader, of: end)
    }

    /// The process has been started, or will not be: it needs its end here no more.
    func dropWriter(_ end: StartRequest.Pipe.End) { drop(\.writer, of: end) }
    func dropReader(_ end: StartRequest.Pipe.End) { drop(\.reader, of: end) }

    private func take(
        _ side: ReferenceWritableKeyPath<Joint, End>, of end: StartRequest.Pipe.End
    ) throws(SystemError) -> SharedFD {
        let joint = joint(end)
        if !joint.isMade { try make(joint) }
        guard case .made(let descriptor) = joint[keyPath: side] else {
            preconditionFailure("a pipe's end was taken twice")
        }
        joint[keyPath: side] = .taken
        return descriptor
    }

    private func make(_ joint: Joint) throws(SystemError) {
        guard budget.take(2) else { throw SystemError("pipe", errno: EMFILE) }
        var reading: CInt = -1
        var writing: CInt = -1
        let result = clinux_pipe(&reading, &writing)
        guard result == 0 else {
            budget.give(2)
            throw SystemError("pipe", errno: -result)
        }
        joint.isMade = true
        fill(&joint.reader, with: SharedFD(OwnedFD(adopting: reading)))
        fill(&joint.writer, with: SharedFD(OwnedFD(adopting: writing)))
    }

    /// An end whose process is out of the game already is closed at once.
    private func fill(_ end: inout End, with descriptor: SharedFD) {
        if case .awaited = end { end = .made(descriptor) } else { budget.give(1) }
    }

    private func drop(_ side: ReferenceWritableKeyPath<Joint, End>, of end: StartRequest.Pipe.End) {
        let joint = joint(end)
        switch joint[keyPath: side] {
        case .made, .taken: budget.give(1)
        case .awaited, .dropped: break
        }
        joint[keyPath: side] = .dropped
    }

    private func joint(_ end: StartRequest.Pipe.End) -> Joint {
        guard let joint = joints[end] else { preconditionFailure("an end without a pipe in a checked request") }
        return joint
    }
}
