package import ProcCore
internal import ProcIO

/// What can be read of a process's output at one moment.
package struct ReadableOutput: Sendable {
    package let snapshot: CaptureSnapshot
    package let encoding: CaptureSpec.Encoding?
    /// How many bytes of the snapshot stay as they are, whatever is written later.
    package let settledLength: UInt64
    /// Whether only some of it is kept.
    package let isLimited: Bool
}

// Captured output, as a whole and in part.
extension ProcessTable {
    package enum OutputRefusal: Error, Equatable, Sendable {
        case unknown
        /// Not in the spec.
        case noFd
        case notCaptured
        /// It could not be kept, or not be read back; a clause for people.
        case unreadable(String)
    }

    /// What has been written to `fd` so far. Of a process that isn't started yet, or never was, that is nothing.
    package func output(of id: String, fd: CInt) throws(OutputRefusal) -> ReadableOutput {
        let (entry, captured) = try captured(id, fd)
        let encoding: CaptureSpec.Encoding? = captured.isText ? .utf8 : nil
        guard let output = captured.output else {
            return ReadableOutput(
                snapshot: CaptureSnapshot(parts: []), encoding: encoding, settledLength: 0, isLimited: false)
        }
        if let failure = output.failure ?? entry.readFailures[fd] { throw .unreadable(failure) }
        let snapshot = output.snapshot()
        let settled: UInt64 =
            switch captured.settled {
            case .everything: UInt64(snapshot.count)
            case _ where entry.isFinal: UInt64(snapshot.count)
            case .head(let limit): min(limit, output.length)
            case .nothing: 0
            }
        let isLimited = if case .everything = captured.settled { false } else { true }
        return ReadableOutput(
            snapshot: snapshot, encoding: encoding, settledLength: settled, isLimited: isLimited)
    }

    /// Has `growth` called when output comes in; nil for no more. It is called within the work of the capture.
    ///
    /// - Returns: Whether it will be: captures in files don't hear of what is written.
    @discardableResult
    package func watchOutput(of id: String, fd: CInt, _ growth: (() -> Void)?) -> Bool {
        guard let (_, captured) = try? captured(id, fd), let output = captured.output else { return false }
        output.onGrowth = growth
        return output is PipeCapture
    }

    /// Whether some of what processes wrote is nowhere but in our memory, since there is no room for it.
    package var holdsOutputInMemory: Bool {
        entries.values.contains { entry in
            entry.descriptors.contains { $0.capture?.output?.holdsBytesInMemory ?? false }
        }
    }

    /// Whether there are processes that no keeper has, but this program, or nobody.
    package var hasUnkept: Bool {
        entries.values.contains { $0.parent is OwnParent || $0.parent is LostParent }
    }

    /// Output could not be read back. From now on that is what there is to say of it.
    package func noteUnreadable(_ id: String, fd: CInt, reason: String) {
        guard let entry = entries[id], entry.readFailures[fd] == nil else { return }
        entry.readFailures[fd] = reason
        log.error(
            "captured output can't be read",
            ["proc_id": .string(id), "fd": .string(FdName.canonical(fd)), "error": .string(reason)])
    }

    /// Whether a signal would reach a process: signal 0 of kill(2).
    package func probe(_ id: String) throws(Refusal) {
        guard let entry = entries[id] else { throw .unknown }
        guard entry.lifecycle.state == .pending || (entry.remains == nil && entry.pidfd != nil) else {
            throw .noProcess
        }
    }

    /// Whether a process may still run: its result isn't final.
    package func isUnfinished(_ id: String) -> Bool { entries[id].map { !$0.isFinal } ?? false }

    private func captured(_ id: String, _ fd: CInt) throws(OutputRefusal) -> (ProcessEntry, CapturedOutput) {
        guard let entry = entries[id] else { throw .unknown }
        guard let descriptor = entry.descriptors.first(where: { $0.number == fd }) else { throw .noFd }
        guard let captured = descriptor.capture else { throw .notCaptured }
        return (entry, captured)
    }
}
