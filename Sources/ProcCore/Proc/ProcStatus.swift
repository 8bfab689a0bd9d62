/// What only `/proc/PID/status` says of a process; see proc_pid_status(5).
package struct ProcStatus: Equatable, Sendable {
    /// The most memory this program has had resident (VmHWM), in bytes; nil once it has ended. Counted since the exec.
    package private(set) var peakResident: UInt64?
    package private(set) var memory = ProcStatm()
    /// Signals that wait for the main thread (SigPnd).
    package private(set) var pending = SignalSet(bits: 0)
    package private(set) var blocked = SignalSet(bits: 0)
    package private(set) var ignored = SignalSet(bits: 0)
    package private(set) var caught = SignalSet(bits: 0)
    /// Context switches of the main thread alone: the kernel shows a sum over all threads only to wait4(2).
    package private(set) var voluntarySwitches: UInt64 = 0
    package private(set) var involuntarySwitches: UInt64 = 0

    /// Parses the file's bytes. Nil when they aren't what the kernel writes, or only a part of it.
    ///
    /// A hostile name can't forge a line: in this file the kernel escapes newlines in it.
    package init?(parsing bytes: Span<UInt8>) {
        do throws(ProcCursor.Malformed) {
            try read(bytes)
        } catch {
            return nil
        }
    }

    private mutating func read(_ bytes: Span<UInt8>) throws(ProcCursor.Malformed) {
        var seen: Lines = []
        var line = 0
        while line < bytes.count {
            seen.formUnion(try readLine(bytes, at: line))
            while line < bytes.count, bytes[line] != UInt8(ascii: "\n") { line += 1 }
            line += 1
        }
        // The switches come last of what is read here, so that all of it is there when they are.
        guard seen == .all else { throw ProcCursor.Malformed() }
    }

    /// Takes what the line at `line` says; most of them say nothing that matters here.
    private mutating func readLine(_ bytes: Span<UInt8>, at line: Int) throws(ProcCursor.Malformed) -> Lines {
        switch bytes[line] {
        case UInt8(ascii: "V"), UInt8(ascii: "R"):
            try readMemory(bytes, at: line)
            return []
        case UInt8(ascii: "S"):
            return try readMask(bytes, at: line)
        case UInt8(ascii: "v"):
            guard let at = Self.after("voluntary_ctxt_switches:", in: bytes, at: line) else { return [] }
            voluntarySwitches = try Self.decimal(in: bytes, at: at, unit: "\n")
            return .voluntary
        case UInt8(ascii: "n"):
            guard let at = Self.after("nonvoluntary_ctxt_switches:", in: bytes, at: line) else { return [] }
            involuntarySwitches = try Self.decimal(in: bytes, at: at, unit: "\n")
            return .involuntary
        default:
            return []
        }
    }

    /// Where statm has a sum, this file has a line for each part.
    private mutating func readMemory(_ bytes: Span<UInt8>, at line: Int) throws(ProcCursor.Malformed) {
        func size(_ key: StaticString) throws(ProcCursor.Malformed) -> UInt64? {
            guard let at = Self.after(key, in: bytes, at: line) else { return nil }
            let kibibytes = try Self.decimal(in: bytes, at: at, unit: " kB\n")
            let (size, overflow) = kibibytes.multipliedReportingOverflow(by: 1024)
            return overflow ? .max : size
        }
        func add(_ part: UInt64, to sum: inout UInt64) {
            let (result, overflow) = sum.addingReportingOverflow(part)
            sum = overflow ? .max : result
        }
        if let peak = try size("VmHWM:") { return peakResident = peak }
        if let total = try size("VmSize:") { return memory.size = total }
        if let resident = try size("VmRSS:") { return memory.resident = resident }
        if let files = try size("RssFile:") { return add(files, to: &memory.shared) }
        if let segments = try size("RssShmem:") { return add(segments, to: &memory.shared) }
        if let data = try size("VmData:") { return add(data, to: &memory.data) }
        if let stack = try size("VmStk:") { return add(stack, to: &memory.data) }
        if let text = try size("VmExe:") { memory.text = text }
    }

    private mutating func readMask(_ bytes: Span<UInt8>, at line: Int) throws(ProcCursor.Malformed) -> Lines {
        if let at = Self.after("SigPnd:", in: bytes, at: line) {
            pending = try Self.mask(in: bytes, at: at)
            return .pending
        }
        if let at = Self.after("SigBlk:", in: bytes, at: line) {
            blocked = try Self.mask(in: bytes, at: at)
            return .blocked
        }
        if let at = Self.after("SigIgn:", in: bytes, at: line) {
            ignored = try Self.mask(in: bytes, at: at)
            return .ignored
        }
        if let at = Self.after("SigCgt:", in: bytes, at: line) {
            caught = try Self.mask(in: bytes, at: at)
            return .caught
        }
        return []
    }

    /// The index after `key` where the line begins with it.
    private static func after(_ key: StaticString, in bytes: Span<UInt8>, at line: Int) -> Int? {
        key.withUTF8Buffer { key in
            guard key.count <= bytes.count - line else { return nil }
            for index in key.indices where bytes[line + index] != key[index] { return nil }
            return line + key.count
        }
    }

    /// A decimal number with blanks before and exactly `unit` after it.
    private static func decimal(
        in bytes: Span<UInt8>, at: Int, unit: StaticString
    ) throws(ProcCursor.Malformed) -> UInt64 {
        var cursor = ProcCursor(at: at)
        cursor.passBlanks(in: bytes)
        let number: UInt64 = try cursor.decimal(in: bytes)
        guard after(unit, in: bytes, at: cursor.at) != nil else { throw ProcCursor.Malformed() }
        return number
    }

    private static func mask(in bytes: Span<UInt8>, at: Int) throws(ProcCursor.Malformed) -> SignalSet {
        var cursor = ProcCursor(at: at)
        cursor.passBlanks(in: bytes)
        let bits = try cursor.hexadecimal(in: bytes)
        try cursor.pass(UInt8(ascii: "\n"), in: bytes)
        return SignalSet(bits: bits)
    }

    /// Which of the lines that every process has were there.
    private struct Lines: OptionSet {
        let rawValue: UInt8
        static let pending = Lines(rawValue: 1)
        static let blocked = Lines(rawValue: 2)
        static let ignored = Lines(rawValue: 4)
        static let caught = Lines(rawValue: 8)
        static let voluntary = Lines(rawValue: 16)
        static let involuntary = Lines(rawValue: 32)
        static let all = Lines(rawValue: 63)
    }
}
