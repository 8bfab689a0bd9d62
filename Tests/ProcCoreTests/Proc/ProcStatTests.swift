import ProcCore
import Testing

@Suite struct ProcStatTests {
    static let scale = SystemScale(
        ticksPerSecond: 100, pageSize: 4096, bootTime: WallTime(nanoseconds: 1_700_000_000_123_456_789))

    static func parse(_ text: String) -> ProcStat? { ProcStat(parsing: Array(text.utf8).span) }

    static func parse(_ bytes: [UInt8]) -> ProcStat? { ProcStat(parsing: bytes.span) }

    @Test func everyFieldIsReadFromItsPlace() throws {
        let value = try #require(Self.parse(KernelText.busyStat)).value(scale: Self.scale)
        let expected: [Value.Member] = [
            .init("pid", .int(8927)),
            .init("comm", .string("evil) R 9 (x")),
            .init("state", .string("R")),
            .init("ppid", .int(8886)),
            .init("pgrp", .int(8927)),
            .init("session", .int(8927)),
            .init("tty_nr", .array([.int(136), .int(0)])),
            .init("tpgid", .int(8927)),
            .init("flags", .int(4_194_624)),
            .init("minflt", .int(8269)),
            .init("cminflt", .int(1933)),
            .init("majflt", .int(0)),
            .init("cmajflt", .int(0)),
            .init("utime", .double(0.46)),
            .init("stime", .double(0.06)),
            .init("cutime", .double(0.31)),
            .init("cstime", .double(0)),
            .init("priority", .int(-8)),
            .init("nice", .int(5)),
            .init("num_threads", .int(3)),
            .init("starttime", .string("2023-11-14T22:37:40.123456789+00:00")),
            .init("vsize", .int(169_455_616)),
            .init("rss", .int(2906 * 4096)),
            .init("rsslim", .uint(.max)),
            .init("signal", .array([.string("SIGHUP")])),
            .init("blocked", .array([.string("SIGHUP")])),
            .init("sigignore", .array([.string("SIGUSR2"), .string("SIGPIPE"), .string("SIGXFSZ")])),
            .init("sigcatch", .array([.string("SIGINT"), .string("SIGUSR1")])),
            .init("wchan", .int(0)),
            .init("exit_signal", .string("SIGCHLD")),
            .init("processor", .int(0)),
            .init("rt_priority", .int(7)),
            .init("policy", .int(2)),
            .init("delayacct_blkio_ticks", .double(0)),
            .init("guest_time", .double(0)),
            .init("cguest_time", .int(0)),
            .init("exit_code", .int(0)),
        ]
        #expect(value == .map(expected))
    }

    @Test func aZombieTellsItsWaitStatus() throws {
        let stat = try #require(Self.parse(KernelText.zombieStat))
        #expect(stat.isZombie)
        #expect(stat.exitCode == 768)
        let value = stat.value(scale: Self.scale)
        #expect(value["state"] == .string("Z"))
        #expect(value["tpgid"] == .null)
        #expect(value["wchan"] == .int(1))
        #expect(value["exit_code"] == .int(768))
    }

    /// The fields that are 0 in the captures, and the kinds of all.
    @Test(arguments: [
        (5, "4242", "pgrp", Value.int(4242)),
        (6, "4243", "session", .int(4243)),
        (12, "70", "majflt", .int(70)),
        (13, "71", "cmajflt", .int(71)),
        (17, "250", "cstime", .double(2.5)),
        (35, "18446744073709551615", "wchan", .uint(.max)),
        (39, "63", "processor", .int(63)),
        (42, "150", "delayacct_blkio_ticks", .double(1.5)),
        (43, "151", "guest_time", .double(1.51)),
        (44, "152", "cguest_time", .int(152)),
        (52, "15", "exit_code", .int(15)),
    ])
    func aFieldStandsWhereTheManPageCountsIt(number: Int, text: String, key: String, value: Value) throws {
        let stat = try #require(Self.parse(KernelText.stat(field: number, text)))
        #expect(stat.value(scale: Self.scale)[key] == value)
    }

    @Test(arguments: [
        "evil) R 9 (x", ":-)", "a b", "", ")", "(", ")(", "x) S 1 2 3 4 5", "a\nb\\c", "x) R 1\n", "\u{e9}t\u{e9}",
    ])
    func anyNameIsOnlyAName(comm: String) throws {
        let stat = try #require(Self.parse(KernelText.stat(comm: Array(comm.utf8))))
        #expect(stat.comm == comm)
        #expect(stat.state == UInt8(ascii: "R") && stat.ppid == 8886 && stat.exitSignal == 17)
    }

    @Test func aNameThatIsNotUTF8IsRepaired() throws {
        let stat = try #require(Self.parse(KernelText.stat(comm: [0xff, 0x28, 0xe2, 0x82, 0x29, 0x7a])))
        #expect(stat.comm == "\u{fffd}(\u{fffd})z")
        #expect(stat.ppid == 8886)
    }

    @Test(arguments: [KernelText.busyStat, KernelText.zombieStat])
    func noPrefixPassesForTheWhole(text: String) {
        let bytes = Array(text.utf8)
        for cut in 0..<bytes.count {
            #expect(Self.parse(Array(bytes[..<cut])) == nil, "\(cut) of \(bytes.count) bytes")
        }
        #expect(Self.parse(bytes) != nil)
    }

    @Test func fieldsOfLaterKernelsAreLeftAlone() {
        let longer = KernelText.busyStat.dropLast() + " 17 0\n"
        #expect(Self.parse(String(longer)) == Self.parse(KernelText.busyStat))
        #expect(Self.parse(String(longer.dropLast())) == nil)
        #expect(Self.parse(longer + "\n") == nil)
        #expect(Self.parse(KernelText.busyStat + "1\n") == nil)
    }

    @Test(arguments: [
        (4, "2147483647", true), (4, "2147483648", false), (4, "-2147483648", true), (4, "-2147483649", false),
        (9, "18446744073709551615", true), (9, "18446744073709551616", false), (9, "-1", false),
        (10, "18446744073709551615", true), (10, "99999999999999999999999", false),
        (16, "9223372036854775807", true), (16, "9223372036854775808", false),
        (16, "-9223372036854775808", true), (16, "-9223372036854775809", false),
        (19, "", false), (19, "-", false), (19, "+5", false), (19, "5x", false), (19, "0x5", false), (19, "--5", false),
        (22, "18446744073709551615", true), (24, "18446744073709551615", true), (26, "", false), (52, "1.5", false),
    ])
    func numbersEndWhereTheirTypesDo(number: Int, text: String, isRead: Bool) {
        let stat = Self.parse(KernelText.stat(field: number, text))
        #expect((stat != nil) == isRead)
        // Whatever was read can be written.
        _ = stat?.value(scale: Self.scale)
    }

    @Test func unsignedFieldsKeepAllTheirBits() throws {
        let border = "18446744073709551615"
        for (number, key) in [(9, "flags"), (10, "minflt"), (23, "vsize"), (25, "rsslim"), (35, "wchan")] {
            let stat = try #require(Self.parse(KernelText.stat(field: number, border)))
            #expect(stat.value(scale: Self.scale)[key] == .uint(.max), "\(key)")
        }
    }

    @Test func whatDoesNotFitIsTheMostThatDoes() throws {
        let pages = try #require(Self.parse(KernelText.stat(field: 24, "18446744073709551615")))
        #expect(pages.value(scale: Self.scale)["rss"] == .uint(.max))
        let start = try #require(Self.parse(KernelText.stat(field: 22, "18446744073709551615")))
        #expect(start.value(scale: Self.scale)["starttime"] == .string("2262-04-11T23:47:16.854775807+00:00"))
    }

    /// Packed as `new_encode_dev` of the kernel does.
    @Test(arguments: [
        ("0", 0, 0), ("34816", 136, 0), ("1025", 4, 1), ("34819", 136, 3), ("1083392", 136, 0x100),
        ("-1", 0xfff, 0xfffff), ("-1048576", 0, 0xfff00),
    ])
    func theTerminalIsUnpacked(text: String, major: UInt32, minor: UInt32) throws {
        let stat = try #require(Self.parse(KernelText.stat(field: 7, text)))
        #expect(stat.terminal == (major, minor))
    }

    @Test(arguments: [
        ("0", Value.null), ("-1", .null), ("15", .string("SIGTERM")), ("35", .string("SIGRTMIN+1")), ("65", .null),
    ])
    func theExitSignalIsANameOrNull(text: String, value: Value) throws {
        let stat = try #require(Self.parse(KernelText.stat(field: 38, text)))
        #expect(stat.value(scale: Self.scale)["exit_signal"] == value)
    }

    @Test func theStatusFileAddsTheRealTimeSignals() throws {
        var stat = try #require(Self.parse(KernelText.busyStat))
        let status = try #require(ProcStatusTests.parse(KernelText.busyStatus))
        stat.adoptMasks(of: status)
        #expect(stat.signal.names == ["SIGHUP", "SIGRTMIN"])
        #expect(stat.blocked.names == ["SIGHUP", "SIGRTMIN", "SIGRTMIN+30"])
        #expect(stat.sigignore.names == ["SIGUSR2", "SIGPIPE", "SIGXFSZ"])
        #expect(stat.sigcatch.names == ["SIGINT", "SIGUSR1", "SIG33", "SIGRTMIN+1"])
    }
}
