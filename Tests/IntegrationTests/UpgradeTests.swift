import Glibc
import ProcAgent
import ProcCore
import ProcIO
import TestSupport
import Testing

@testable import procstar

/// What an agent asks a program that is to take its place, and what that answers.
@Suite struct UpgradeTests {
    let temporary = TemporaryDirectory()

    private func check(_ program: String, ledger: Int = HandOver.ledgerVersion) throws -> Result<
        String, Upgrade.Refusal
    > {
        let loop = try EventLoop()
        let upgrade = try Upgrade(program: program, inheritance: try Self.inheritance.get(), loop: loop)
        var result: Result<String, Upgrade.Refusal>?
        let question = HandOverCheck(
            ledger: ledger, keeper: HandOver.keeperVersion, folder: temporary.path,
            options: ["--agent", "--agent-host", "localhost"])
        upgrade.check(question) { result = $0 }
        loop.run { result != nil }
        return try #require(result)
    }

    private static let inheritance = Result { try Inheritance.takeOver() }

    private func refusal(_ script: String) throws -> String {
        let program = temporary.write("#!/bin/sh\n\(script)\n", to: "new", mode: 0o755)
        switch try check(program) {
        case .success(let version): return "no refusal but \(version)"
        case .failure(let refusal):
            let text = refusal.description
            return text.hasPrefix(program) ? String(text.dropFirst(program.count + 1)) : text
        }
    }

    @Test func procstarItselfWouldDo() throws {
        #expect(try check(Procstar.executable) == .success(Version.number))
    }

    @Test func theVersionIsThatOfTheNewProgram() throws {
        let script = #"case $1 in --version) echo procstar 9.8.7;; *) echo "$@" >&2; echo ok;; esac"#
        let program = temporary.write("#!/bin/sh\n\(script)\n", to: "new", mode: 0o755)
        #expect(try check(program) == .success("9.8.7"))
    }

    @Test func aFormatThatIsMoreThanOneApartIsRefused() throws {
        let far = HandOver.ledgerVersion + 2
        let program = Procstar.executable
        #expect(
            try check(program, ledger: far)
                == .failure(
                    .init(
                        description: "\(program) --check-hand-over: procstar: the ledger has version \(far), "
                            + "and this procstar knows 1 to 2")))
        #expect(try check(program, ledger: HandOver.ledgerVersion + 1) == .success(Version.number))
        #expect(HandOver.objection(ledger: 1, keeper: HandOver.keeperVersion + 2)?.hasPrefix("the keeper's") == true)
    }

    @Test func whatIsNoProcstarIsRefused() throws {
        #expect(try refusal("echo bash 5") == #"--version: "bash 5" is no version of procstar"#)
        #expect(try refusal("echo procstar") == #"--version: "procstar" is no version of procstar"#)
        #expect(try refusal("true") == #"--version: "" is no version of procstar"#)
        #expect(try refusal("echo procstar 1; exit 3") == "--version: exit status 3")
        #expect(try refusal("echo procstar 1; kill -SEGV $$") == "--version: killed by signal 11")
        #expect(try refusal("echo no library >&2; echo bad luck >&2; exit 127") == "--version: no library; bad luck")
        // One that is too old to know of upgrades.
        #expect(
            try refusal(#"[ "$1" = --version ] && echo procstar 0.0.1 || { echo unknown option >&2; exit 2; }"#)
                == "--check-hand-over: unknown option")
        #expect(
            try refusal(#"[ "$1" = --version ] && echo procstar 1 || echo perhaps"#)
                == #"--check-hand-over: "perhaps""#)
        #expect(
            try check(temporary.path("none"))
                == .failure(
                    .init(
                        description: "\(temporary.path("none")) --version: execve failed: \(temporary.path("none")): "
                            + "No such file or directory")))
    }

    @Test func oneThatHangsIsKilledAndRefused() throws {
        #expect(try refusal("while :; do :; done") == "--version: no end within 5 s")
    }

    // MARK: The other side

    private func answer(_ arguments: [String], options: [String] = ["-a", "--agent-host=h"]) throws -> ProgramRun.Ended
    {
        try ProgramRun(
            [Procstar.executable, HandOverCheck.word] + arguments + options, environment: Sanitizer.variables
        ).finish()
    }

    @Test func theNewProgramSaysWhetherItWouldDo() throws {
        let good = try answer(["1", "1", temporary.path])
        #expect(good.exitCode == 0 && good.outputText == "ok\n" && good.errorText == "", "\(good.errorText)")
        let missing = try answer(["1", "1", temporary.path("none")])
        #expect(missing.exitCode == 1 && missing.errorText == "procstar: \(temporary.path("none")): no such folder\n")
        let options = try answer(["1", "1", temporary.path], options: ["-a", "--agent-host=h", "--dropped"])
        #expect(options.exitCode == 1 && options.errorText.contains("unknown option --dropped"))
        let local = try answer(["1", "1", temporary.path], options: ["-x", "spec.json"])
        #expect(local.exitCode == 1 && local.errorText == "procstar: it would not be an agent\n")
        let token = try answer(["1", "1", temporary.path], options: ["-a", "--agent-host=h", "--token-file=/none"])
        #expect(token.exitCode == 1)
        #expect(token.errorText == "procstar: access token: open /none: No such file or directory\n")
        let anchors = temporary.write("rubbish", to: "anchors.pem")
        let trust = try answer(
            ["1", "1", temporary.path], options: ["-a", "--agent-host=h", "--agent-cert=\(anchors)"])
        #expect(trust.exitCode == 1)
        #expect(trust.errorText == "procstar: trust anchors: \(anchors): no certificate in it\n")
        chmod(temporary.path, 0o755)
        #expect(try answer(["1", "1", temporary.path]).errorText.contains("chmod 700"))
        #expect(try answer(["1", "x", temporary.path]).exitCode == 2)
        #expect(try answer(["1", "1"], options: []).exitCode == 2)
        #expect(!Help.text.contains(HandOverCheck.word))
    }
}
