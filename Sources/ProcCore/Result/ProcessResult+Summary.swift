extension ProcessResult {
    /// One line for people: `build: exit 0, 12.3 s, 1.2 s CPU, peak 48 MiB`.
    ///
    /// It stays one line, and harmless to a terminal, whatever the process is called: control characters are escaped.
    package func summaryLine(id: String, scale: SystemScale) -> String {
        Self.printable("\(id): \(summary(scale: scale))")
    }

    private func summary(scale: SystemScale) -> String {
        switch phase {
        case .starting:
            return "starting, \(elapsed.shortText)"
        case .running(let running):
            let cpu = running.usage?.cpuSeconds(scale: scale)
            let peak = running.usage?.maxrss
            return "running, pid \(running.pid)" + figures(cpu: cpu, peak: peak) + failures
        case .ended(let ended):
            let cpu = ended.usage.utime.inSeconds + ended.usage.stime.inSeconds
            return Self.end(ended) + figures(cpu: cpu, peak: UInt64(max(0, ended.usage.maxrss))) + failures
        case .failed(_, .cancelled(let sender)):
            return "cancelled before it started (\(Self.words(for: sender)))"
        case .failed(_, .timeout(let limit)):
            return "not started within \(limit.shortText)"
        case .failed(_, .lost):
            return "lost after \(elapsed.shortText)" + failures
        case .failed(_, .startFailure), .failed(_, .exited), .failed(_, .signalled), .failed(_, .limit):
            return "failed to start" + (errors.isEmpty ? "" : ": " + errors.joined(separator: "; "))
        }
    }

    private func figures(cpu: Double?, peak: UInt64?) -> String {
        var text = ", \(elapsed.shortText)"
        if let cpu, let interval = Interval(seconds: cpu) { text += ", \(interval.shortText) CPU" }
        if let peak { text += ", peak \(ByteCount(peak))" }
        return text
    }

    /// What went wrong beside the process itself, such as a capture that couldn't be read.
    private var failures: String { errors.isEmpty ? "" : " (" + errors.joined(separator: "; ") + ")" }

    /// How it ended and, where we had a hand in it, why.
    private static func end(_ ended: Ended) -> String {
        var text: String
        if let signal = ended.status.signal {
            text = "killed by \(signal.name)"
        } else if let code = ended.status.exitCode {
            text = "exit \(code)"
        } else {
            text = "ended with status \(ended.status.raw)"
        }
        if ended.status.dumpedCore { text += ", core dumped" }
        switch ended.cause {
        case .exited, .signalled(_, sender: nil), .startFailure, .lost: break
        case .signalled(_, let sender?): text += " (\(words(for: sender)))"
        case .cancelled(let sender): text += " (\(words(for: sender)))"
        case .timeout(let limit): text += " (timeout after \(limit.shortText))"
        case .limit(let fd): text += " (\(fd) over its limit)"
        }
        return text
    }

    private static func words(for sender: Cause.Sender) -> String {
        switch sender {
        case .request: "on request"
        case .stop: "stopped"
        case .shutdown: "at shutdown"
        }
    }

    private static func printable(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isControl) else { return text }
        return text.unicodeScalars.reduce(into: "") { line, scalar in
            if isControl(scalar) {
                line += scalar.escaped(asASCII: true)
            } else {
                line.unicodeScalars.append(scalar)
            }
        }
    }

    /// Also the marks that turn the direction of writing, which could make a line read as another.
    private static func isControl(_ scalar: UnicodeScalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }
}
