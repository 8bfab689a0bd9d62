import Glibc
import ProcCore
import TestSupport
import Testing

/// Where the access token must not be seen.
@Suite struct TokenSecrecyTests {
    /// What a child sees of the program that has started it, and of itself.
    @Test func theTokenIsWipedFromTheEnvironmentAndNothingElseIs() throws {
        let script = "tr '\\0' '\\n' </proc/$PPID/environ; echo; echo child:; env; tr '\\0' ' ' </proc/$PPID/cmdline"
        let ended = try Procstar.run(
            SpecText.document(SpecText.spec(["/bin/sh", "-c", script])), ["--exit"],
            environment: [
                "A=before", "PROCSTAR_AGENT_TOKEN=sesame-1", "B=between", "PROCSTAR_AGENT_TOKEN=sesame-2",
                "PROCSTAR_AGENT_TOKENS=kept", "PROCSTAR_AGENT_TOKEN_FILE=/no/such", "C=after", "PATH=/usr/bin:/bin",
            ])
        let text = ended.outputText
        #expect(ended.exitCode == 0 && !text.contains("sesame"), "\(text)\(ended.errorText)")
        for entry in ["A=before", "B=between", "PROCSTAR_AGENT_TOKENS=kept", "C=after"] {
            #expect(text.split(separator: "\n").count { $0 == entry } == 2, "\(entry) in \(text)")
        }
        let child = try #require(text.split(separator: "child:").last)
        #expect(!child.contains("PROCSTAR_AGENT_TOKEN=") && !child.contains("PROCSTAR_AGENT_TOKEN_FILE"))
    }

    /// The server has got it, also after a SIGHUP; nobody else has, not even by the most talkative log.
    @Test func anAgentTellsItsTokenToTheServerAlone() throws {
        let server = try CheckServer()
        let run = try ProgramRun(
            [Procstar.executable, "--agent", "--log-level=trace"] + server.options,
            environment: CheckServer.goodToken + Sanitizer.variables)
        server.serve { !server.heard.isEmpty }
        let environment = try #require(contents(of: "/proc/\(run.pid)/environ"))
        let arguments = try #require(contents(of: "/proc/\(run.pid)/cmdline"))
        run.signal(SIGHUP)
        #expect(run.waitForError("read the access token and the trust anchors again"))
        server.hangUp()
        server.serve { server.heard.count > 1 }
        run.signal(SIGUSR1)
        server.serve { !LiveProcess.isAlive(run.pid) }
        let ended = run.finish()
        #expect(server.heard.count { $0["access_token"] == .string("sesame") } == 2, "\(server.heard)")
        let seen =
            [environment, arguments].map { String(decoding: $0, as: UTF8.self) } + [
                ended.errorText, ended.outputText,
            ]
        for text in seen { #expect(!text.contains("sesame"), "\(text)") }
        #expect(ended.exitCode == 0 && ended.errorText.contains("registered"), "\(ended.errorText)")
    }
}
