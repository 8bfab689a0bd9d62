internal import CLinux
internal import Glibc
internal import ProcCore

/// The connections of a server, and what they share.
final class HTTPGuests {
    let loop: EventLoop
    let files: Worker
    let settings: HTTPServer.Settings
    let conversation: HTTPConversation.Settings
    let scratch = ByteStream.Scratch()
    let notice: (HTTPServer.Notice) -> Void
    let handler: HTTPServer.Handler
    /// Called when no other connection should come in, and when one may again.
    var isFull: () -> Void = {}
    var hasRoom: () -> Void = {}

    private var connections: [ObjectIdentifier: HTTPConnection] = [:]
    /// Of them, those that are only told that there are too many.
    private var refused = 0
    private var isCrowded = false
    private var isPaused = false
    private var isDraining = false
    private var finished: (() -> Void)?
    private var grace: EventLoop.TimerID?

    init(
        _ loop: EventLoop, _ files: Worker, _ settings: HTTPServer.Settings,
        _ notice: @escaping (HTTPServer.Notice) -> Void, _ handler: @escaping HTTPServer.Handler
    ) {
        self.loop = loop
        self.files = files
        self.settings = settings
        conversation = settings.conversation
        self.notice = notice
        self.handler = handler
    }

    var count: Int { connections.count }

    /// Rewrites the date where a second has begun.
    func updateDate() {
        let wall = clinux_clock_ns(CLOCK_REALTIME)
        let second = wall / 1_000_000_000
        guard second != conversation.date.second else { return }
        conversation.date.second = second
        conversation.date.text = Array(WallTime(nanoseconds: wall).httpDate.utf8)
    }

    func welcome(_ descriptor: consuming OwnedFD, _ peer: HTTPPeer, _ tls: TLSContext?) {
        let isRefused = connections.count - refused >= settings.connectionLimit
        if isRefused, !isCrowded {
            isCrowded = true
            notice(.crowded(connections: settings.connectionLimit))
        }
        do {
            let session = try tls.map { try TLSSession($0) }
            let connection = try HTTPConnection(descriptor, self, peer, session, isRefused: isRefused)
            connections[ObjectIdentifier(connection)] = connection
            if isRefused { refused += 1 }
            if isDraining { connection.drain() }
        } catch {
            // No memory, or the kernel's limit of watched descriptors: the client sees the connection close.
            notice(.cannotAccept(error as? SystemError ?? SystemError("begin TLS for", on: "\(peer)", errno: ENOMEM)))
        }
        guard refused >= settings.refusalLimit else { return }
        isPaused = true
        isFull()
    }

    func farewell(_ connection: HTTPConnection) {
        guard connections.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
        if connection.isRefused { refused -= 1 }
        if connections.count - refused < settings.connectionLimit { isCrowded = false }
        if isPaused, refused < settings.refusalLimit {
            isPaused = false
            hasRoom()
        }
        if connections.isEmpty { reportFinish() }
    }

    func finish(within interval: Interval, then: @escaping () -> Void) {
        isDraining = true
        finished = then
        for connection in Array(connections.values) { connection.drain() }
        grace = loop.at(loop.now + interval) { [weak self] in
            self?.grace = nil
            self?.cutAll()
        }
        if connections.isEmpty { reportFinish() }
    }

    private func reportFinish() {
        guard let then = finished else { return }
        finished = nil
        cancelGrace()
        loop.soon(then)
    }

    func close() {
        finished = nil
        cancelGrace()
        cutAll()
    }

    private func cancelGrace() {
        if let grace { loop.cancel(grace) }
        grace = nil
    }

    private func cutAll() {
        for connection in Array(connections.values) { connection.cut() }
    }
}
