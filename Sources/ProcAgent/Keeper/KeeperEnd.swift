internal import ProcCore
internal import ProcIO

/// Waits for the end of a keeper, whose connection has ended.
final class KeeperEnd {
    private let pidfd: SharedFD
    private let patience: Interval
    private let loop: EventLoop
    private var then: ((Bool) -> Void)?
    private var watch: EventLoop.Token?
    private var timer: EventLoop.TimerID?

    /// - Parameter then: Called once, with whether it has ended.
    init(_ pidfd: SharedFD, within patience: Interval, loop: EventLoop, then: @escaping (Bool) -> Void) {
        self.pidfd = pidfd
        self.patience = patience
        self.loop = loop
        self.then = then
    }

    /// The loop holds it until it is over.
    func begin() {
        timer = loop.at(loop.now + patience) { [self] in finish(false) }
        watch = try? loop.watch(pidfd.rawValue, for: .readable) { [self] _ in finish(true) }
    }

    private func finish(_ hasEnded: Bool) {
        if let watch { loop.unwatch(watch) }
        if let timer { loop.cancel(timer) }
        (watch, timer) = (nil, nil)
        let then = then
        self.then = nil
        then?(hasEnded)
    }
}
