internal import CLinux
internal import Glibc
package import ProcCore
internal import ProcIO

/// A program that is run to its end for the little that it says.
package struct BriefRun: Sendable {
    /// How it ended.
    package enum End: Equatable, Sendable {
        case exited(CInt)
        case killed(CInt)
        /// Somebody else has reaped it, as ``OrphanReaper`` may.
        case unknown
    }

    package let end: End
    package let output: String
    package let errors: String

    /// Why there is nothing to be read.
    package enum Failure: Error, Equatable, CustomStringConvertible {
        case start(StartFailure)
        case system(SystemError)
        /// It has been killed.
        case silent(after: Interval)

        package var description: String {
            switch self {
            case .start(let failure): failure.description
            case .system(let error): error.description
            case .silent(let limit): "no end within \(limit.shortText)"
            }
        }
    }

    /// Waits for it, so this is for a worker thread, or for a program that does nothing else.
    ///
    /// - Parameters:
    ///   - environment: `NAME=VALUE` each.
    ///   - fileLimit: Its soft limit of open files.
    package init(
        _ program: String, _ arguments: [String], environment: [[UInt8]], fileLimit: Int, within limit: Interval
    ) throws(Failure) {
        let (output, errors): (OutputPipe, OutputPipe)
        let null: SharedFD
        do throws(SystemError) {
            (output, errors) = (try OutputPipe(), try OutputPipe())
            null = SharedFD(
                try OwnedFD(result: clinux_open(clinux_at_cwd, "/dev/null", O_RDWR, 0), "open", on: "/dev/null"))
        } catch {
            throw .system(error)
        }
        let plan = LaunchPlan(
            executable: program, argv: CStringBlock([program] + arguments), environment: CStringBlock(environment),
            descriptors: [0: .opened(null), 1: .opened(output.takeWriter()), 2: .opened(errors.takeWriter())],
            directory: nil)
        let launched = try Self.launch(plan, fileLimit: fileLimit)
        let hasEnded = Self.follow(launched, [output, errors], until: .now + limit)
        if !hasEnded {
            clinux_pidfd_send_signal(launched.pidfd.rawValue, SIGKILL)
            _ = Self.follow(launched, [output, errors], until: .now + .seconds(1))
        }
        end = Self.reap(launched.pid)
        self.output = output.text
        self.errors = errors.text
        guard hasEnded else { throw .silent(after: limit) }
    }

    private static func launch(_ plan: LaunchPlan, fileLimit: Int) throws(Failure) -> Launched {
        var result: Result<Launched, StartFailure>?
        OwnParent(fileLimit: fileLimit).launch(plan) { result = $0 }
        switch result {
        case .success(let launched): return launched
        case .failure(let failure): throw .start(failure)
        case nil: preconditionFailure("a launch in this process is over when it returns")
        }
    }

    /// Reads what it says until it has ended; false if it hasn't by then. What others that have its outputs say later
    /// isn't waited for.
    private static func follow(_ launched: Launched, _ pipes: [OutputPipe], until deadline: Instant) -> Bool {
        while true {
            var targets = pipes.map { pollfd(fd: $0.hasEnded ? -1 : $0.descriptor, events: Int16(POLLIN), revents: 0) }
            targets.append(pollfd(fd: launched.pidfd.rawValue, events: Int16(POLLIN), revents: 0))
            // Rounded up, so that the last turn isn't a busy one.
            let left = (deadline.since(.now).nanoseconds + 999_999) / 1_000_000
            let count = poll(&targets, nfds_t(targets.count), CInt(clamping: left))
            for pipe in pipes { pipe.readAll() }
            if count > 0, targets[pipes.count].revents != 0 { return true }
            if deadline <= .now { return false }
        }
    }

    private static func reap(_ pid: pid_t) -> End {
        var status: CInt = 0
        var usage = rusage()
        guard clinux_reap(pid, &status, &usage) == pid else { return .unknown }
        return clinux_exited(status) ? .exited(clinux_exit_status(status)) : .killed(clinux_term_signal(status))
    }
}
