import CLinux
import Glibc
import ProcCore
import ProcIO
import TestSupport
import Testing

/// A running `procstar --agent`. Its standard error is a file, so that nobody has to read it.
///
/// Killed with all its processes, and reaped, when the object goes.
final class AgentProcess {
    let pid: pid_t
    /// The raw wait status, once it has ended.
    private(set) var status: CInt?
    private let folder = TemporaryDirectory()
    private unowned let scheduler: Scheduler

    init(_ options: [String], environment: [String: String], scheduler: Scheduler) throws {
        self.scheduler = scheduler
        let null = try Self.open("/dev/null")
        let log = try Self.open(folder.path("log"))
        pid = try spawn(
            [Procstar.executable] + options, fds: [0: null.rawValue, 1: log.rawValue, 2: log.rawValue],
            environment: environment.map { "\($0)=\($1)" } + Sanitizer.variables)
        withExtendedLifetime((null, log)) {}
    }

    private static func open(_ path: String) throws -> SharedFD {
        let descriptor = clinux_open(clinux_at_cwd, path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw SystemError("open", on: path, errno: -descriptor) }
        return SharedFD(OwnedFD(adopting: descriptor))
    }

    deinit {
        guard status == nil else { return }
        LiveProcess.endTree(pid)
        var status: CInt = 0
        waitpid(pid, &status, 0)
    }

    // MARK: Its log

    /// All that it has logged.
    var log: String { String(decoding: contents(of: folder.path("log")) ?? [], as: UTF8.self) }

    /// The end of it, for failures.
    var logEnd: String { String(log.suffix(3000)) }

    /// Waits until it has logged a text so often.
    func waitForLog(
        _ text: String, times: Int = 1, within seconds: Double = 20, at place: SourceLocation = #_sourceLocation
    ) throws {
        try scheduler.wait("the agent logs \"\(text)\"", within: seconds, at: place) {
            log.split(separator: text, omittingEmptySubsequences: false).count > times
        }
    }

    // MARK: Its end

    func signal(_ signum: CInt) { kill(pid, signum) }

    /// Whether it has ended; it is reaped then.
    var hasEnded: Bool {
        if status != nil { return true }
        var raw: CInt = 0
        guard waitpid(pid, &raw, WNOHANG) == pid else { return false }
        status = raw
        return true
    }

    /// Waits for its end, and expects an exit code.
    func expectExit(
        _ code: CInt, within seconds: Double = 20, at place: SourceLocation = #_sourceLocation
    ) throws {
        try scheduler.wait("the agent exits", within: seconds, at: place) { hasEnded }
        let status = status ?? -1
        #expect(
            clinux_exited(status) && clinux_exit_status(status) == code, "\(status): \(logEnd)", sourceLocation: place)
    }

    // MARK: What the kernel says of it

    /// A field of `/proc/PID/status` in bytes, such as `VmRSS`.
    func memory(_ field: String) throws -> Int {
        let text = String(decoding: contents(of: "/proc/\(pid)/status") ?? [], as: UTF8.self)
        let line = try #require(text.split(separator: "\n").first { $0.hasPrefix(field + ":") }, "\(field)")
        let digits = line.filter(\.isNumber)
        return try #require(Int(digits)) << 10
    }

    /// The bytes of a file of `/proc/PID`.
    func procFile(_ name: String) throws -> [UInt8] { try #require(contents(of: "/proc/\(pid)/\(name)")) }
}
