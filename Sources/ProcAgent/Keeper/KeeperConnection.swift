internal import CLinux
internal import Glibc
internal import ProcCore
internal import ProcIO

/// The connection to a keeper, on the loop: requests go out in order, and each has its answer.
final class KeeperConnection {
    typealias Answered = (KeeperAnswer?) -> Void

    private struct Request {
        let packet: KeeperPacket
        let whenSent: () -> Void
        let answered: Answered
    }

    /// Messages that are read in one turn.
    private static let receptionsPerTurn = 64
    /// Until the kernel may have memory for what it could not send.
    private static let shortageDistance = Interval.milliseconds(10)

    private let loop: EventLoop
    private let socket: KeeperSocket
    private var watch: EventLoop.Token?
    private var unsent = Queue<Request>()
    private var awaited = Queue<Answered>()
    /// The socket takes no more for now.
    private var isFull = false
    private var isOver = false

    /// Called once, when the connection has ended; all requests that were under way have been answered with nil.
    var onEnd: (String) -> Void = { _ in }

    init(_ socket: KeeperSocket, loop: EventLoop) throws(SystemError) {
        self.loop = loop
        self.socket = socket
        watch = try loop.watch(socket.descriptor.rawValue, for: .readable) { [unowned self] in turn($0) }
    }

    /// - Parameters:
    ///   - whenSent: Called when the keeper will get it, whatever becomes of us.
    ///   - answered: Called with the answer, or with nil when there will be none.
    func send(_ packet: KeeperPacket, whenSent: @escaping () -> Void = {}, answered: @escaping Answered) {
        guard !isOver else {
            whenSent()
            return answered(nil)
        }
        unsent.append(Request(packet: packet, whenSent: whenSent, answered: answered))
        if unsent.count == 1 { sendWaiting() }
    }

    /// Sends what can be answered in one way only.
    func send(_ packet: KeeperPacket, whenSent: @escaping () -> Void = {}) {
        send(packet, whenSent: whenSent) { _ in }
    }

    private func sendWaiting() {
        while !isOver, let request = unsent.first {
            let result = socket.send(request.packet)
            switch -result {
            case 0:
                unsent.removeFirst()
                awaited.append(request.answered)
                request.whenSent()
            case EAGAIN: return note(isFull: true)
            case ETOOMANYREFS, ENOBUFS, ENOMEM:
                loop.at(loop.now + Self.shortageDistance) { [weak self] in self?.sendWaiting() }
                return
            default:
                // Its answers may still be there to be read, and then the end.
                return
            }
        }
        note(isFull: false)
    }

    private func note(isFull: Bool) {
        guard isFull != self.isFull else { return }
        self.isFull = isFull
        if let watch { loop.change(watch, to: isFull ? [.readable, .writable] : .readable) }
    }

    private func turn(_ readiness: EventLoop.Readiness) {
        for _ in 0..<Self.receptionsPerTurn {
            guard !isOver else { return }
            switch socket.receive() {
            case .nothing:
                if readiness.contains(.writable) { sendWaiting() }
                return
            case .end(let reason): return end(reason)
            case .answer(let answer):
                guard let answered = awaited.popFirst() else { return end("it has answered what nobody asked") }
                answered(answer)
            }
        }
        if readiness.contains(.writable) { sendWaiting() }
    }

    private func end(_ reason: String) {
        isOver = true
        if let watch { loop.unwatch(watch) }
        watch = nil
        while let answered = awaited.popFirst() { answered(nil) }
        while let request = unsent.popFirst() {
            request.whenSent()
            request.answered(nil)
        }
        onEnd(reason)
    }
}
