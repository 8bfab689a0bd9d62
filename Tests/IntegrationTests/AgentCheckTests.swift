import CLinux
import Glibc
import ProcCore
import ProcIO
import TestSupport
import Testing

/// `procstar agent-check` against a server of ours.
@Suite struct AgentCheckTests {
    /// The line about a step, without its mark and name; nil unless there is just one, with this mark.
    static func line(_ mark: String, _ step: String, in ended: ProgramRun.Ended) -> String? {
        let lines = ended.outputText.split(separator: "\n").filter { $0.contains(" \(step): ") }
        guard lines.count == 1, lines[0].hasPrefix("\(mark) \(step): ") else { return nil }
        return String(lines[0].dropFirst("\(mark) \(step): ".count))
    }

    static func expectSkipped(_ steps: [String], after cause: String, in ended: ProgramRun.Ended) {
        for step in steps {
            #expect(line("-", step, in: ended) == "skipped, because \(cause) failed", "\(ended.outputText)")
        }
        #expect(ended.outputText.hasSuffix("\nfailed: \(cause)\n"), "\(ended.outputText)")
        #expect(ended.exitCode == 1 && ended.errorText == "")
    }

    @Test func whereAllIsThereEachStepIsTicked() throws {
        let server = try CheckServer()
        let token = server.folder.write("sesame\n", to: "token", mode: 0o600)
        let spec = server.folder.write(#"{"specs": {"a": {"argv": ["/bin/true"]}}}"#, to: "spec.json")
        let ended = try server.check(server.options + ["--token-file", token, "--group", "g 1", spec])
        #expect(ended.exitCode == 0 && ended.errorText == "", "\(ended.outputText)\(ended.errorText)")
        func good(_ step: String) -> String? { Self.line("✓", step, in: ended) }
        #expect(good("spec") == "1 process to start at the beginning")
        #expect(good("access token") == "from \(token), mode 0600")
        #expect(good("trust anchors") == "the system's, and those in \(server.anchors)")
        #expect(good("name") == "127.0.0.1 is an address")
        #expect(good("connect") == "127.0.0.1:\(server.port) answers")
        #expect(good("TLS") == "TLSv1.3, certificate accepted for 127.0.0.1")
        #expect(good("WebSocket") == "open, with compression")
        #expect(good("registration") == "accepted in group g 1")
        #expect(good("close") == "in order")
        #expect(ended.outputText.contains("\nall that an agent needs is there"))
    }

    /// Else servers would give it work, or wait for it to come back.
    @Test func theServerSeesAnAgentThatTakesNoWorkAndIsDone() throws {
        let server = try CheckServer()
        let ended = try server.check(server.options, environment: CheckServer.goodToken)
        #expect(ended.exitCode == 0, "\(ended.outputText)")
        try #require(server.heard.count == 2, "\(server.heard)")
        let register = server.heard[0]
        #expect(register["shutdown_state"] == .string("idling"))
        #expect(register["conn"]?["group_id"] == .string("default"))
        #expect(register["conn"]?["conn_id"]?.text?.hasPrefix("check-") == true)
        #expect(register["proc_ids"] == .array([]))
        #expect(register["proc"]?["euid"]?.number == Int(geteuid()))
        #expect(
            server.heard[1]
                == .map([
                    Value.Member("type", .string("ShutDown")), Value.Member("shutdown_state", .string("done")),
                ]))
        try #require(server.ends.count == 1)
        #expect("\(server.ends[0])" == "closed by the peer with code 1000")
    }

    @Test func aPortThatIsClosedIsTold() throws {
        let server = try CheckServer()
        let options = server.options
        let port = server.port
        server.close()
        let ended = try server.check(options)
        #expect(
            Self.line("✗", "connect", in: ended) == "127.0.0.1:\(port): Connection refused; "
                + "is the server running, and does it listen on that address and port?")
        Self.expectSkipped(["TLS", "WebSocket", "registration", "close"], after: "connect", in: ended)
    }

    @Test func aCertificateForSomebodyElseIsTold() throws {
        let server = try CheckServer(names: ["DNS:other.example"])
        let ended = try server.check(server.options)
        let text = try #require(Self.line("✗", "TLS", in: ended), "\(ended.outputText)")
        #expect(text.contains(#"is for "other.example", not "127.0.0.1""#), "\(text)")
        #expect(text.hasSuffix("; have the server's certificate renewed, unless --agent-host or the clock is wrong"))
        Self.expectSkipped(["WebSocket", "registration", "close"], after: "TLS", in: ended)
        #expect(Self.line("✓", "connect", in: ended) != nil)
    }

    @Test func aServerThatNobodyTrustsIsToldWithTheRemedy() throws {
        let server = try CheckServer()
        let options = server.options.filter { !$0.hasPrefix("--agent-cert") }
        let ended = try server.check(options)
        let text = try #require(Self.line("✗", "TLS", in: ended), "\(ended.outputText)")
        #expect(text.hasPrefix("certificate of 127.0.0.1:\(server.port): self-signed, not trusted; "), "\(text)")
        #expect(text.hasSuffix("by --agent-cert or PROCSTAR_AGENT_CERT"))
        Self.expectSkipped(["WebSocket", "registration", "close"], after: "TLS", in: ended)
    }

    @Test func aTokenThatTheServerDoesNotTakeIsSuspected() throws {
        let server = try CheckServer()
        let ended = try server.check(server.options, environment: ["PROCSTAR_AGENT_TOKEN=sesami"])
        #expect(
            Self.line("✗", "registration", in: ended)
                == "closed by the peer with code 1000; the access token may be wrong")
        #expect(Self.line("✓", "access token", in: ended) == "from the variable PROCSTAR_AGENT_TOKEN")
        Self.expectSkipped(["close"], after: "registration", in: ended)
        #expect(!ended.outputText.contains("sesam") && server.heard.count == 1)
    }

    @Test func aNameThatDoesNotResolveIsTold() throws {
        let server = try CheckServer()
        let ended = try server.check(["--agent-host=no.such.name.invalid", "--capture-dir=\(server.folder.path)"])
        let text = try #require(Self.line("✗", "name", in: ended), "\(ended.outputText)")
        #expect(text.hasPrefix("resolve no.such.name.invalid: "), "\(text)")
        #expect(text.hasSuffix("; check --agent-host, and /etc/resolv.conf and /etc/hosts"))
        Self.expectSkipped(["connect", "TLS", "WebSocket", "registration", "close"], after: "name", in: ended)
    }

    @Test func aFolderThatTakesNoFilesIsToldAndTheRestIsTried() throws {
        let server = try CheckServer()
        let options = server.options.filter { !$0.hasPrefix("--capture-dir") }
        let missing = server.folder.path("none")
        let ended = try server.check(options + ["--capture-dir", missing], environment: CheckServer.goodToken)
        #expect(
            Self.line("✗", "capture folder", in: ended)
                == "create a capture file in \(missing): No such file or directory; "
                + "name a folder that can be written to with --capture-dir", "\(ended.outputText)")
        #expect(Self.line("✓", "registration", in: ended) != nil)
        #expect(ended.exitCode == 1 && ended.outputText.hasSuffix("\nfailed: capture folder\n"))
    }

    @Test func aTokenFileThatOthersCanReadIsTold() throws {
        let server = try CheckServer()
        let token = server.folder.write("sesame", to: "token", mode: 0o644)
        let ended = try server.check(server.options + ["--token-file", token])
        #expect(
            Self.line("✗", "access token", in: ended)
                == "\(token) has mode 0644, so that others can read or change it; chmod 600 \(token)")
        #expect(Self.line("✓", "WebSocket", in: ended) != nil)
        Self.expectSkipped(["registration", "close"], after: "access token", in: ended)
        #expect(server.heard.isEmpty)
    }

    @Test func anchorsThatCannotBeUsedAreTold() throws {
        let server = try CheckServer()
        let file = server.folder.write("nothing", to: "empty.pem")
        let options = server.options.filter { !$0.hasPrefix("--agent-cert") }
        let ended = try server.check(options + ["--agent-cert", file])
        #expect(
            Self.line("✗", "trust anchors", in: ended)
                == "\(file): no certificate in it; --agent-cert wants a PEM file with certificates")
        #expect(Self.line("✓", "connect", in: ended) == "127.0.0.1:\(server.port) answers")
        Self.expectSkipped(["TLS", "WebSocket", "registration", "close"], after: "trust anchors", in: ended)
    }

    @Test func aSpecThatIsWrongIsTold() throws {
        let server = try CheckServer()
        let spec = server.folder.write(#"{"specs": {"a": {"argv": []}}}"#, to: "spec.json")
        let ended = try server.check(server.options + [spec], environment: CheckServer.goodToken)
        #expect(Self.line("✗", "spec", in: ended)?.hasPrefix("\(spec): specs.a.argv") == true, "\(ended.outputText)")
        #expect(ended.outputText.hasSuffix("\nfailed: spec\n") && ended.exitCode == 1)
    }

    // MARK: The keeper

    @Test func theKeeperAndTheFolderAreLookedFor() throws {
        let server = try CheckServer()
        let ended = try server.check(server.options, environment: CheckServer.goodToken)
        #expect(
            Self.line("✓", "keeper", in: ended) == "\(Procstar.built("procstar-keeper")), protocol 1",
            "\(ended.outputText)")
        #expect(Self.line("✓", "state folder", in: ended) == server.folder.path("procstar"))
        let path = server.folder.path("state")
        let given = try server.check(
            server.options + ["--state-dir", path, "--no-keeper"], environment: CheckServer.goodToken)
        #expect(Self.line("✓", "keeper", in: given) == "none is wanted: processes will end with the agent")
        #expect(Self.line("✓", "state folder", in: given) == "\(path) will be made")
        #expect(access(path, F_OK) != 0)
    }

    @Test(.enabled(if: Python.isThere, "needs python3")) func aFolderThatWontDoOrIsInUseIsTold() throws {
        let server = try CheckServer()
        let path = server.folder.path("state")
        let options = server.options + ["--state-dir", path]
        let holder = try LockHolder(of: path)
        let used = try server.check(options, environment: CheckServer.goodToken)
        #expect(
            Self.line("!", "state folder", in: used) == "\(path) is in use by the agent with pid \(holder.pid); "
                + "end that one before you start another")
        chmod(path, 0o755)
        let open = try server.check(options, environment: CheckServer.goodToken)
        #expect(
            Self.line("!", "state folder", in: open)
                == "\(path) has mode 0755, so that others can reach what is in it; "
                + "chmod 700 \(path); processes will end with the agent")
        #expect(open.exitCode == 0 && open.outputText.hasSuffix("with 1 warning\n"), "\(open.outputText)")
    }

    @Test func withoutAKeeperItIsToldWhatWillComeOfThat() throws {
        let server = try CheckServer()
        let program = server.folder.path("bin/procstar")
        try #require(mkdir(server.folder.path("bin"), 0o755) == 0)
        let copied = try ProgramRun(["/bin/cp", Procstar.executable, program]).finish()
        try #require(copied.exitCode == 0, "\(copied.errorText)")
        let ended = try server.check(server.options, environment: CheckServer.goodToken, program: program)
        let folder = server.folder.path
        #expect(
            Self.line("!", "keeper", in: ended) == "there is none of \(folder)/bin/procstar-keeper, "
                + "\(folder)/libexec/procstar/procstar-keeper, \(folder)/libexec/procstar-keeper; "
                + "processes will end with the agent; install procstar-keeper there", "\(ended.outputText)")
        #expect(ended.exitCode == 0)
        server.folder.write("#!/bin/sh\necho procstar-keeper, protocol 9\n", to: "bin/procstar-keeper", mode: 0o755)
        let wrong = try server.check(server.options, environment: CheckServer.goodToken, program: program)
        #expect(
            Self.line("!", "keeper", in: wrong) == "\(folder)/bin/procstar-keeper speaks protocol 9, "
                + "and this procstar 1; processes will end with the agent; install the one that belongs to this procstar"
        )
    }

    @Test func withoutATokenThereIsAWarning() throws {
        let server = try CheckServer(token: "")
        let ended = try server.check(server.options)
        #expect(
            Self.line("!", "access token", in: ended) == "none is given; only a server without a token accepts that; "
                + "give one with --token-file FILE")
        #expect(ended.exitCode == 0 && ended.outputText.contains("warning"), "\(ended.outputText)")
    }

    @Test func whatElseAServerMayAnswerIsTold() throws {
        let list = Value.map([Value.Member("type", .string("ProcidListRequest"))])
        let cases: [(CheckServer.Manner, String)] = [
            (.says(list), "the server's first message was not Registered; is it a scheduler?"),
            (.says(.string("hello")), #""hello" is not a message: it takes a map; is it a scheduler?"#),
            (.closes("full"), "closed by the peer with code 1011: full"),
        ]
        for (manner, text) in cases {
            let server = try CheckServer(manner)
            let ended = try server.check(server.options, environment: CheckServer.goodToken)
            #expect(Self.line("✗", "registration", in: ended) == text, "\(ended.outputText)")
        }
    }

    @Test func aServerThatSaysNothingIsWaitedForTenSeconds() throws {
        let server = try CheckServer(.silent)
        let ended = try server.check(server.options, environment: CheckServer.goodToken)
        #expect(
            Self.line("✗", "registration", in: ended)
                == "no answer within 10 s; is it a scheduler that listens there?", "\(ended.outputText)")
    }

    @Test func aPatternThatIsWrongIsAWrongCommandLine() throws {
        let server = try CheckServer()
        let ended = try server.check(server.options + ["--restrict-exe", "relative"])
        #expect(ended.exitCode == 2 && ended.outputText == "" && ended.errorText.hasPrefix("procstar: "))
    }

    /// It isn't an agent: what would drain or stop one just ends it.
    @Test func aSignalEndsIt() throws {
        let server = try CheckServer(.silent)
        let run = try ProgramRun([Procstar.executable, "agent-check"] + server.options, environment: [])
        // Nobody answers: the loop of the server doesn't run.
        #expect(run.waitForOutput("name: "))
        run.signal(SIGINT)
        #expect(run.finish().termSignal == SIGINT)
    }
}
