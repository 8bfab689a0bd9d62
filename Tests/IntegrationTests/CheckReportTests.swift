import ProcCore
import Testing

@testable import procstar

@Suite struct CheckReportTests {
    static func lines(_ style: CheckReport.Style) -> [String] {
        var report = CheckReport(style: style)
        return [
            report.add(.name, .good("h is 10.0.0.7")), report.add(.token, .warning("none", advice: "give one")),
            report.add(.connect, .failure("refused", advice: "start it")),
            report.add(.spec, .failure("x", advice: nil)),
            report.add(.tls, .skipped(after: .connect)), report.summary,
        ]
    }

    @Test func everyKindOfFindingHasItsMark() {
        #expect(
            Self.lines(.init(isColored: false, hasMarks: true)) == [
                "✓ name: h is 10.0.0.7", "! access token: none; give one", "✗ connect: refused; start it", "✗ spec: x",
                "- TLS: skipped, because connect failed", "failed: connect, spec",
            ])
        #expect(Self.lines(.init(isColored: false, hasMarks: false))[0] == "[ok] name: h is 10.0.0.7")
        #expect(Self.lines(.init(isColored: false, hasMarks: false)).allSatisfy { $0.utf8.allSatisfy { $0 < 0x80 } })
        #expect(Self.lines(.init(isColored: true, hasMarks: true))[0] == "\u{1b}[32m✓\u{1b}[0m name: h is 10.0.0.7")
    }

    @Test func theSummaryCountsWarnings() {
        var report = CheckReport(style: .init(isColored: false, hasMarks: true))
        #expect(report.summary == "all that an agent needs is there")
        _ = report.add(.token, .warning("a", advice: "b"))
        #expect(report.summary == "all that an agent needs is there, with 1 warning")
        _ = report.add(.processes, .warning("a", advice: "b"))
        #expect(report.summary == "all that an agent needs is there, with 2 warnings" && report.failed.isEmpty)
    }

    @Test func whatAServerSaysCannotCommandTheTerminal() {
        var report = CheckReport(style: .init(isColored: false, hasMarks: true))
        let line = report.add(.webSocket, .failure("a\u{1b}[2J\nb\u{202e}", advice: nil))
        #expect(line == #"✗ WebSocket: a\u{1b}[2J\nb\u{202e}"#)
    }

    static let styles: [(isTerminal: Bool, environment: [String: String], isColored: Bool, hasMarks: Bool)] = [
        (true, ["LANG": "en_GB.UTF-8"], true, true),
        (true, ["LANG": "C.utf8", "NO_COLOR": "1"], false, true),
        (true, ["LANG": "C.UTF-8", "NO_COLOR": ""], true, true),
        (true, ["LC_CTYPE": "de_DE.UTF-8", "LANG": "C", "TERM": "dumb"], false, true),
        (false, ["LC_ALL": "C", "LANG": "en_GB.UTF-8"], false, false),
        (false, ["LC_ALL": "", "LANG": "en_GB.UTF-8"], false, true),
        (false, [:], false, false),
    ]

    @Test(arguments: styles)
    func theStyleIsWhatTheTerminalCanShow(
        isTerminal: Bool, environment: [String: String], isColored: Bool, hasMarks: Bool
    ) {
        #expect(
            CheckReport.Style(isTerminal: isTerminal, environment: environment)
                == CheckReport.Style(isColored: isColored, hasMarks: hasMarks))
    }

    @Test func limitsAreGoodFromAThousandProcessesOn() {
        #expect(
            CheckFinding.openFiles(soft: 1024, hard: 524_288)
                == .good(
                    "at most 524288 (soft limit 1024, which the agent raises), "
                        + "enough for some 74880 processes at a time"))
        #expect(
            CheckFinding.openFiles(soft: 4096, hard: 4096)
                == .warning(
                    "at most 4096, enough for some 566 processes at a time",
                    advice: "for more, raise the hard limit: LimitNOFILE= of a systemd unit, or ulimit -Hn"))
        // 1000 processes of 7 descriptors, and the reserve of 128.
        #expect(!CheckFinding.openFiles(soft: 7128, hard: 7128).isWarning)
        #expect(CheckFinding.openFiles(soft: 7127, hard: 7127).isWarning)
        #expect(
            !CheckFinding.openFiles(soft: 1, hard: .max).isWarning && CheckFinding.openFiles(soft: 8, hard: 8).isWarning
        )
        #expect(!CheckFinding.processes(limit: nil).isWarning)
        #expect(!CheckFinding.processes(limit: 2000).isWarning && CheckFinding.processes(limit: 1999).isWarning)
    }

    @Test func aFolderIsGoodFromOneGiBOn() {
        #expect(
            CheckFinding.captureFolder("/c", .success(1 << 30)) == .good("/c takes files and has 1 GiB free"))
        #expect(
            CheckFinding.captureFolder("/c", .success(1 << 20))
                == .warning(
                    "/c takes files and has 1 MiB free",
                    advice: "make room, or name another folder with --capture-dir"))
    }
}

extension CheckFinding {
    var isWarning: Bool { if case .warning = self { true } else { false } }
}
