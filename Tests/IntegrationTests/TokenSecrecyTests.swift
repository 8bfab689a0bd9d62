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
}
