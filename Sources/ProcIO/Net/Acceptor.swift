internal import CLinux
internal import Glibc
internal import ProcCore

/// What the loop calls for a socket that listens. Apart from ``Listener`` and ``UnixListener``, which their owners may
/// drop in the midst of a callback.
final class Acceptor {
    private let name: String
    var isPaused = false { didSet { updateInterest() } }

    private let loop: EventLoop
    private let settings: Listener.Settings
    private let accepted: (consuming OwnedFD, sockaddr_storage) -> Void
    private let trouble: (SystemError) -> Void
    /// Nil when closed.
    private var descriptor: OwnedFD?
    private var token: EventLoop.Token?
    /// Runs while nothing is accepted for lack of descriptors or memory.
    private var respite: EventLoop.TimerID?
    private var quietUntil: Instant?

    /// - Parameters:
    ///   - descriptor: Of a socket that listens, and doesn't block.
    ///   - name: Where it listens, for messages.
    init(
        _ descriptor: consuming OwnedFD, _ name: String, _ loop: EventLoop, _ settings: Listener.Settings,
        _ trouble: @escaping (SystemError) -> Void,
        _ accepted: @escaping (consuming OwnedFD, sockaddr_storage) -> Void
    ) throws(SystemError) {
        self.name = name
        self.loop = loop
        self.settings = settings
        self.trouble = trouble
        self.accepted = accepted
        token = try loop.watch(descriptor.rawValue, for: .readable) { [unowned self] _ in acceptSome() }
        self.descriptor = consume descriptor
    }

    var isOpen: Bool { descriptor != nil }

    func close() {
        if let respite { loop.cancel(respite) }
        respite = nil
        if let token { loop.unwatch(token) }
        token = nil
        descriptor = nil
    }

    private func updateInterest() {
        guard let token else { return }
        loop.change(token, to: isPaused || respite != nil ? [] : .readable)
    }

    private func acceptSome() {
        for _ in 0..<settings.acceptsPerTurn {
            // The callback may have paused or closed it.
            guard !isPaused, let number = descriptor?.rawValue else { return }
            var peer = sockaddr_storage()
            let result = clinux_accept(number, &peer)
            guard result < 0 else {
                accepted(OwnedFD(adopting: result), peer)
                continue
            }
            switch AcceptFailure(errno: -result) {
            case .nobody: return
            case .oneLost: continue
            case .exhausted: return rest(because: -result)
            }
        }
    }

    /// The connection still waits, and the loop would call again at once.
    private func rest(because errno: CInt) {
        respite = loop.at(loop.now + settings.respite) { [unowned self] in
            respite = nil
            updateInterest()
        }
        updateInterest()
        if let quietUntil, loop.now < quietUntil { return }
        quietUntil = loop.now + settings.reportInterval
        trouble(SystemError("accept on", on: name, errno: errno))
    }
}
