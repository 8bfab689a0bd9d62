/// What to run, and how: one valid entry of a request's `specs`.
///
/// Valid means that the document is right. Whether this very process can start is another question, answered by
/// ``LaunchCheck`` and by the system.
package struct ProcessSpec: Equatable, Sendable {
    /// What becomes of descendants that outlive the process.
    package enum Orphans: String, CaseIterable, Sendable {
        case keep
        case kill
    }

    /// At least one element, the program's own name.
    package var argv: [String]
    /// The file to execute, when it isn't `argv[0]`.
    package var exe: String?
    package var environment: EnvironmentSpec
    /// In order; each fd at most once.
    package var fds: [FdEntry]
    /// An absolute path; nil for procstar's own directory.
    package var workingDirectory: String?
    /// How long it may run.
    package var timeout: Interval?
    package var stop: StopSpec
    package var orphans: Orphans
    package var systemd: SystemdProperties

    package init(
        argv: [String], exe: String? = nil, environment: EnvironmentSpec = EnvironmentSpec(), fds: [FdEntry] = [],
        workingDirectory: String? = nil, timeout: Interval? = nil, stop: StopSpec = StopSpec(),
        orphans: Orphans = .keep, systemd: SystemdProperties = SystemdProperties()
    ) {
        precondition(!argv.isEmpty, "a process without argv[0]")
        self.argv = argv
        self.exe = exe
        self.environment = environment
        self.fds = fds
        self.workingDirectory = workingDirectory
        self.timeout = timeout
        self.stop = stop
        self.orphans = orphans
        self.systemd = systemd
    }

    /// The file to execute. No search along PATH.
    package var executable: String { exe ?? argv[0] }
}
