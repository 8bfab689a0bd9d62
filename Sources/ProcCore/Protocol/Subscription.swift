/// What a server that has subscribed to a process is still to be told.
///
/// Every byte goes out once and in order; at most a window's worth of them is unacknowledged; and the result that says
/// how the process ended comes behind all the output that it had then. It holds offsets only: the bytes stay in the
/// captures, and a lost connection takes nothing with it but this.
///
/// Told what has happened, it has something for ``next(at:largest:)``, which is asked for one thing at a time, whenever
/// the connection has room.
package struct Subscription: Equatable, Sendable {
    /// How often captures in files are looked at, which tell nobody when they grow.
    package static let lookInterval = Interval.milliseconds(100)

    package enum Message: Equatable, Sendable {
        /// A ``OutputMessage`` with these bytes.
        case output(FdName, Range<UInt64>)
        /// A result of the process as it is now.
        case result
        /// The result at its end, marked as such; no other comes after it.
        case finalResult
    }

    private struct Stream: Equatable {
        let fd: FdName
        let window: UInt64
        /// All before this has been given out.
        var sent: UInt64
        /// All before this has arrived at the server.
        var acknowledged: UInt64
        /// What has been written.
        var length: UInt64
        /// What had been written when the process ended.
        var lengthAtEnd: UInt64?

        /// How much is sent now.
        ///
        /// Less than there is only if it is half a window at least, so that a server that acknowledges in small steps
        /// doesn't get its output in such (RFC 9293, section 3.8.6.2.1, has the same rule).
        var ready: UInt64 {
            let waiting = length - sent
            let room = window - (sent - acknowledged)
            return room >= waiting || room >= window - window / 2 ? min(waiting, room) : 0
        }
    }

    private enum Phase: Equatable {
        case running
        /// Its final result waits for output.
        case ended
        /// Its final result has been given out. Descendants may still write.
        case told
    }

    private var streams: [Stream]
    private var phase: Phase
    private let interval: Interval?
    /// When a result of the running process is due.
    private var resultDue: Instant?
    /// Where to look first for output, so that one fd can't keep the others waiting.
    private var turn = 0
    /// Whether the protocol's one unasked result at the end of a process is this subscription's to send.
    private let hasTakenFinalResult: Bool

    /// - Parameters:
    ///   - isRunning: Whether the process hasn't ended yet.
    ///   - owesFinalResult: That of the subscription which this one replaces.
    ///   - length: How much has been written to an fd; an error when that isn't captured.
    package init(
        _ terms: SubscriptionTerms, isRunning: Bool, owesFinalResult: Bool = false, at now: Instant,
        length: (FdName) throws(SpecError) -> UInt64
    ) throws(SpecError) {
        streams = []
        for output in terms.output {
            let length = try length(output.fd)
            let start = try OutputRange(start: output.start, stop: nil).resolved(length: length).lowerBound
            // What hasn't been written can't have been received: this isn't the output that the server takes it for.
            guard start <= length else {
                throw SpecError.verbatim("start beyond the end: \(start) of \(length) bytes")
            }
            streams.append(
                Stream(
                    fd: output.fd, window: output.window, sent: start, acknowledged: start, length: length,
                    lengthAtEnd: isRunning ? nil : length))
        }
        phase = isRunning ? .running : .ended
        interval = terms.interval
        resultDue = isRunning ? now : nil
        hasTakenFinalResult = isRunning || owesFinalResult
    }

    // MARK: - What has happened

    /// So much has been written to an fd. Less than before is ignored.
    package mutating func outputGrew(_ fd: FdName, to length: UInt64) {
        for index in streams.indices where streams[index].fd == fd {
            streams[index].length = max(streams[index].length, length)
        }
    }

    /// The process doesn't run any more, or never will. What it has written has been told before.
    package mutating func processEnded() {
        guard phase == .running else { return }
        phase = .ended
        resultDue = nil
        for index in streams.indices { streams[index].lengthAtEnd = streams[index].length }
    }

    /// An fd's output can't be read. Nothing of it comes any more, and nothing waits for it.
    package mutating func outputFailed(_ fd: FdName) { streams.removeAll { $0.fd == fd } }

    /// All output of `fd` before `offset` has arrived. What was acknowledged before stays so, whatever this says.
    package mutating func acknowledge(_ fd: FdName, to offset: UInt64) throws(SpecError) {
        guard let index = streams.firstIndex(where: { $0.fd == fd }) else {
            throw SpecError.verbatim("not subscribed: \(fd.spelling)")
        }
        guard offset <= streams[index].sent else {
            throw SpecError.verbatim("acknowledged \(offset) of \(streams[index].sent) bytes")
        }
        streams[index].acknowledged = max(streams[index].acknowledged, offset)
    }

    // MARK: - What is to be sent

    /// The next message, which counts as sent; nil when there is nothing to send now.
    ///
    /// - Parameter largest: The most bytes of output in one message; above 0.
    package mutating func next(at now: Instant, largest: UInt64) -> Message? {
        precondition(largest > 0)
        if let due = resultDue, due <= now {
            resultDue = interval.map { now + $0 }
            return .result
        }
        for step in streams.indices {
            let index = (turn + step) % streams.count
            let ready = min(streams[index].ready, largest)
            guard ready > 0 else { continue }
            let start = streams[index].sent
            streams[index].sent += ready
            turn = (index + 1) % streams.count
            return .output(streams[index].fd, start..<(start + ready))
        }
        guard phase == .ended, streams.allSatisfy({ $0.sent >= $0.lengthAtEnd ?? 0 }) else { return nil }
        phase = .told
        return .finalResult
    }

    /// When ``next(at:largest:)`` will have something although nothing happens; nil for never.
    package var wakeAt: Instant? { resultDue }

    /// Whether a server that gives the subscription up, or replaces it, has yet to get the one result that every
    /// process sends unasked when it has ended: this one held it back.
    package var owesFinalResult: Bool { phase == .ended && hasTakenFinalResult }
}
