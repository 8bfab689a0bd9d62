import Glibc
import ProcCore
import TestSupport
import Testing

/// What people see: a terminal at standard output and standard error.
@Suite struct LocalCommandTerminalTests {
    /// All that a run writes to its terminal.
    static func seen(
        _ document: String, _ options: [String] = ["--exit"], environment: [String]? = nil
    ) throws -> String {
        let terminal = PseudoTerminal()
        let run = try Procstar.start(document, options, environment: environment, terminal: terminal.terminal)
        #expect(run.finish().exitCode == 0)
        return terminal.readAvailable()
    }

    /// A summary line without its figures: `p: exit 0, # s, # s CPU, peak # MiB`.
    static func withoutFigures(_ line: Substring) -> String {
        var text = ""
        for part in line.split(separator: ", ") {
            let isFigure = part.first?.isNumber == true
            let end = part.split(separator: " ").dropFirst().joined(separator: " ")
            let figure = part.hasPrefix("peak ") ? "peak #" : isFigure ? "# \(end)" : String(part)
            text += (text.isEmpty ? "" : ", ") + figure
        }
        return text
    }

    static let quiet = #""fds": [["stdout", {"null": {}}], ["stderr", {"null": {}}]]"#

    @Test func eachProcessHasALineOfSummaryInTheEnd() throws {
        let text = try Self.seen(
            """
            {"specs": {"build": {"argv": ["/bin/true"]}, "test": {"command": "exit 3"},
                       "killed": {"command": "kill -9 $$"}, "missing": {"argv": ["/no/such"]}}}
            """)
        let lines = text.split(separator: "\r\n").map(Self.withoutFigures)
        try #require(lines.count == 4, "\(text)")
        #expect(lines[0].hasPrefix("build: exit 0, # "), "\(text)")
        #expect(lines[0].hasSuffix(" CPU, peak #"), "\(text)")
        #expect(lines[1].hasPrefix("test: exit 3, "))
        #expect(lines[2].hasPrefix("killed: killed by SIGKILL, "))
        #expect(lines[3] == "missing: failed to start: execve failed: /no/such: No such file or directory")
    }

    @Test func aProcessThatWasEndedByUsSaysSo() throws {
        let terminal = PseudoTerminal()
        let run = try Procstar.start(
            document(#""command": "echo ready; exec sleep 1000""#), ["--exit"], terminal: terminal.terminal)
        #expect(terminal.read(until: "ready").contains("ready"))
        run.signal(SIGTERM)
        #expect(run.finish().exitCode == 0)
        #expect(terminal.readAvailable().contains("p: killed by SIGTERM (at shutdown), "))
    }

    @Test func resultsComeBeforeTheSummary() throws {
        let text = try Self.seen(document(#""argv": ["/bin/true"]"#), ["--print"])
        let lines = text.split(separator: "\r\n")
        try #require(lines.count == 2, "\(text)")
        #expect(try JSONReader.read(Array(lines[0].utf8))["p"]?.exitCode == 0)
        #expect(lines[1].hasPrefix("p: exit 0, "))
    }

    @Test func progressIsShownAndErasedWhereNoProcessWritesToTheTerminal() throws {
        let text = try Self.seen(document(#""argv": ["/bin/true"], \#(Self.quiet)"#))
        #expect(text.hasPrefix("\r\u{1b}[K"), "\(text.debugDescription)")
        #expect(text.contains("1 of 1 ended"))
        // The line is erased before the summary.
        let last = String(text.split(separator: "\r\u{1b}[K").last ?? "")
        #expect(last.hasPrefix("p: exit 0, ") && last.hasSuffix("\r\n"), "\(text.debugDescription)")
    }

    @Test(arguments: [
        "", #""fds": []"#, #""fds": [["stdout", {"null": {}}]]"#, #""fds": [["stderr", {"null": {}}]]"#,
        #""fds": [["stdout", "inherit"], ["stderr", {"null": {}}]]"#,
        #""fds": [["stdout", {"dup": {"fd": 2}}], ["stderr", {"null": {}}]]"#,
        #""fds": [["7", "inherit"], ["stdout", {"dup": {"fd": 7}}], ["stderr", {"null": {}}]]"#,
    ])
    func thereIsNoProgressWhereAProcessMayWriteToTheTerminal(fds: String) throws {
        let terminal = PseudoTerminal()
        let spec = #""argv": ["/bin/true"]"# + (fds.isEmpty ? "" : ", \(fds)")
        let run = try Procstar.start(
            document(spec), ["--exit"], descriptors: [7: terminal.terminal], terminal: terminal.terminal)
        #expect(run.finish().exitCode == 0)
        #expect(!terminal.readAvailable().contains("\u{1b}"))
    }

    @Test func levelsAreColouredUnlessNO_COLORObjects() throws {
        let log = ["--exit", "--log-level", "info"]
        let text = document(#""argv": ["/bin/true"]"#)
        #expect(try Self.seen(text, log, environment: ["TERM=xterm"]).contains("\u{1b}["))
        for environment in [["TERM=xterm", "NO_COLOR=1"], ["TERM=dumb"]] {
            let seen = try Self.seen(text, log, environment: environment)
            #expect(
                seen.contains("started processes from specs") && !seen.contains("\u{1b}"), "\(seen.debugDescription)")
        }
    }

    @Test func aNameThatWouldActOnTheTerminalIsEscaped() throws {
        let text = try Self.seen(#"{"specs": {"\u001b]0;evil\u0007\n\u202e": {"argv": ["/bin/true"]}}}"#)
        #expect(
            !text.contains("\u{1b}") && !text.contains("\u{7}") && !text.contains("\u{202e}"),
            "\(text.debugDescription)")
        #expect(text.split(separator: "\r\n").count == 1)
    }

    @Test func inAPipeThereIsOnlyJSON() throws {
        let ended = try Procstar.run(document(#""argv": ["/bin/true"], \#(Self.quiet)"#))
        #expect(ended.errors.isEmpty)
        #expect(ended.outputText.split(separator: "\n").count == 1)
    }
}
