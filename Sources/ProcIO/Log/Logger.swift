internal import Glibc
package import ProcCore

/// Writes log lines to standard error, each with one write(2).
///
/// Not Sendable: it belongs to the loop's thread. It never blocks and never
/// fails. Where the reader of standard error doesn't keep up or is gone, lines
/// are dropped and counted, and the next one that gets through is preceded by
/// one that says how many are missing. (Processes that inherit the same pipe
/// can still fill it between the look and the write; nothing short of a thread
/// would help against that.)
package final class Logger {
    /// Below this level nothing is written, nor even put together.
    package let level: LogLevel
    /// Set while a progress line may stand on the terminal: each line then begins by erasing it.
    package var erasesProgress = false

    private let format: LogFormat
    private let descriptor: CInt
    private let colored: Bool
    private let clock: () -> WallTime
    private var dropped = 0
    /// A write that was cut short left the start of a line behind.
    private var isMidLine = false
    private var seen: Set<String> = []

    /// PIPE_BUF: a pipe that poll(2) reports as writable takes this much without blocking, and in one piece.
    private static let lineLimit = 4096
    /// How many keys ``isFirst(_:)`` remembers. Callers use a few fixed ones, so this only bounds a mistake.
    private static let seenLimit = 1024

    /// - Parameters:
    ///   - descriptor: Borrowed; must stay open as long as the logger lives.
    ///   - colored: Whether the level is coloured, for a terminal.
    ///   - clock: The wall clock; tests give their own.
    package init(
        level: LogLevel, format: LogFormat, descriptor: CInt = STDERR_FILENO, colored: Bool = false,
        clock: @escaping () -> WallTime = { .now }
    ) {
        self.level = level
        self.format = format
        self.descriptor = descriptor
        self.colored = colored
        self.clock = clock
        // The reader of a pipe may go away between poll and write: that is to be an error, not our end. Children
        // don't inherit it: they start with default dispositions.
        signal(SIGPIPE, SIG_IGN)
    }

    /// A logger on standard error, with colour if that is a terminal and the
    /// environment doesn't object (`NO_COLOR` set and not empty, `TERM=dumb`).
    package convenience init(level: LogLevel, format: LogFormat, environment: [String: String]) {
        let objects = !(environment["NO_COLOR"] ?? "").isEmpty || environment["TERM"] == "dumb"
        self.init(level: level, format: format, colored: !objects && isatty(STDERR_FILENO) == 1)
    }

    package func trace(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> Fields = [:]) {
        log(.trace, message(), fields())
    }

    package func debug(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> Fields = [:]) {
        log(.debug, message(), fields())
    }

    package func info(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> Fields = [:]) {
        log(.info, message(), fields())
    }

    package func warn(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> Fields = [:]) {
        log(.warn, message(), fields())
    }

    package func error(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> Fields = [:]) {
        log(.error, message(), fields())
    }

    /// Names and values that follow the message, in order. Names are fixed words of ours; what comes from outside
    /// belongs into values, where it is escaped.
    package typealias Fields = KeyValuePairs<String, Value>

    /// Writes one line, if `level` is high enough; the arguments are not evaluated otherwise.
    package func log(_ level: LogLevel, _ message: @autoclosure () -> String, _ fields: @autoclosure () -> Fields = [:])
    {
        guard level >= self.level else { return }
        let record = LogRecord(
            time: clock(), level: level, message: message(), fields: fields().map { Value.Member($0.key, $0.value) })
        if dropped > 0 {
            let gap = LogRecord(
                time: record.time, level: .warn, message: "log lines dropped",
                fields: [Value.Member("count", .integer(dropped))])
            guard write(gap) else {
                dropped += 1
                return
            }
            dropped = 0
        }
        if !write(record) { dropped += 1 }
    }

    /// True the first time it is asked about a key: for what is logged once.
    ///
    ///     if logger.isFirst("unenforced.memory_max") { logger.warn("no cgroup manager", …) }
    package func isFirst(_ key: String) -> Bool {
        guard seen.count < Self.seenLimit else { return !seen.contains(key) }
        return seen.insert(key).inserted
    }

    /// Whether the line went out, as a whole or in part.
    private func write(_ record: LogRecord) -> Bool {
        var target = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        guard poll(&target, 1, 0) == 1, target.revents & Int16(POLLOUT) != 0,
            target.revents & Int16(POLLERR | POLLNVAL) == 0
        else { return false }

        var prefix: [UInt8] = []
        if isMidLine { prefix.append(UInt8(ascii: "\n")) }
        if erasesProgress { prefix += Array("\r\u{1b}[K".utf8) }
        let line = prefix + record.line(as: format, colored: colored, limit: Self.lineLimit - prefix.count)

        let count = Glibc.write(descriptor, line, line.count)
        // EAGAIN, EPIPE, EINTR, ENOSPC, EIO alike: nobody else could be told.
        guard count > 0 else { return false }
        isMidLine = count < line.count
        return true
    }
}
