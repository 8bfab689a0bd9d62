import CLinux
import Glibc
import ProcCore
import ProcIO
import TestSupport
import Testing

/// The limits that procstar is started under, of open files and of processes.
@Suite struct LaunchLimitTests {
    static let text = #"{"capture": {"encoding": "utf-8"}}"#

    /// Runs one process under a soft limit of open files that is below the hard one.
    static func result(limit: Int, _ members: String) throws -> Value {
        try #require(
            Procstar.results(by: #"ulimit -Sn \#(limit) && exec "$0" "$@""#, document(members))["p"])
    }

    @Test(arguments: [16, 64, 1024])
    func aChildHasTheSoftLimitThatProcstarWasStartedWith(limit: Int) throws {
        let result = try Self.result(limit: limit, shell("ulimit -Sn"))
        #expect(result.captured("stdout") == "\(limit)\n")
    }

    @Test func aChildHasTheHardLimitThatProcstarWasStartedWith() throws {
        let results = try Procstar.results(
            by: #"ulimit -Sn 64 && ulimit -Hn 900 && exec "$0" "$@""#, document(shell("ulimit -Hn; ulimit -Sn")))
        #expect(results["p"]?.captured("stdout") == "900\n64\n")
    }

    @Test(arguments: [16, 64, 1024])
    func everyNumberBelowTheLimitCanBeADescriptor(limit: Int) throws {
        let fds = #""fds": [["\#(limit - 1)", {"null": {}}], ["stdout", \#(Self.text)]]"#
        let result = try Self.result(
            limit: limit, #""command": "readlink /proc/$$/fd/\#(limit - 1)", \#(fds)"#)
        #expect(result.captured("stdout") == "/dev/null\n", "\(result.errors)")
    }

    @Test(arguments: [64, 65, 4096, 2_147_483_647])
    func aNumberAtTheLimitOrBeyondFails(fd: Int) throws {
        for kind in [#"{"null": {}}"#, Self.text, #""close""#, #""inherit""#, #"{"dup": {"fd": 1}}"#] {
            let result = try Self.result(limit: 64, #""argv": ["/bin/true"], "fds": [["\#(fd)", \#(kind)]]"#)
            #expect(result.errors == ["failed to set up fd \(fd): Bad file descriptor"], "\(kind)")
        }
    }

    @Test(.enabled(if: access("/sbin/ldconfig", X_OK) == 0, "needs a static program, which opens nothing itself"))
    func everyNumberBelowTheLimitCanBeTakenWithTwoSwapped() throws {
        // The swap needs a number beside those, and none is left below the limit.
        let fds =
            [#"["3", {"dup": {"fd": 1}}]"#, #"["stdout", {"dup": {"fd": 2}}]"#, #"["stderr", {"dup": {"fd": 3}}]"#]
            + (4..<16).map { #"["\#($0)", {"null": {}}]"# }
        let ended = try Procstar.run(
            by: #"ulimit -Sn 16 && exec "$0" "$@""#,
            document(#""argv": ["/sbin/ldconfig", "--version"], "fds": [\#(fds.joined(separator: ", "))]"#), ["--exit"])
        #expect(ended.exitCode == 0 && ended.output.isEmpty && ended.errorText.contains("ldconfig"))
    }

    @Test func whatProcstarOpensForItselfMayLieBeyondTheChildrensLimit() throws {
        let count = 40
        let specs = (0..<count).map {
            #""\#($0)": {"command": "echo \#($0)", "fds": {"1": \#(Self.text), "2": \#(Self.text)}}"#
        }
        let results = try Procstar.results(
            by: #"ulimit -Sn 16 && exec "$0" "$@""#, #"{"specs": {\#(specs.joined(separator: ", "))}}"#)
        for index in 0..<count {
            #expect(results["\(index)"]?.captured("stdout") == "\(index)\n", "\(results["\(index)"]?.errors ?? [])")
        }
    }

    /// The results of processes that all wait until each of them has had its turn to start.
    ///
    /// - Parameter members: Of the spec of process `index`; `WAIT` stands for the fds that make `cat` wait.
    static func resultsOfWaiting(
        _ count: Int, by script: String, more: String = "", _ members: (Int) -> String
    ) throws -> Value {
        let (reader, writer) = try ProgramRun.pipe()
        let fds = #"["7", "inherit"], ["stdin", {"dup": {"fd": 7}}]"#
        let specs = (0..<count).map { index in
            #""\#(index)": {\#(members(index).replacing("WAIT", with: fds))}"#
        }
        let run = try Procstar.start(
            by: script, "{\"specs\": {\((specs + (more.isEmpty ? [] : [more])).joined(separator: ", "))}}",
            ["--print", "--log-level", "info"], descriptors: [7: reader.rawValue])
        wait(for: run, then: consume writer)
        let ended = run.finish()
        try #require(ended.exitCode == 0, "\(ended.errorText)")
        return try ended.results
    }

    private static func wait(for run: ProgramRun, then writer: consuming SharedFD) {
        #expect(run.waitForError("started processes from specs"))
        withExtendedLifetime(writer) {}
    }

    @Test func runningOutOfDescriptorsFailsTheProcessesBeyondAndNoOther() throws {
        let count = 400
        let results = try Self.resultsOfWaiting(
            count, by: #"ulimit -n 300 && exec "$0" "$@""#,
            more: #""last": {"command": "echo fine", "fds": {"1": \#(Self.text)}}"#
        ) { _ in #""argv": ["/bin/cat"], "fds": [WAIT, ["1", {"null": {}}]]"# }
        var started = 0
        for index in 0..<count {
            let result = try #require(results["\(index)"])
            if result.state == "terminated" {
                started += 1
                #expect(result.exitCode == 0)
            } else {
                #expect(result.errors.count == 1 && result.cause == "start-failure")
                #expect(result.errors[0].contains("too many open files") && result.errors[0].contains("ulimit -n"))
            }
        }
        // A process needs three or fewer, and a reserve is kept.
        #expect(started >= 40 && started < count, "\(started) of \(count) started")
    }

    @Test func fewerDescriptorsThanTheReserveIsToldForEachProcess() throws {
        let ended = try Procstar.run(by: #"ulimit -n 30 && exec "$0" "$@""#, document(#""argv": ["/bin/true"]"#))
        #expect(ended.exitCode == 0)
        #expect(try ended.results["p"]?.errors.first?.contains("ulimit -n") == true)
    }

    @Test(.enabled(if: getuid() == 0, "needs a user of its own, so root"))
    func runningOutOfProcessesFailsTheProcessesBeyondAndNoOther() throws {
        // A user whom nobody else is, so that only these processes count.
        let user = 61000 + Int(getpid()) % 4000
        let count = 60
        let results = try Self.resultsOfWaiting(
            count, by: #"exec setpriv --reuid \#(user) --regid 65534 --clear-groups prlimit --nproc=25 "$0" "$@""#
        ) { _ in #""argv": ["/bin/cat"], "fds": [WAIT]"# }
        var started = 0
        for index in 0..<count {
            let result = try #require(results["\(index)"])
            if result.state == "terminated" {
                started += 1
                #expect(result.exitCode == 0)
            } else {
                #expect(
                    result.errors == [
                        "spawn failed: /bin/cat: Resource temporarily unavailable: the limit of processes is reached "
                            + "(ulimit -u)"
                    ])
            }
        }
        #expect(started > 10 && started < 25, "\(started) of \(count) started")
    }
}
