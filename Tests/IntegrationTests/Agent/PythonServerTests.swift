import TestSupport
import Testing

/// The agent, served by the Python package procstar as it is. What each scenario does is in `PythonServer`.
@Suite struct PythonServerTests {
    static let scenarios = [
        "a-busy-machine-is-no-reason-to-lose-the-connection",
        "a-certificate-of-an-unknown-authority-is-refused-and-told-once",
        "a-certificate-of-another-host-is-refused-and-told-once",
        "a-closed-port-is-told-once-and-tried-until-it-opens",
        "a-drained-agent-serves-until-its-last-process-is-deleted",
        "a-duplicate-id-refuses-the-whole-request",
        "a-file-that-cannot-be-opened-is-an-error-of-its-process-alone",
        "a-host-that-is-not-known-is-told-once",
        "a-hundred-upgrades-under-load-disturb-no-run",
        "a-killed-agents-processes-are-killed-and-told",
        "a-moved-clock-is-no-reason-to-lose-the-connection",
        "a-moved-clock-is-seen-in-instants-and-not-in-durations",
        "a-port-that-is-closed-for-a-while-loses-nothing",
        "a-process-gives-two-results",
        "a-process-is-deleted-once-it-has-ended",
        "a-process-that-cannot-start-gives-two-results",
        "a-quiet-server-is-not-given-up",
        "a-reconnected-server-goes-on-where-it-was",
        "a-restarted-server-gets-all-of-a-thousand-processes",
        "a-second-sigterm-kills-at-once",
        "a-signal-that-a-process-catches-does-not-end-it",
        "a-signal-to-a-process-that-has-ended-is-an-error",
        "a-slow-way-is-no-fault",
        "a-start-request-cut-inside-a-frame-starts-nothing",
        "a-start-request-on-a-dying-connection-happens-wholly-or-not-at-all",
        "a-start-request-that-was-never-read-has-not-happened",
        "a-stopped-server-is-given-up-and-nothing-is-lost",
        "a-stream-in-tiny-pieces-is-no-fault",
        "a-terminated-agent-delivers-results-and-output-before-it-ends",
        "a-way-that-stalls-is-given-up-and-nothing-is-lost",
        "a-wrong-token-is-guessed-at-once-and-tried-on",
        "agents-that-are-killed-under-load-lose-nothing",
        "an-agent-after-a-killed-agent-and-keeper-tells-what-is-lost",
        "an-agent-registers-in-its-group-and-tells-who-it-is",
        "an-agent-that-is-killed-at-random-moments-loses-nothing",
        "an-agent-that-waits-ends-when-its-work-has-been-deleted",
        "an-agent-that-waits-in-vain-ends-after-its-timeout",
        "an-agent-without-a-server-ends-when-it-is-told-to",
        "an-expired-certificate-is-refused-and-told-once",
        "an-idle-agent-ends-at-once-when-it-is-drained",
        "an-unknown-key-in-a-spec-is-refused-by-name",
        "an-unknown-process-is-told-as-unknown",
        "another-agent-states-the-runs-of-a-killed-keeper-as-lost",
        "apsis-collects-all-output-and-the-status",
        "apsis-reads-status-and-lengths-of-a-process-that-could-not-start",
        "both-outputs-come-with-the-result-when-they-are-attached",
        "children-do-not-see-the-agents-secrets",
        "fifty-megabytes-arrive-byte-by-byte",
        "output-cut-inside-a-frame-arrives-whole-afterwards",
        "output-is-fetched-whole-and-in-ranges",
        "output-is-true-at-every-moment-while-it-is-written",
        "pipes-connect-processes-of-one-request",
        "results-from-without-a-connection-are-not-sent-unasked",
        "servers-that-are-killed-under-load-lose-nothing",
        "signals-arrive-and-are-seen-in-the-result",
        "streams-that-are-truncated-lose-nothing",
        "the-agent-that-started-a-killed-keeper-inherits-its-runs",
        "the-last-attempt-ends-the-agent-with-status-1",
        "the-runs-of-a-killed-agent-are-all-there-in-the-next",
        "two-agents-of-a-group-have-their-own-processes",
        "two-hundred-processes-start-at-once",
        "what-a-killed-keeper-was-to-start-is-lost",
        "what-upgrades-take-over-counts-once-among-the-descriptors",
    ]

    /// The interpreter is what `script/bootstrap test` has made.
    private static func command(file: String = #filePath) -> [String] {
        let folder = file.split(separator: "/").dropLast()
        let root = folder.dropLast(3).joined(separator: "/")
        return ["/\(root)/.venv/bin/python", "/\(folder.joined(separator: "/"))/PythonServer/scenarios.py"]
    }

    /// A scenario ends by itself within 50 s, and is killed when it has been silent for longer.
    @Test(arguments: scenarios)
    func theScenarioIsAsItsNameSays(name: String) throws {
        let ended = try ProgramRun(Self.command() + [name, Procstar.executable]).finish()
        #expect(ended.exitCode == 0, "\(ended.errorText)")
    }

    @Test func everyScenarioIsRun() throws {
        let ended = try ProgramRun(Self.command() + ["--list"]).finish()
        #expect(ended.outputText.split(separator: "\n").map(String.init) == Self.scenarios)
    }
}
