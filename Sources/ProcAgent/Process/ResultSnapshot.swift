internal import CLinux
package import ProcCore
internal import ProcIO

/// A result whose attached output has still to be read: a copy of all that the
/// table knows of a process at one moment, to be completed on any thread.
package struct ResultSnapshot: Sendable {
    private struct Attachment: Sendable {
        let name: String
        let snapshot: CaptureSnapshot
        let isText: Bool
        let cut: FdResult.Cut?
    }

    private var result: ProcessResult
    private var attachments: [Attachment] = []

    /// Whether ``completed()`` takes so little that the loop may do it.
    package var completesQuickly: Bool { attachments.allSatisfy(\.snapshot.readsQuickly) }

    /// How many bytes of output are attached.
    var attachedCount: Int { attachments.reduce(0) { $0 + $1.snapshot.count } }

    /// - Parameter detached: Fds whose output is not attached, whatever the spec says.
    init(_ entry: ProcessEntry, maxAttached: Int, detached: Set<CInt> = []) {
        let now = WallTime.now
        let phase: ProcessResult.Phase
        if entry.isFinal, let remains = entry.remains, let stop = entry.stop {
            phase = .ended(
                ProcessResult.Ended(
                    pid: entry.pid, stat: remains.stat, stop: stop, status: remains.status, usage: remains.usage,
                    cause: entry.cause))
        } else if entry.isFinal, let stop = entry.stop {
            phase = .failed(at: stop, entry.cause)
        } else if let remains = entry.remains {
            // It may be reaped, and its pid be another's, while its last output is still being taken in.
            phase = .running(ProcessResult.Running(pid: entry.pid, stat: remains.stat, statm: nil, usage: nil))
        } else if entry.isCollecting {
            // The same goes for one that its parent may have reaped by now.
            phase = .running(ProcessResult.Running(pid: entry.pid, stat: nil, statm: nil, usage: nil))
        } else if entry.pid > 0 {
            phase = .running(Self.running(entry.pid))
        } else {
            phase = .starting
        }
        result = ProcessResult(
            phase: phase, start: entry.start, now: now,
            elapsed: (entry.stopInstant ?? .now).since(entry.startInstant))
        result.errors = entry.errors
        result.cwd = entry.directory
        result.environment = entry.environment
        result.unenforced = entry.unenforced
        for descriptor in entry.descriptors {
            add(
                descriptor, readFailure: entry.readFailures[descriptor.number],
                maxAttached: detached.contains(descriptor.number) ? -1 : maxAttached)
        }
    }

    private static func running(_ pid: pid_t) -> ProcessResult.Running {
        var stat = ProcFile.stat.read(pid).flatMap { ProcStat(parsing: $0.span) }
        let status = ProcFile.status.read(pid).flatMap { ProcStatus(parsing: $0.span) }
        var usage: RunningUsage?
        // The masks in stat lack the real-time signals.
        if let status { stat?.adoptMasks(of: status) }
        if let stat, let status { usage = RunningUsage(stat: stat, status: status) }
        return ProcessResult.Running(pid: pid, stat: stat, statm: status?.memory, usage: usage)
    }

    /// - Parameter maxAttached: -1 attaches nothing.
    private mutating func add(_ descriptor: ProcessEntry.Descriptor, readFailure: String?, maxAttached: Int) {
        let name = FdName.canonical(descriptor.number)
        guard let captured = descriptor.capture else {
            result.fds.append(ProcessResult.Descriptor(name, nil))
            return
        }
        if let failure = captured.output?.failure ?? readFailure {
            result.fds.append(ProcessResult.Descriptor(name, .error(reason: failure)))
            return
        }
        guard let output = captured.output else {
            // Clients ask for the length of whatever the spec captures, also of what was never started.
            result.fds.append(ProcessResult.Descriptor(name, captured.empty(isAttached: maxAttached >= 0)))
            return
        }
        let detached = FdResult.detached(length: output.length, encoding: captured.encoding, cut: output.cut)
        result.fds.append(ProcessResult.Descriptor(name, detached))
        guard captured.isAttached, maxAttached >= 0 else { return }
        let snapshot = output.snapshot()
        guard snapshot.count <= maxAttached else { return }
        let cut = output.cut > 0 ? FdResult.Cut(bytes: output.cut, of: output.length) : nil
        attachments.append(Attachment(name: name, snapshot: snapshot, isText: captured.isText, cut: cut))
    }

    /// The result with its attached output, read now. Output that can't be read is an error of its fd.
    package func completed() -> ProcessResult {
        var result = result
        for attachment in attachments {
            guard let index = result.fds.firstIndex(where: { $0.name == attachment.name }) else { continue }
            do {
                let bytes = try attachment.snapshot.read(0..<attachment.snapshot.count)
                result.fds[index].result =
                    attachment.isText ? .text(bytes, cut: attachment.cut) : .data(bytes, cut: attachment.cut)
            } catch {
                result.fds[index].result = .error(reason: "\(error)")
            }
        }
        return result
    }

    /// The result without its attached output, which is shown as detached.
    package var withoutAttachments: ProcessResult { result }
}

extension CapturedOutput {
    /// What is shown where nothing can have been written.
    fileprivate func empty(isAttached: Bool) -> FdResult {
        if !isAttached || !self.isAttached { return .detached(length: 0, encoding: encoding) }
        return isText ? .text([]) : .data([])
    }
}
