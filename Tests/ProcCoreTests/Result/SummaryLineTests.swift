import ProcCore
import Testing

@Suite struct SummaryLineTests {
    static func line(_ result: ProcessResult, id: String = "build") -> String {
        result.summaryLine(id: id, scale: ProcStatTests.scale)
    }

    static func line(_ raw: CInt, _ cause: Cause) -> String {
        line(ProcessResultTests.ended(WaitStatus(raw: raw), cause))
    }

    static func failed(_ cause: Cause, _ errors: [String] = []) -> ProcessResult {
        var result = ProcessResultTests.result(.failed(at: ProcessResultTests.now, cause))
        result.errors = errors
        return result
    }

    @Test func anExitTellsItsCodeAndWhatItTook() {
        #expect(Self.line(0, .exited) == "build: exit 0, 2.5 s, 1.2 s CPU, peak 48 MiB")
    }

    @Test func aSignalTellsWhoSentIt() {
        let figures = ", 2.5 s, 1.2 s CPU, peak 48 MiB"
        let term = WaitStatus(raw: 15)
        for (sender, words) in [
            (nil, ""), (Cause.Sender.request, " (on request)"), (.stop, " (stopped)"), (.shutdown, " (at shutdown)"),
        ] as [(Cause.Sender?, String)] {
            let result = ProcessResultTests.ended(term, .signalled(.terminate, sender: sender))
            #expect(Self.line(result) == "build: killed by SIGTERM" + words + figures)
        }
        #expect(
            Self.line(139, .signalled(.kill, sender: nil))
                == "build: killed by SIGSEGV, core dumped" + figures)
    }

    @Test func ourOwnLimitsAreNamed() {
        let figures = ", 2.5 s, 1.2 s CPU, peak 48 MiB"
        #expect(Self.line(15, .timeout(.seconds(5))) == "build: killed by SIGTERM (timeout after 5 s)" + figures)
        #expect(Self.line(256, .timeout(.seconds(90))) == "build: exit 1 (timeout after 1 min 30 s)" + figures)
        #expect(Self.line(9, .limit(fd: "stdout")) == "build: killed by SIGKILL (stdout over its limit)" + figures)
    }

    @Test func aFailedStartTellsWhy() {
        let errors = ["failed to set up fd 1: Permission denied", "failed to set up fd 5: Bad file descriptor"]
        #expect(
            Self.line(Self.failed(.startFailure, ["execve failed: /no/such: No such file or directory"]))
                == "build: failed to start: execve failed: /no/such: No such file or directory")
        #expect(
            Self.line(Self.failed(.startFailure, errors))
                == "build: failed to start: failed to set up fd 1: Permission denied; "
                + "failed to set up fd 5: Bad file descriptor")
        #expect(
            Self.line(Self.failed(.cancelled(sender: .request))) == "build: cancelled before it started (on request)")
        #expect(Self.line(Self.failed(.timeout(.seconds(5)))) == "build: not started within 5 s")
    }

    @Test func whatStillRunsTellsItsFiguresSoFar() throws {
        #expect(
            Self.line(try ProcessResultTests.running()) == "build: running, pid 8927, 2.5 s, 520 ms CPU, peak 41 MiB")
        #expect(Self.line(ProcessResultTests.result(.starting)) == "build: starting, 2.5 s")
    }

    @Test func errorsBesideTheProcessAreTold() {
        var result = ProcessResultTests.ended(WaitStatus(raw: 0))
        result.errors = ["read capture of fd 1: Input/output error"]
        #expect(Self.line(result).hasSuffix("peak 48 MiB (read capture of fd 1: Input/output error)"))
    }

    @Test func anyNameStaysOnOneLineAndOffTheTerminalsControls() {
        let line = Self.line(ProcessResultTests.result(.starting), id: "a\nb\u{1b}[2J\u{9b}\u{202e}\u{2028}é")
        #expect(line == #"a\nb\u{1B}[2J\u{009B}\u{202E}\u{2028}é: starting, 2.5 s"#)
    }
}
