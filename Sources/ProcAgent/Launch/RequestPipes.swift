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
    typealias End = StartRequest.Pipe.End

    /// Which end of a pipe a process has.
    enum Role {
        case reader, writer

        var partner: Role { self == .reader ? .writer : .reader }
    }

    private enum State {
        /// Its process hasn't come for it.
        case awaited
        case made(SharedFD)
        /// Its process holds it until it is started.
        case taken(SharedFD)
        case dropped
    }

    private struct Side {
        var state = State.awaited
        var whenDropped: (() -> Void)?
    }

    private final class Joint {
        var isMade = false
        private var reader = Side()
        private var writer = Side()

        subscript(role: Role) -> Side {
            get { role == .reader ? reader : writer }
            set { if role == .reader { reader = newValue } else { writer = newValue } }
        }
    }

    private let budget: DescriptorBudget
    private var joints: [End: Joint] = [:]

    init(_ pipes: [StartRequest.Pipe], budget: DescriptorBudget) {
        self.budget = budget
        for pipe in pipes {
            let joint = Joint()
            joints[pipe.writer] = joint
            joints[pipe.reader] = joint
        }
    }

    /// A process comes for its end.
    func take(_ role: Role, _ end: End) throws(SystemError) -> SharedFD {
        let joint = joint(end)
        if !joint.isMade { try make(joint) }
        guard case .made(let descriptor) = joint[role].state else {
            preconditionFailure("a pipe's end was taken twice")
        }
        joint[role].state = .taken(descriptor)
        return descriptor
    }

    /// The process has been started, or will not be: it needs its end here no more.
    func drop(_ role: Role, _ end: End) {
        let joint = joint(end)
        switch joint[role].state {
        case .made, .taken: budget.give(1)
        case .awaited, .dropped: break
        }
        joint[role].state = .dropped
        let whenDropped = joint[role].whenDropped
        joint[role].whenDropped = nil
        whenDropped?()
    }

    /// The end at the other side, as long as its process hasn't been started.
    func awaitedPartner(of role: Role, _ end: End) -> SharedFD? {
        switch joint(end)[role.partner].state {
        case .made(let descriptor), .taken(let descriptor): descriptor
        case .awaited, .dropped: nil
        }
    }

    /// Calls `then` when the process at the other side needs its end here no more, maybe at once.
    func whenPartnerDrops(of role: Role, _ end: End, _ then: @escaping () -> Void) {
        let joint = joint(end)
        if case .dropped = joint[role.partner].state { then() } else { joint[role.partner].whenDropped = then }
    }

    /// The pipe has been made before, and its other end is a running process's or gone.
    func restore(_ role: Role, _ end: End, _ descriptor: SharedFD) {
        let joint = joint(end)
        guard budget.take(1) else { return }
        joint.isMade = true
        joint[role].state = .made(descriptor)
        joint[role.partner].state = .dropped
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
        fill(.reader, of: joint, with: SharedFD(OwnedFD(adopting: reading)))
        fill(.writer, of: joint, with: SharedFD(OwnedFD(adopting: writing)))
    }

    /// An end whose process is out of the game already is closed at once.
    private func fill(_ role: Role, of joint: Joint, with descriptor: SharedFD) {
        if case .awaited = joint[role].state { joint[role].state = .made(descriptor) } else { budget.give(1) }
    }

    private func joint(_ end: End) -> Joint {
        guard let joint = joints[end] else { preconditionFailure("an end without a pipe in a checked request") }
        return joint
    }
}
