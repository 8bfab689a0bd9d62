import Glibc
import ProcCore
import Testing

@Suite struct SignalTests {
    /// What this system's headers say.
    static let headers: [(name: String, number: CInt)] = [
        ("SIGHUP", SIGHUP), ("SIGINT", SIGINT), ("SIGQUIT", SIGQUIT), ("SIGILL", SIGILL), ("SIGTRAP", SIGTRAP),
        ("SIGABRT", SIGABRT), ("SIGBUS", SIGBUS), ("SIGFPE", SIGFPE), ("SIGKILL", SIGKILL), ("SIGUSR1", SIGUSR1),
        ("SIGSEGV", SIGSEGV), ("SIGUSR2", SIGUSR2), ("SIGPIPE", SIGPIPE), ("SIGALRM", SIGALRM), ("SIGTERM", SIGTERM),
        ("SIGSTKFLT", SIGSTKFLT), ("SIGCHLD", SIGCHLD), ("SIGCONT", SIGCONT), ("SIGSTOP", SIGSTOP),
        ("SIGTSTP", SIGTSTP), ("SIGTTIN", SIGTTIN), ("SIGTTOU", SIGTTOU), ("SIGURG", SIGURG), ("SIGXCPU", SIGXCPU),
        ("SIGXFSZ", SIGXFSZ), ("SIGVTALRM", SIGVTALRM), ("SIGPROF", SIGPROF), ("SIGWINCH", SIGWINCH),
        ("SIGIO", SIGIO), ("SIGPWR", SIGPWR), ("SIGSYS", SIGSYS),
    ]

    @Test func standardSignalsHaveTheNamesOfTheHeaders() {
        #expect(Self.headers.map(\.number) == Array(1...31))
        for (name, number) in Self.headers {
            #expect(Signal(number)?.name == name)
        }
    }

    @Test func realTimeSignalsAreCountedFromGlibcsFirst() {
        #expect(Signal(__libc_current_sigrtmin())?.name == "SIGRTMIN")
        #expect(Signal(__libc_current_sigrtmax())?.name == "SIGRTMIN+30")
        #expect(Signal(35)?.name == "SIGRTMIN+1")
        #expect(Signal(32)?.name == "SIG32")
        #expect(Signal(33)?.name == "SIG33")
    }

    @Test func onlyOneToSixtyFourAreSignals() {
        for number: Int64 in [.min, -1, 0, 65, 127, 0x1_0000_000f, .max] {
            #expect(Signal(number) == nil, "\(number)")
        }
        #expect(Signal(UInt64.max) == nil)
        #expect((1...64).allSatisfy { Signal($0)?.number == CInt($0) })
    }

    @Test func everySignalIsReadBackFromItsNameAndItsNumber() {
        for number in 1...64 {
            guard let signal = Signal(number) else {
                Issue.record("no signal \(number)")
                continue
            }
            #expect(Signal(parsing: signal.name) == signal)
            #expect(Signal(parsing: String(signal.name.dropFirst(3))) == signal)
            #expect(Signal(parsing: String(number)) == signal)
        }
    }

    @Test(arguments: [
        ("SIGTERM", 15), ("TERM", 15), ("15", 15), ("9", 9), ("64", 64), ("SIGRTMIN+3", 37), ("RTMIN+3", 37),
        ("SIGRTMIN+0", 34), ("SIGRTMIN+30", 64), ("SIGRTMAX", 64), ("SIGRTMAX-1", 63), ("RTMAX-30", 34),
        ("SIGCLD", 17), ("SIGPOLL", 29), ("IOT", 6), ("SIG33", 33),
    ])
    func whatPeopleWriteIsUnderstood(text: String, number: CInt) {
        #expect(Signal(parsing: text)?.number == number)
    }

    @Test(arguments: [
        "", "SIG", "sigterm", "SIGterm", "SIGSIGTERM", " SIGTERM", "SIGTERM ", "SIGTERM\0", "0", "65", "-1", "+15",
        "015", "15 ", "1e1", "0x0f", "99999999999999999999", "SIG15", "SIGNONE", "SIGRTMIN+", "SIGRTMIN+31",
        "SIGRTMIN-1", "SIGRTMIN+01", "SIGRTMIN++1", "SIGRTMAX-31", "SIGRTMAX+1", "SIGRTMIN+\u{661}", "\u{661}",
    ])
    func nothingElseIs(text: String) {
        #expect(Signal(parsing: text) == nil)
    }

    @Test func constantsAreWhatTheyAreCalled() {
        let constants: [Signal] = [.hangup, .interrupt, .quit, .kill, .pipe, .terminate]
        #expect(constants.map(\.name) == ["SIGHUP", "SIGINT", "SIGQUIT", "SIGKILL", "SIGPIPE", "SIGTERM"])
    }
}

@Suite struct SignalSetTests {
    @Test func bitZeroIsSignalOne() {
        #expect(SignalSet(bits: 1).names == ["SIGHUP"])
        // Ignored by every Python: SIGPIPE and SIGXFSZ (SigIgn 0000000001001000).
        #expect(SignalSet(bits: 0x0100_1000).names == ["SIGPIPE", "SIGXFSZ"])
        #expect(SignalSet(bits: 0x8000_0005_0000_4000).names == ["SIGTERM", "SIG33", "SIGRTMIN+1", "SIGRTMIN+30"])
        #expect(SignalSet(bits: 0).names == [])
    }

    @Test func aFullMaskNamesSixtyFourDifferentSignals() {
        let names = SignalSet(bits: .max).names
        #expect(names.count == 64 && Set(names).count == 64)
        #expect(SignalSet(bits: .max).value == .array(names.map { .string($0) }))
    }

    @Test func membershipGoesByTheSameBits() throws {
        for number in 1...64 {
            let signal = try #require(Signal(number))
            let alone = SignalSet(bits: 1 << UInt64(number - 1))
            #expect(alone.names == [signal.name])
            #expect(alone.contains(signal))
            #expect(!SignalSet(bits: ~alone.bits).contains(signal))
        }
    }
}
