import Glibc
import ProcAgent
import TestSupport
import Testing

@testable import procstar

/// `procstar upgrade`, with a process in place of the agent that has its lock and answers as one would.
@Suite(.enabled(if: Python.isThere, "needs python3")) struct UpgradeCommandTests {
    let temporary = TemporaryDirectory()

    private var folder: String { temporary.path("state") }

    private func upgrade(_ options: [String], environment: [String] = []) throws -> ProgramRun.Ended {
        try ProgramRun(
            [Procstar.executable, "upgrade"] + options, environment: environment + Sanitizer.variables
        ).finish()
    }

    /// What it does at SIGUSR2.
    private static func answering(_ statement: String) -> String {
        """
        def answer(signum, frame):
            def tell(line):
                with open(f"{folder}/upgrade.new", "w") as file: file.write(line)
                os.rename(f"{folder}/upgrade.new", f"{folder}/upgrade")
            \(statement)
        signal.signal(signal.SIGUSR2, answer)
        """
    }

    private func agent(_ statement: String, in folder: String? = nil) throws -> LockHolder {
        try LockHolder(of: folder ?? self.folder, more: Self.answering(statement))
    }

    @Test func theVersionThatRunsNowIsTold() throws {
        let agent = try agent(#"tell("done 9.8.7\n")"#)
        // What came of the last one doesn't count.
        temporary.write("failed of old\n", to: "state/upgrade")
        let ended = try upgrade(["--state-dir", folder])
        #expect(ended.exitCode == 0 && ended.errorText == "", "\(ended.errorText)")
        #expect(ended.outputText == "the agent with pid \(agent.pid) is procstar 9.8.7 now\n")
    }

    @Test func aFailureIsToldWithItsReason() throws {
        let agent = try agent(#"tell("failed no\x1b[2J such program\n")"#)
        let ended = try upgrade([], environment: ["PROCSTAR_STATE_DIR=\(folder)"])
        #expect(ended.exitCode == 1 && ended.outputText == "")
        #expect(
            ended.errorText
                == "procstar: not upgraded, the agent with pid \(agent.pid) goes on as it was: "
                + "no\\u{1b}[2J such program\n")
    }

    @Test func anAgentIsFoundByItsConnectionID() throws {
        let environment = ["XDG_RUNTIME_DIR": temporary.path]
        let path = try StateFolder.runtimePath(connID: "my agent", environment: environment)
        let agent = try agent(#"tell("done 1\n")"#, in: path)
        let ended = try upgrade(["--conn-id=my agent"], environment: ["XDG_RUNTIME_DIR=\(temporary.path)"])
        #expect(ended.outputText == "the agent with pid \(agent.pid) is procstar 1 now\n", "\(ended.errorText)")
    }

    @Test func whereNoAgentRunsThatIsTold() throws {
        for _ in 0..<2 {
            let ended = try upgrade(["--state-dir", folder])
            #expect(ended.exitCode == 1 && ended.errorText == "procstar: no agent runs on \(folder)\n")
            // Then with what one has left that was killed.
            try agent("pass").kill()
        }
        let ended = try upgrade(["--conn-id", "x"], environment: ["XDG_RUNTIME_DIR=\(temporary.path)"])
        #expect(
            ended.errorText
                == "procstar: no agent runs with the connection id \"x\"; one with a --state-dir DIR is found by that\n"
        )
    }

    @Test func anAgentThatEndsIsNotWaitedFor() throws {
        let agent = try agent("os._exit(0)")
        let ended = try upgrade(["--state-dir", folder])
        #expect(ended.exitCode == 1)
        #expect(ended.errorText == "procstar: the agent with pid \(agent.pid) has ended; its log may say why\n")
    }

    @Test func anAgentThatSaysNothingIsWaitedForHalfAMinute() async throws {
        let agent = try agent("pass")
        let ended = try await apart { try upgrade(["--state-dir", folder]) }
        #expect(ended.exitCode == 1)
        #expect(
            ended.errorText
                == "procstar: the agent with pid \(agent.pid) has not said within 30 s what has come of the upgrade; "
                + "its log may say more\n")
    }

    @Test func aSignalEndsIt() throws {
        let agent = try agent("print('asked', flush=True)")
        let run = try ProgramRun(
            [Procstar.executable, "upgrade", "--state-dir", folder], environment: Sanitizer.variables)
        #expect(agent.waitForOutput("asked"))
        run.signal(SIGINT)
        #expect(run.finish().termSignal == SIGINT)
    }

    // MARK: The command line

    @Test func theOptionsSayWhichAgentIsMeant() throws {
        #expect(try Command.parse(["upgrade", "--state-dir=a"], environment: [:]) == .upgrade(.stateDirectory("a")))
        #expect(try Command.parse(["upgrade", "--conn-id", "b"], environment: [:]) == .upgrade(.connID("b")))
        let environment = ["PROCSTAR_STATE_DIR": "c"]
        #expect(try Command.parse(["upgrade"], environment: environment) == .upgrade(.stateDirectory("c")))
        #expect(try Command.parse(["upgrade", "--conn-id=b"], environment: environment) == .upgrade(.connID("b")))
        #expect(try Command.parse(["upgrade", "--help"], environment: [:]) == .help)
        #expect(try Command.parse(["-x", "upgrade"], environment: [:]) == OptionsTests.parse("-x upgrade"))
    }

    @Test(arguments: [
        ("upgrade", "upgrade needs --state-dir DIR or --conn-id ID, to know which agent is meant"),
        ("upgrade --state-dir=", "option --state-dir has an empty value"),
        (
            "upgrade --state-dir a --conn-id b",
            "upgrade is about one agent: give one --state-dir DIR or one --conn-id ID"
        ),
        (
            "upgrade --state-dir a --state-dir a",
            "upgrade is about one agent: give one --state-dir DIR or one --conn-id ID"
        ),
        ("upgrade --agent", "option --agent has no meaning for upgrade"),
        ("upgrade --keep 1", "option --keep has no meaning for upgrade"),
        ("upgrade spec.json", "upgrade takes no INPUT, and there is spec.json"),
    ])
    func whatIsWrongIsTold(line: String, problem: String) {
        #expect(AgentOptionsTests.complaint(line, environment: [:]) == "\(problem); see procstar --help")
    }
}
