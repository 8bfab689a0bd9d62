import Glibc
import ProcCore
import TestSupport
import Testing

@Suite struct LaunchPipeTests {
    static let text = #"{"capture": {"encoding": "utf-8"}}"#
    static func read(_ id: String, _ fd: String = "stdout") -> String {
        #"{"pipe-read": {"proc_id": "\#(id)", "fd": "\#(fd)"}}"#
    }

    @Test func dataGoesThroughAPipe() throws {
        let results = try Procstar.results(
            """
            {"specs": {
                "reader": {"argv": ["/usr/bin/tr", "a-z", "A-Z"], "fds": [["stdin", \(Self.read("writer"))],
                           ["stdout", \(Self.text)]]},
                "writer": {"command": "echo hello", "fds": [["stdout", "pipe-write"]]}}}
            """)
        #expect(results["reader"]?.captured("stdout") == "HELLO\n")
        #expect(results["writer"]?.exitCode == 0 && results["reader"]?.exitCode == 0)
    }

    @Test func threeInAChainCarryMoreThanPipesHold() throws {
        let size = 8 << 20
        let results = try Procstar.results(
            """
            {"specs": {
                "source": {"argv": ["/usr/bin/head", "-c", "\(size)", "/dev/zero"], "fds": [["1", "pipe-write"]]},
                "middle": {"argv": ["/bin/cat"], "fds": [["0", \(Self.read("source"))], ["1", "pipe-write"]]},
                "sink": {"argv": ["/usr/bin/wc", "-c"], "fds": [["0", \(Self.read("middle", "1"))],
                         ["stdout", \(Self.text)]]}}}
            """)
        #expect(results["sink"]?.captured("stdout") == "\(size)\n")
        for id in ["source", "middle", "sink"] { #expect(results[id]?.exitCode == 0, "\(id)") }
    }

    @Test func pipesMayRunInBothDirectionsAndOnAnyNumber() throws {
        let results = try Procstar.results(
            """
            {"specs": {
                "asks": {"command": "echo question >&7; cat <&8", "fds": [["7", "pipe-write"],
                         ["8", \(Self.read("answers", "9"))], ["1", \(Self.text)]]},
                "answers": {"command": "read line <&6; echo answer to $line >&9",
                            "fds": [["6", \(Self.read("asks", "7"))], ["9", "pipe-write"]]}}}
            """)
        #expect(results["asks"]?.captured("stdout") == "answer to question\n")
    }

    @Test func aProcessMayReadItsOwnPipe() throws {
        let results = try Procstar.results(
            document(
                #""command": "echo x >&3; exec 3>&-; cat <&4", "fds": [["3", "pipe-write"], "#
                    + #"["4", \#(Self.read("p", "3"))], ["1", \#(Self.text)]]"#))
        #expect(results["p"]?.captured("stdout") == "x\n", "\(results["p"]?.errors ?? [])")
    }

    @Test func aDupOfAPipesEndIsAnEndToo() throws {
        let results = try Procstar.results(
            """
            {"specs": {
                "w": {"command": "echo out; echo err >&2", "fds": [["1", "pipe-write"], ["2", {"dup": {"fd": 1}}]]},
                "r": {"argv": ["/bin/cat"], "fds": [["0", \(Self.read("w"))], ["1", \(Self.text)]]}}}
            """)
        #expect(results["r"]?.captured("stdout") == "out\nerr\n")
    }

    @Test(arguments: [true, false])
    func theReaderOfAWriterThatCannotStartSeesEndOfFile(readerFirst: Bool) throws {
        let reader = #""r": {"command": "cat; echo end", "fds": [["0", \#(Self.read("w"))], ["1", \#(Self.text)]]}"#
        let writer = #""w": {"argv": ["/no/such"], "fds": [["1", "pipe-write"]]}"#
        let specs = readerFirst ? [reader, writer] : [writer, reader]
        let results = try Procstar.results(#"{"specs": {\#(specs.joined(separator: ", "))}}"#)
        #expect(results["r"]?.captured("stdout") == "end\n" && results["r"]?.exitCode == 0)
        #expect(results["w"]?.errors == ["execve failed: /no/such: No such file or directory"])
    }

    @Test(arguments: [true, false], [#""argv": ["/no/such"]"#, #""argv": ["x"], "exe": "/bin/\u0000""#])
    func theWriterToAReaderThatCannotStartGetsSIGPIPE(readerFirst: Bool, what: String) throws {
        let reader = #""r": {\#(what), "fds": [["0", \#(Self.read("w"))]]}"#
        let writer = #""w": {"argv": ["/usr/bin/yes"], "fds": [["1", "pipe-write"]]}"#
        let specs = readerFirst ? [reader, writer] : [writer, reader]
        let results = try Procstar.results(#"{"specs": {\#(specs.joined(separator: ", "))}}"#)
        #expect(results["w"]?["status"]?["signal"]?.text == "SIGPIPE")
        #expect(results["w"]?["cause"]?["sender"]?.isNull == true)
        #expect(results["r"]?.state == "error")
    }

    @Test func aWriterWhoseOtherDescriptorFailsLetsTheReaderEnd() throws {
        let results = try Procstar.results(
            """
            {"specs": {
                "w": {"argv": ["/bin/true"], "fds": [["1", "pipe-write"], ["7", "inherit"]]},
                "r": {"argv": ["/bin/cat"], "fds": [["0", \(Self.read("w"))]]}}}
            """)
        #expect(results["w"]?.errors == ["failed to set up fd 7: Bad file descriptor"])
        #expect(results["r"]?.exitCode == 0)
    }

    @Test func theReadersEndOfFileDoesNotWaitForOtherProcesses() throws {
        // No other process of the request holds an end of the pipe.
        let run = try Procstar.start(
            """
            {"specs": {
                "w": {"command": "echo x", "fds": [["1", "pipe-write"]]},
                "sleeper": {"argv": ["/bin/sleep", "1000"]},
                "r": {"command": "cat; echo end", "fds": [["0", \(Self.read("w"))]]}}}
            """)
        #expect(run.waitForOutput("x\nend\n"))
        run.signal(SIGTERM)
        #expect(run.finish().exitCode == 0)
    }

    @Test(arguments: [
        (
            #"{"r": {"argv": ["a"], "fds": [["0", {"pipe-read": {"proc_id": "w", "fd": "stdout"}}]]}}"#,
            "unmatched read pipe: w stdout"
        ),
        (
            #"{"w": {"argv": ["a"]}, "r": {"argv": ["a"], "fds": [["0", {"pipe-read": {"proc_id": "w", "fd": "1"}}]]}}"#,
            "unmatched read pipe: w 1"
        ),
        (#"{"w": {"argv": ["a"], "fds": [["1", "pipe-write"]]}}"#, "unmatched write pipe: w 1"),
        (#"{"w": {"argv": ["a"], "fds": [["stderr", "pipe-write"]]}}"#, "unmatched write pipe: w stderr"),
        (#"{"w": {"argv": ["a"], "fds": [["1", "pipe-write"], ["stdout", "inherit"]]}}"#, "duplicate fd: stdout"),
        (#"{"w": {"argv": ["a"], "fds": [["-1", "inherit"]]}}"#, "bad fd: -1"),
        (#"{"w": {"argv": ["a"], "fds": [["stdlog", "inherit"]]}}"#, "bad fd: stdlog"),
    ])
    func aPipeWithoutItsOtherEndRefusesTheRequest(specs: String, message: String) throws {
        let ended = try Procstar.run(#"{"specs": \#(specs)}"#)
        #expect(ended.exitCode == 2 && ended.output.isEmpty)
        #expect(ended.errorText == "procstar: standard input: \(message)\n")
    }
}
