internal import ProcCore
internal import ProcIO

// What goes on record of a process, for an agent after us.
extension ProcessTable {
    func recordBeginning(of entry: ProcessEntry) {
        guard let custody else { return }
        custody.record(
            .begun(
                token: entry.token,
                LedgerRecord.Begun(
                    start: entry.start, startInstant: entry.startInstant, directory: entry.directory,
                    environment: entry.environment, keeper: custody.keeper(of: entry))))
    }

    func recordFailure(of entry: ProcessEntry) {
        guard let custody, let stop = entry.stop, let stopInstant = entry.stopInstant else { return }
        custody.record(
            .failed(
                token: entry.token,
                LedgerRecord.Failed(
                    stop: stop, stopInstant: stopInstant, errors: entry.errors, reason: entry.stopReason,
                    isLost: entry.isLost)))
    }

    /// How far we are in ending it.
    func recordStopping(of entry: ProcessEntry) {
        guard let custody, entry.pid > 0 else { return }
        custody.record(
            .stopping(
                token: entry.token,
                LedgerRecord.Stopping(
                    state: entry.lifecycle.state, reason: entry.stopReason, graceEnd: entry.graceEnd,
                    grace: entry.stopSpec.grace, lastSignal: entry.lastSignal)))
    }

    func recordEnd(of entry: ProcessEntry, _ ending: Ending) {
        guard let custody, let stop = entry.stop, let stopInstant = entry.stopInstant else { return }
        custody.record(
            .ended(
                token: entry.token,
                LedgerRecord.Ended(
                    stop: stop, stopInstant: stopInstant, status: ending.status.raw, usage: ending.usage,
                    stat: ending.stat)))
    }

    /// Nil where captures end with us.
    func holder(for entry: ProcessEntry, _ position: Int) -> (any CaptureHolder)? {
        guard custody != nil, entry.parent !== own else { return nil }
        return CaptureCustody(of: position, entry, self)
    }
}

/// What outlives us of one capture.
final class CaptureCustody: CaptureHolder {
    private let position: Int
    // The entry has the capture, which has this.
    private unowned let entry: ProcessEntry
    private unowned let table: ProcessTable

    init(of position: Int, _ entry: ProcessEntry, _ table: ProcessTable) {
        self.position = position
        self.entry = entry
        self.table = table
    }

    func hold(_ file: SharedFD, slot: UInt8, then: @escaping () -> Void) {
        guard let parent = entry.parent else { return then() }
        let held = HeldDescriptor(tag: .capture(position: position, slot: slot), descriptor: file)
        parent.hold(held, for: entry.token, then: then)
    }

    func drop(slot: UInt8) { entry.parent?.drop(.capture(position: position, slot: slot), of: entry.token) }

    func record(_ record: CaptureRecord) {
        table.custody?.record(.capture(token: entry.token, position: position, record))
    }
}

extension ProcessEntry {
    func set(_ begun: LedgerRecord.Begun) {
        start = begun.start
        startInstant = begun.startInstant
        directory = begun.directory
        environment = begun.environment
    }

    func set(_ ended: LedgerRecord.Ended) {
        stop = ended.stop
        stopInstant = ended.stopInstant
        remains = Remains(
            Ending(status: WaitStatus(raw: ended.status), usage: ended.usage, stat: ended.stat))
    }

    /// - Parameter ended: Of a leader that ended by itself there is nothing else on record.
    func set(_ stopping: LedgerRecord.Stopping?, ended: LedgerRecord.Ended?) {
        lifecycle.restore(stopping?.state ?? (ended == nil ? .running : .ended))
        guard let stopping else { return }
        stopReason = stopping.reason
        graceEnd = stopping.graceEnd
        if let grace = stopping.grace { stopSpec.grace = grace }
        lastSignal = stopping.lastSignal
    }
}
