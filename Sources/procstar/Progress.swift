internal import Glibc
internal import ProcCore

/// What the progress line says.
struct ProgressCount: Equatable {
    var ended = 0
    var running = 0
    var total = 0

    /// `1,234 of 5,000 ended, 12 running`
    var text: String { "\(Self.grouped(ended)) of \(Self.grouped(total)) ended, \(Self.grouped(running)) running" }

    /// A number with a comma before every three digits.
    private static func grouped(_ number: Int) -> String {
        var digits = Array(String(number))
        for index in stride(from: digits.count - 3, to: 0, by: -3) { digits.insert(",", at: index) }
        return String(digits)
    }
}

/// When the progress line is written anew: at most ten times a second, and only for news.
struct ProgressPace: Equatable {
    private var shown: ProgressCount?
    private var next = Instant(nanoseconds: 0)

    static let interval = Interval.milliseconds(100)

    /// What to write now: the line, over the one before; nil when there is nothing to write.
    mutating func update(_ count: ProgressCount, at now: Instant) -> String? {
        guard now >= next, shown != count else { return nil }
        shown = count
        next = now + Self.interval
        return ProgressPace.erasure + count.text
    }

    /// What erases the line; nil when none stands.
    mutating func end() -> String? {
        guard shown != nil else { return nil }
        shown = nil
        return ProgressPace.erasure
    }

    /// Carriage return, then erase to the end of the line.
    private static let erasure = "\r\u{1b}[K"
}

/// A line on the terminal that tells how far the processes are; nothing at all where standard error is no terminal.
struct Progress {
    private let descriptor: CInt
    private var pace = ProgressPace()

    /// Nil unless `descriptor`, which is borrowed, is a terminal.
    init?(on descriptor: CInt = STDERR_FILENO) {
        guard isatty(descriptor) == 1 else { return nil }
        self.descriptor = descriptor
    }

    mutating func show(_ count: ProgressCount, at now: Instant) { write(pace.update(count, at: now)) }

    /// Erases the line. Call it before anything else is written to the terminal for good.
    mutating func end() { write(pace.end()) }

    private func write(_ text: String?) {
        guard let text else { return }
        var terminal = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        // A terminal that was stopped (^S) must not stop us. What can't be shown now is shown by the next update.
        guard poll(&terminal, 1, 0) == 1, terminal.revents & Int16(POLLOUT) != 0 else { return }
        let bytes = Array(text.utf8)
        _ = Glibc.write(descriptor, bytes, bytes.count)
    }
}
