/// One thing that an agent wants the next one to know.
///
/// A token is the agent's name for a process, never used twice.
package enum LedgerRecord: Equatable, Sendable {
    /// An agent has taken the ledger.
    case agent(Agent)
    /// A start was accepted.
    case accepted(token: UInt64, Accepted)
    /// The process is about to be made.
    case begun(token: UInt64, Begun)
    /// It was made.
    case spawned(token: UInt64, pid: Int32)
    /// It was never started, was cancelled, or what became of it is lost. Final.
    case failed(token: UInt64, Failed)
    /// How far it is on its way to its end; replaces what was said before.
    case stopping(token: UInt64, Stopping)
    /// Its leader has ended.
    case ended(token: UInt64, Ended)
    /// What is on record of the capture at this position of its fds; replaces what was said before.
    case capture(token: UInt64, position: Int, CaptureRecord)
    /// It was deleted.
    case forgotten(token: UInt64)

    package struct Agent: Equatable, Sendable {
        package let pid: Int32
        package let version: String
        package let time: WallTime

        package init(pid: Int32, version: String, time: WallTime) {
            self.pid = pid
            self.version = version
            self.time = time
        }
    }

    package struct Accepted: Equatable, Sendable {
        package let id: String
        /// As it came; see ``SpecDecoder``.
        package let spec: Value
        /// Tells its request from others, and its index in that.
        package let request: UInt64
        package let index: Int
        package let pipes: [PipeEnd]

        package init(id: String, spec: Value, request: UInt64, index: Int, pipes: [PipeEnd] = []) {
            self.id = id
            self.spec = spec
            self.request = request
            self.index = index
            self.pipes = pipes
        }
    }

    /// An fd of the process, and which of its request's pipes it is an end of.
    package struct PipeEnd: Equatable, Sendable {
        package let fd: CInt
        package let pipe: Int

        package init(fd: CInt, pipe: Int) {
            self.fd = fd
            self.pipe = pipe
        }
    }

    package struct Begun: Equatable, Sendable {
        package let start: WallTime
        package let startInstant: Instant
        /// As results show it.
        package let directory: String?
        package let environment: [Value.Member]?
        /// The pid of the keeper that was asked for it; 0 when it was to be the agent's own child.
        package let keeper: Int32

        package init(
            start: WallTime, startInstant: Instant, directory: String?, environment: [Value.Member]?, keeper: Int32
        ) {
            self.start = start
            self.startInstant = startInstant
            self.directory = directory
            self.environment = environment
            self.keeper = keeper
        }
    }

    package struct Failed: Equatable, Sendable {
        package let stop: WallTime
        package let stopInstant: Instant
        package let errors: [String]
        package let reason: StopReason?
        /// Whether it was, or may have been, started.
        package let isLost: Bool

        package init(stop: WallTime, stopInstant: Instant, errors: [String], reason: StopReason?, isLost: Bool) {
            self.stop = stop
            self.stopInstant = stopInstant
            self.errors = errors
            self.reason = reason
            self.isLost = isLost
        }
    }

    package struct Stopping: Equatable, Sendable {
        package let state: Lifecycle.State
        package let reason: StopReason?
        package let graceEnd: Instant?
        /// In place of the spec's.
        package let grace: Interval?
        /// The last signal that was sent to the leader.
        package let lastSignal: SentSignal?

        package init(
            state: Lifecycle.State, reason: StopReason?, graceEnd: Instant?, grace: Interval?, lastSignal: SentSignal?
        ) {
            self.state = state
            self.reason = reason
            self.graceEnd = graceEnd
            self.grace = grace
            self.lastSignal = lastSignal
        }
    }

    package struct SentSignal: Equatable, Sendable {
        package let signum: CInt
        package let sender: Cause.Sender

        package init(signum: CInt, sender: Cause.Sender) {
            self.signum = signum
            self.sender = sender
        }
    }

    package struct Ended: Equatable, Sendable {
        package let stop: WallTime
        package let stopInstant: Instant
        /// As wait(2) gives it; see ``WaitStatus``.
        package let status: Int32
        package let usage: ResourceUsage
        /// The text of `/proc/PID/stat`, or nothing where it could not be read.
        package let stat: [UInt8]

        package init(
            stop: WallTime, stopInstant: Instant, status: Int32, usage: ResourceUsage, stat: [UInt8]
        ) {
            self.stop = stop
            self.stopInstant = stopInstant
            self.status = status
            self.usage = usage
            self.stat = stat
        }
    }
}
