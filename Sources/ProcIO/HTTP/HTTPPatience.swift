internal import ProcCore

/// How long a connection may take over what it is waited for.
///
/// One timer, which is moved when it goes off and not before, unless it has to come earlier: a busy connection would
/// otherwise set and cancel several for each request.
struct HTTPPatience {
    /// What is waited for.
    enum Wait {
        /// The first byte of a request.
        case request
        /// The rest of its head.
        case head
        /// More of its body.
        case body
        /// The handler, who takes the time it takes.
        case answer
        /// The client to take some of the response.
        case room
        /// The client to close.
        case close
    }

    /// What to do when a time is up.
    enum Verdict {
        /// It isn't.
        case goesOn
        /// The connection ends without a word: nothing is under way.
        case ends
        /// The client is told.
        case tells(reason: String)
        case breaks
    }

    private let timeouts: HTTPServer.Settings.Timeouts
    private var wait = Wait.head
    /// When it began, or when something came of it last.
    private var since: Instant
    /// Whether the first request is still to come: with TLS and all, it has the time of a head.
    private var isFirst = true
    /// How far the client had come with the response.
    private var standing: [UInt64] = []
    private var timer: EventLoop.TimerID?
    private var timerAt = Instant(nanoseconds: .max)

    init(_ timeouts: HTTPServer.Settings.Timeouts, at now: Instant) {
        self.timeouts = timeouts
        since = now
    }

    /// A request has come, and is in other hands.
    mutating func answers(at now: Instant) {
        isFirst = false
        wait = .answer
        since = now
    }

    /// Something of a body has come, or is wanted from now on.
    mutating func progressed(at now: Instant) { since = now }

    /// - Returns: When a timer has to be set, with ``set(_:at:)``.
    mutating func wait(for wait: Wait, on loop: EventLoop) -> Instant? {
        let wait = wait == .request && isFirst ? .head : wait
        if wait != self.wait {
            self.wait = wait
            since = loop.now
        }
        guard let due = deadline, due < timerAt else { return nil }
        cancel(on: loop)
        return due
    }

    mutating func set(_ timer: EventLoop.TimerID, at due: Instant) {
        self.timer = timer
        timerAt = due
    }

    mutating func cancel(on loop: EventLoop) {
        if let timer { loop.cancel(timer) }
        timer = nil
        timerAt = Instant(nanoseconds: .max)
    }

    private var deadline: Instant? { limit.map { since + $0 } }

    private var limit: Interval? {
        switch wait {
        case .request: timeouts.idle
        case .head: timeouts.head
        case .body: timeouts.body
        case .answer: nil
        case .room: timeouts.write
        case .close: timeouts.linger
        }
    }

    /// The timer has gone off.
    mutating func judge(at now: Instant, hasInput: Bool, standing current: () -> [UInt64]) -> Verdict {
        timer = nil
        timerAt = Instant(nanoseconds: .max)
        guard let due = deadline, due <= now else { return .goesOn }
        switch wait {
        case .answer: return .goesOn
        case .request: return .ends
        case .head:
            // Whoever has said nothing at all needs no answer.
            guard hasInput else { return .ends }
            return .tells(reason: "the request's head did not come within \(timeouts.head.shortText)")
        case .body: return .tells(reason: "nothing of the request's body came for \(timeouts.body.shortText)")
        case .room:
            let before = standing
            standing = current()
            guard standing != before else { return .breaks }
            since = now
            return .goesOn
        case .close: return .breaks
        }
    }
}
