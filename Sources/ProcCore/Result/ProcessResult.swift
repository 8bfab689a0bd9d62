/// All there is to say of one process at one moment: the protocol's RESULT, before it is written.
package struct ProcessResult: Sendable {
    /// How far the process has come, with what is known only then.
    package enum Phase: Sendable {
        /// Accepted and not spawned yet.
        case starting
        case running(Running)
        case ended(Ended)
        /// Not started, and it never will be; ``ProcessResult/errors`` says why.
        case failed(at: WallTime, Cause)
    }

    /// What a running process shows.
    package struct Running: Sendable {
        package var pid: Int32
        /// Nil where `/proc` couldn't be read, as for all that comes from there.
        package var stat: ProcStat?
        package var statm: ProcStatm?
        package var usage: RunningUsage?

        package init(pid: Int32, stat: ProcStat?, statm: ProcStatm?, usage: RunningUsage?) {
            self.pid = pid
            self.stat = stat
            self.statm = statm
            self.usage = usage
        }
    }

    /// What is left of a process that has ended.
    package struct Ended: Sendable {
        package var pid: Int32
        /// As read when it had ended, before it was reaped.
        package var stat: ProcStat?
        package var stop: WallTime
        package var status: WaitStatus
        package var usage: ResourceUsage
        package var cause: Cause

        package init(
            pid: Int32, stat: ProcStat?, stop: WallTime, status: WaitStatus, usage: ResourceUsage, cause: Cause
        ) {
            self.pid = pid
            self.stat = stat
            self.stop = stop
            self.status = status
            self.usage = usage
            self.cause = cause
        }
    }

    /// One fd of the spec.
    package struct Descriptor: Sendable {
        /// `stdin`, `stdout`, `stderr` or a number.
        package var name: String
        /// Nil for an fd that isn't captured.
        package var result: FdResult?

        package init(_ name: String, _ result: FdResult?) {
            self.name = name
            self.result = result
        }
    }

    package var phase: Phase
    /// In the order in which they came up.
    package var errors: [String] = []
    /// When the process was started, or the start was tried.
    package var start: WallTime
    /// When this result was made.
    package var now: WallTime
    /// From start to stop, or to now, by the monotonic clock.
    package var elapsed: Interval
    /// One for each fd of the spec, in any order; names are unique.
    package var fds: [Descriptor] = []
    /// Written as it is.
    package var cgroupAccounting: Value = .null
    /// The working directory it was started in; nil when unknown.
    package var cwd: String?
    /// The environment it was started with, where the spec asks for it; a value is `.string`, or `.text` where it may
    /// not be UTF-8.
    package var environment: [Value.Member]?
    /// Limits of the spec that couldn't be enforced.
    package var unenforced: [String] = []

    package init(phase: Phase, start: WallTime, now: WallTime, elapsed: Interval) {
        self.phase = phase
        self.start = start
        self.now = now
        self.elapsed = elapsed
    }
}

extension ProcessResult {
    /// The RESULT, in the key order that clients have always seen, our own keys last.
    package func value(scale: SystemScale) -> Value {
        var members: [Value.Member] = []
        members.reserveCapacity(15)
        let shown = shown(scale: scale)
        members.append(Value.Member("state", .string(shown.state)))
        members.append(Value.Member("errors", Self.strings(errors)))
        members.append(Value.Member("pid", shown.pid))
        members.append(Value.Member("proc_stat", shown.stat))
        members.append(Value.Member("proc_statm", shown.statm))
        members.append(Value.Member("cgroup_accounting", cgroupAccounting))
        members.append(Value.Member("times", times(stop: shown.stop)))
        members.append(Value.Member("status", shown.status))
        members.append(Value.Member("rusage", shown.rusage))
        members.append(Value.Member("fds", descriptors))
        members.append(Value.Member("cwd", cwd.map { .string($0) } ?? .null))
        if let environment { members.append(Value.Member("env", .map(environment))) }
        members.append(Value.Member("usage", shown.usage))
        members.append(Value.Member("cause", shown.cause))
        members.append(Value.Member("unenforced", Self.strings(unenforced)))
        return .map(members)
    }

    /// What depends on the phase, null where there is nothing to say.
    private struct Shown {
        var state: String
        var pid: Value = .null
        var stat: Value = .null
        var statm: Value = .null
        var stop: WallTime?
        var status: Value = .null
        var rusage: Value = .null
        var usage: Value = .null
        var cause: Value = .null
    }

    private func shown(scale: SystemScale) -> Shown {
        switch phase {
        case .starting:
            return Shown(state: "running")
        case .running(let running):
            return Shown(
                state: "running", pid: .int(Int64(running.pid)), stat: running.stat?.value(scale: scale) ?? .null,
                statm: running.statm?.value ?? .null, usage: running.usage?.value(scale: scale) ?? .null)
        case .ended(let ended):
            return Shown(
                state: "terminated", pid: .int(Int64(ended.pid)), stat: ended.stat?.value(scale: scale) ?? .null,
                stop: ended.stop, status: ended.status.value, rusage: ended.usage.value, cause: ended.cause.value)
        case .failed(let stop, let cause):
            return Shown(state: "error", stop: stop, status: WaitStatus.notStarted.value, cause: cause.value)
        }
    }

    private func times(stop: WallTime?) -> Value {
        .map([
            Value.Member("start", .string(start.rfc3339)),
            Value.Member("now", .string(now.rfc3339)),
            Value.Member("stop", stop.map { .string($0.rfc3339) } ?? .null),
            Value.Member("elapsed", .double(elapsed.seconds)),
        ])
    }

    /// Sorted by the text of the keys, as the reference does: `10`, `7`, `stderr`, `stdin`, `stdout`.
    private var descriptors: Value {
        var members = fds.map { Value.Member($0.name, $0.result?.value ?? .null) }
        members.sort { $0.key < $1.key }
        return .map(members)
    }

    private static func strings(_ strings: [String]) -> Value { .array(strings.map { .string($0) }) }
}
