/// A signal's number and its name, as signal(7) lists them for x86-64 and aarch64.
///
/// The first two real-time signals of the kernel, 32 and 33, are glibc's own:
/// its SIGRTMIN is 34. They do appear in the masks of `/proc`, so they have
/// names here too, `SIG32` and `SIG33`; the others are `SIGRTMIN+n`.
package struct Signal: Hashable, Sendable {
    /// From 1 to 64.
    package let number: CInt

    /// Nil unless `number` is between 1 and 64.
    package init?<Number: BinaryInteger>(_ number: Number) {
        guard let number = CInt(exactly: number), (1...Signal.last).contains(number) else { return nil }
        self.number = number
    }

    private init(known number: CInt) { self.number = number }

    package static let hangup = Signal(known: 1)
    package static let interrupt = Signal(known: 2)
    package static let quit = Signal(known: 3)
    package static let kill = Signal(known: 9)
    package static let pipe = Signal(known: 13)
    package static let terminate = Signal(known: 15)

    /// `SIGTERM`, `SIGRTMIN+3`.
    package var name: String { Signal.names[Int(number)] }

    /// Reads what a person or a program writes for a signal: a name with or without `SIG` (`SIGTERM`, `TERM`), a
    /// number (`15`), or one counted from either end of the real-time signals (`SIGRTMIN+3`, `RTMAX-1`).
    ///
    /// Names are upper case, as everywhere; numbers have no sign and no leading zero.
    package init?(parsing text: String) {
        if text.utf8.first.map({ Signal.isDigit($0) }) == true {
            guard let number = Signal.decimal(text[...]) else { return nil }
            self.init(number)
            return
        }
        let name = text.hasPrefix("SIG") ? text : "SIG" + text
        if let number = Signal.names.firstIndex(of: name) ?? Signal.aliases[name] {
            self.init(number)
        } else if name.hasPrefix("SIGRTMIN+"), let offset = Signal.decimal(name.dropFirst(9)), offset <= 30 {
            self.init(Signal.firstRealTime + CInt(offset))
        } else if name.hasPrefix("SIGRTMAX-"), let offset = Signal.decimal(name.dropFirst(9)), offset <= 30 {
            self.init(Signal.last - CInt(offset))
        } else {
            return nil
        }
    }

    private static let last: CInt = 64
    /// glibc's SIGRTMIN.
    private static let firstRealTime: CInt = 34

    /// Two digits are all a signal ever has; nil for anything but digits, and for a leading zero.
    private static func decimal(_ digits: Substring) -> Int? {
        guard (1...2).contains(digits.utf8.count), digits.utf8.allSatisfy(isDigit) else { return nil }
        guard digits.utf8.count == 1 || digits.utf8.first != UInt8(ascii: "0") else { return nil }
        return Int(digits)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte }

    /// Other names of signals, read and never written.
    private static let aliases = ["SIGIOT": 6, "SIGCLD": 17, "SIGPOLL": 29, "SIGRTMIN+0": 34, "SIGRTMAX": 64]

    /// The name at each number; nothing stands at 0.
    private static let names: [String] = {
        let standard = [
            "", "SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE", "SIGKILL", "SIGUSR1",
            "SIGSEGV", "SIGUSR2", "SIGPIPE", "SIGALRM", "SIGTERM", "SIGSTKFLT", "SIGCHLD", "SIGCONT", "SIGSTOP",
            "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG", "SIGXCPU", "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH",
            "SIGIO", "SIGPWR", "SIGSYS", "SIG32", "SIG33", "SIGRTMIN",
        ]
        return standard + (1...(last - firstRealTime)).map { "SIGRTMIN+\($0)" }
    }()
}
