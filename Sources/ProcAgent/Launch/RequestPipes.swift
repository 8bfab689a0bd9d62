internal import CLinux
internal import ProcCore
internal import ProcIO

/// The pipes between the processes of one request, made when the first end is wanted.
///
/// An end is handed out once. One that will not be wanted is dropped, so that the
/// process at the other end sees end of file or a broken pipe, as if its partner
/// had ended at once.
final class RequestPipes {
    private enum End {
        /// Its process hasn't come for it.
        case awaited
        case made(SharedFD)
        /// Handed out or dropped.
        case gone

        /// Makes an end that is still awaited.
        mutating func fill(_ descriptor: SharedFD) {
            if case .awaited = self { self = .made(descriptor) }
        }

        mutating func take() -> SharedFD {
            guard case .made(let descriptor) = self else { preconditionFailure("a pipe's end was taken twice") }
            self = .gone
            return descriptor
        }
    }

    private final class Joint {
        var isMade = false
        var reader = End.awaited
        var writer = End.awaited

        func make() throws(SystemError) {
            guard !isMade else { return }
            var reading: CInt = -1
            var writing: CInt = -1
            let result = clinux_pipe(&reading, &writing)
            guard result == 0 else { throw SystemError("pipe", errno: -result) }
            isMade = true
            reader.fill(SharedFD(OwnedFD(adopting: reading)))
            writer.fill(SharedFD(OwnedFD(adopting: writing)))
        }
    }

    private var joints: [StartRequest.Pipe.End: Joint] = [:]

    init(_ pipes: [StartRequest.Pipe]) {
        for pipe in pipes {
            let joint = Joint()
            joints[pipe.writer] = joint
            joints[pipe.reader] = joint
        }
    }

    func takeWriter(_ end: StartRequest.Pipe.End) throws(SystemError) -> SharedFD {
        let joint = joint(end)
        try joint.make()
        return joint.writer.take()
    }

    func takeReader(_ end: StartRequest.Pipe.End) throws(SystemError) -> SharedFD {
        let joint = joint(end)
        try joint.make()
        return joint.reader.take()
    }

    func dropWriter(_ end: StartRequest.Pipe.End) { joint(end).writer = .gone }
    func dropReader(_ end: StartRequest.Pipe.End) { joint(end).reader = .gone }

    private func joint(_ end: StartRequest.Pipe.End) -> Joint {
        guard let joint = joints[end] else { preconditionFailure("an end without a pipe in a checked request") }
        return joint
    }
}
