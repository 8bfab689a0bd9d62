internal import CLinux
internal import Glibc
package import ProcCore
package import ProcIO

extension KeeperProgram {
    /// Starts a keeper, in a session of its own, and calls `then` when it is ready, or has ended, or takes too long.
    /// What it is asked before, it answers then.
    ///
    /// Its limits are those that this program was started with: it and its children have what the user wants.
    ///
    /// - Parameters:
    ///   - socket: Where it listens.
    ///   - keep: How long it waits for an agent when nothing runs. It counts in seconds, so it is rounded up.
    ///   - patience: How long it may take. A lock that another keeper is just giving up takes it a second.
    ///   - then: A keeper that has died without a word may count as ready: its pidfd tells.
    package func start(
        listeningAt socket: String, keep: Interval, inheritance: Inheritance, loop: EventLoop,
        patience: Interval = .seconds(10), then: @escaping (Result<StartedKeeper, KeeperStartFailure>) -> Void
    ) {
        do {
            let complaints = try OutputPipe()
            let (ours, theirs) = try Self.pair()
            let null = SharedFD(
                try OwnedFD(result: clinux_open(clinux_at_cwd, "/dev/null", O_RDWR, 0), "open", on: "/dev/null"))
            let seconds = (keep.nanoseconds + 999_999_999) / 1_000_000_000
            let plan = LaunchPlan(
                executable: path,
                argv: CStringBlock([path, "--fd", "3", "--listen", socket, "--keep", "\(seconds)"]),
                environment: CStringBlock(inheritance.environment),
                descriptors: [
                    0: .opened(null), 1: .opened(null), 2: .opened(complaints.takeWriter()), 3: .opened(theirs),
                ],
                directory: nil)
            let parent = OwnParent(fileLimit: max(inheritance.fileLimit, Self.leastFileLimit))
            parent.launch(plan) { [path] result in
                switch result {
                case .success(let launched):
                    let keeper = StartedKeeper(pid: launched.pid, pidfd: launched.pidfd, connection: ours)
                    KeeperStart(keeper, path: path, complaints: complaints, loop: loop, then: then)
                        .begin(patience)
                case .failure(let failure): then(.failure(.failed(failure.description)))
                }
            }
        } catch {
            then(.failure(.failed("start \(path): \(error)")))
        }
    }

    /// Room for what it is started with; it raises its limit itself.
    private static let leastFileLimit = 16

    private static func pair() throws(SystemError) -> (SharedFD, SharedFD) {
        var (first, second): (CInt, CInt) = (-1, -1)
        let result = clinux_packet_pair(&first, &second)
        guard result == 0 else { throw SystemError("socketpair", errno: -result) }
        return (SharedFD(OwnedFD(adopting: first)), SharedFD(OwnedFD(adopting: second)))
    }
}

/// A keeper that has been started and isn't ready yet. It complains on standard error, and closes that when it is.
private final class KeeperStart {
    /// How long its end may come after that of its standard error, which the kernel closes first.
    private static let grace = Interval.milliseconds(500)
    /// The exit status that says that there is another one.
    private static let taken: CInt = 3

    private let keeper: StartedKeeper
    private let path: String
    private let complaints: OutputPipe
    private let loop: EventLoop
    private var then: ((Result<StartedKeeper, KeeperStartFailure>) -> Void)?
    private var watches: [EventLoop.Token] = []
    private var timer: EventLoop.TimerID?

    init(
        _ keeper: StartedKeeper, path: String, complaints: OutputPipe, loop: EventLoop,
        then: @escaping (Result<StartedKeeper, KeeperStartFailure>) -> Void
    ) {
        self.keeper = keeper
        self.path = path
        self.complaints = complaints
        self.loop = loop
        self.then = then
    }

    func begin(_ patience: Interval) {
        do {
            watches.append(try loop.watch(complaints.descriptor, for: .readable) { [self] _ in complained() })
            watches.append(try loop.watch(keeper.pidfd.rawValue, for: .readable) { [self] _ in ended() })
            wait(patience) { [self] in giveUp("not ready within \(patience.shortText)") }
        } catch {
            giveUp("\(error)")
        }
    }

    private func wait(_ interval: Interval, then action: @escaping () -> Void) {
        if let timer { loop.cancel(timer) }
        timer = loop.at(loop.now + interval, action)
    }

    private func complained() {
        complaints.readAll()
        guard complaints.hasEnded else { return }
        if complaints.text.isEmpty { return finish(.success(keeper)) }
        // It is about to end, and its exit status says what it is that it complains about; or else it goes on.
        loop.unwatch(watches.removeFirst())
        wait(Self.grace) { [self] in finish(.success(keeper)) }
    }

    private func ended() {
        complaints.readAll()
        var status: CInt = 0
        var usage = rusage()
        // Who else reaps it here knows nothing of it, and its status is lost.
        let isReaped = clinux_reap(keeper.pid, &status, &usage) == keeper.pid
        let isTaken = isReaped && clinux_exited(status) && clinux_exit_status(status) == Self.taken
        let text = reason ?? "\(path): it ended at once"
        finish(.failure(isTaken ? .taken(text) : .failed(text)))
    }

    private func giveUp(_ why: String) {
        clinux_pidfd_send_signal(keeper.pidfd.rawValue, SIGKILL)
        finish(.failure(.failed(reason ?? "\(path): \(why)")))
    }

    /// What it has said.
    private var reason: String? {
        let lines = complaints.text.split(whereSeparator: \.isNewline)
        return lines.isEmpty ? nil : lines.joined(separator: "; ")
    }

    private func finish(_ result: Result<StartedKeeper, KeeperStartFailure>) {
        if let timer { loop.cancel(timer) }
        for watch in watches { loop.unwatch(watch) }
        // What they hold is this object.
        (timer, watches) = (nil, [])
        let then = then
        self.then = nil
        then?(result)
    }
}
