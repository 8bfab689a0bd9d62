/// What `/proc/PID/stat` says of a process; see proc_pid_stat(5).
///
/// Times are in clock ticks and ``rss`` in pages, as the kernel gives them:
/// ``value(scale:)`` turns them into seconds and bytes.
package struct ProcStat: Equatable, Sendable {
    package let pid: Int32
    /// What the program calls itself, at most 15 bytes; those that aren't UTF-8 become U+FFFD.
    package let comm: String
    /// The letter for its state: R, S, D, Z, …
    package let state: UInt8
    package let ppid: Int32
    package let pgrp: Int32
    package let session: Int32
    /// The controlling terminal, packed; see ``terminal``.
    package let ttyNumber: Int32
    /// The foreground process group of its terminal; -1 without one.
    package let tpgid: Int32
    package let flags: UInt64
    package let minflt: UInt64
    package let cminflt: UInt64
    package let majflt: UInt64
    package let cmajflt: UInt64
    package let utime: UInt64
    package let stime: UInt64
    package let cutime: Int64
    package let cstime: Int64
    package let priority: Int64
    package let nice: Int64
    package let threads: Int64
    /// In clock ticks after boot.
    package let starttime: UInt64
    package let vsize: UInt64
    package let rss: UInt64
    package let rsslim: UInt64
    /// The masks: of this file, so without real-time signals, until ``adoptMasks(of:)``.
    package private(set) var signal: SignalSet
    package private(set) var blocked: SignalSet
    package private(set) var sigignore: SignalSet
    package private(set) var sigcatch: SignalSet
    package let wchan: UInt64
    /// The signal its parent gets at its end; 0 or -1 for none.
    package let exitSignal: Int32
    package let processor: Int32
    package let rtPriority: UInt64
    package let policy: UInt64
    package let delayacctBlkioTicks: UInt64
    package let guestTime: UInt64
    package let cguestTime: Int64
    /// The raw wait status, where we may see it.
    package let exitCode: Int32

    /// Parses the file's bytes. Nil when they aren't what the kernel writes, or only a part of it.
    package init?(parsing bytes: Span<UInt8>) {
        do throws(ProcCursor.Malformed) {
            try self.init(reading: bytes)
        } catch {
            return nil
        }
    }

    /// The command is whatever the program calls itself and may hold spaces, parentheses, newlines and bytes that
    /// are not UTF-8, so its end is the *last* `)`. Numbers in comments are the man page's.
    private init(reading bytes: Span<UInt8>) throws(ProcCursor.Malformed) {
        var cursor = ProcCursor(at: 0)
        pid = try cursor.decimal(in: bytes)
        try cursor.pass(UInt8(ascii: " "), in: bytes)
        try cursor.pass(UInt8(ascii: "("), in: bytes)
        var close = bytes.count - 1
        while close >= cursor.at, bytes[close] != UInt8(ascii: ")") { close -= 1 }
        // A space, the state and another space follow.
        guard close >= cursor.at, close + 2 < bytes.count, bytes[close + 1] == UInt8(ascii: " "),
            bytes[close + 2] > UInt8(ascii: " "), bytes[close + 2] < 0x7f
        else { throw ProcCursor.Malformed() }
        comm = bytes.extracting(cursor.at..<close).withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
        state = bytes[close + 2]
        cursor.at = close + 3
        ppid = try cursor.field(in: bytes)
        pgrp = try cursor.field(in: bytes)
        session = try cursor.field(in: bytes)
        ttyNumber = try cursor.field(in: bytes)
        tpgid = try cursor.field(in: bytes)
        flags = try cursor.field(in: bytes)
        minflt = try cursor.field(in: bytes)  // (10)
        cminflt = try cursor.field(in: bytes)
        majflt = try cursor.field(in: bytes)
        cmajflt = try cursor.field(in: bytes)
        utime = try cursor.field(in: bytes)
        stime = try cursor.field(in: bytes)
        cutime = try cursor.field(in: bytes)
        cstime = try cursor.field(in: bytes)
        priority = try cursor.field(in: bytes)
        nice = try cursor.field(in: bytes)
        threads = try cursor.field(in: bytes)  // (20)
        try cursor.passFields(1, in: bytes)  // itrealvalue
        starttime = try cursor.field(in: bytes)
        vsize = try cursor.field(in: bytes)
        rss = try cursor.field(in: bytes)
        rsslim = try cursor.field(in: bytes)
        try cursor.passFields(5, in: bytes)  // startcode to kstkeip (30)
        signal = SignalSet(bits: try cursor.field(in: bytes))
        blocked = SignalSet(bits: try cursor.field(in: bytes))
        sigignore = SignalSet(bits: try cursor.field(in: bytes))
        sigcatch = SignalSet(bits: try cursor.field(in: bytes))
        wchan = try cursor.field(in: bytes)
        try cursor.passFields(2, in: bytes)  // nswap, cnswap
        exitSignal = try cursor.field(in: bytes)
        processor = try cursor.field(in: bytes)
        rtPriority = try cursor.field(in: bytes)  // (40)
        policy = try cursor.field(in: bytes)
        delayacctBlkioTicks = try cursor.field(in: bytes)
        guestTime = try cursor.field(in: bytes)
        cguestTime = try cursor.field(in: bytes)
        try cursor.passFields(7, in: bytes)  // start_data to env_end (51)
        exitCode = try cursor.field(in: bytes)
        try cursor.endLine(in: bytes)
    }

    /// Whether it has ended and waits to be reaped.
    package var isZombie: Bool { state == UInt8(ascii: "Z") }

    /// Major and minor number of the controlling terminal, unpacked as proc_pid_stat(5) says: the minor one is in bits
    /// 31 to 20 and 7 to 0.
    package var terminal: (major: UInt32, minor: UInt32) {
        let packed = UInt32(bitPattern: ttyNumber)
        return (packed >> 8 & 0xfff, packed & 0xff | packed >> 12 & 0xfff00)
    }

    /// Replaces the four masks by those of the same process's `/proc/PID/status`: this file leaves out the real-time
    /// signals ("obsolete" in its man page).
    package mutating func adoptMasks(of status: ProcStatus) {
        signal = status.pending
        blocked = status.blocked
        sigignore = status.ignored
        sigcatch = status.caught
    }
}
