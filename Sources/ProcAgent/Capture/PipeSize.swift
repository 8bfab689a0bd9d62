internal import ProcCore
internal import ProcIO

/// How large the pipe of a capture is, of which few may be large at a time.
struct PipeSize {
    private enum Size {
        case usual, large
        /// The kernel doesn't let this user have more.
        case refused
    }

    private var size = Size.usual
    private let factory: CaptureFactory

    /// - Parameter capacity: Of a pipe that was made, and maybe enlarged, by a program before this one.
    init(_ factory: CaptureFactory, restoring capacity: Int = 0) {
        self.factory = factory
        guard capacity >= CaptureFactory.largePipe else { return }
        size = factory.takeLargePipe() == nil ? .refused : .large
    }

    /// Gives the pipe that was found full a large size, if it may have it.
    mutating func enlarge(_ drain: inout PipeDrain) {
        guard case .usual = size, let count = factory.takeLargePipe() else { return }
        guard !drain.enlarge(to: count) else {
            size = .large
            return
        }
        factory.giveLargePipe()
        size = .refused
    }

    /// The pipe is gone, so that another may be large.
    mutating func giveBack() {
        if case .large = size { factory.giveLargePipe() }
        size = .usual
    }
}
