import CLinux
import Glibc
import ProcCore
import TestSupport
import Testing

/// What procstar is started with, or meets, and must survive.
@Suite struct SurroundingsTests {
    @Test(arguments: ["memory", "tempfile"])
    func aLimitOnTheSizeOfFilesIsAnErrorOfTheOutputThatMeetsIt(mode: String) throws {
        // 50 blocks of 512 bytes; a child that writes its own file meets the limit itself.
        let capture = #""fds": {"stdout": {"capture": {"mode": "\#(mode)", "encoding": "utf-8"}}}"#
        let ended = try Procstar.start(
            by: #"ulimit -f 50; exec "$0" "$@""#,
            #"{"specs": {"large": {"argv": ["/usr/bin/head", "-c", "200000", "/dev/zero"], \#(capture)}, "#
                + #""small": {"command": "echo small", \#(capture)}}}"#
        ).finish()
        #expect(ended.exitCode == 0, "\(ended.errorText)")
        let results = try ended.results
        #expect(results["small"]?.captured("stdout") == "small\n")
        let large = try #require(results["large"])
        if mode == "memory" {
            #expect(large["fds"]?["stdout"]?["type"]?.text == "error", "\(large["fds"] ?? .null)")
            #expect(large["fds"]?["stdout"]?["reason"]?.text?.contains("File too large") == true)
            // What can't be kept is thrown away, so that the process isn't held up for ever.
            #expect(large.exitCode == 0)
        } else {
            #expect(large["status"]?["signal"]?.text == "SIGXFSZ")
        }
    }

    @Test(.enabled(if: Python.isThere, "needs python3"))
    func aFileThatSomebodyHasALeaseOnHoldsUpItsOwnProcessAlone() throws {
        let folder = TemporaryDirectory()
        let path = folder.write("leased", to: "leased")
        // Breaks only when it is given back, or after 45 s (fs.lease-break-time).
        let script =
            "import fcntl, os, signal\n"
            + "signal.signal(signal.SIGIO, signal.SIG_IGN)\n"
            + "fd = os.open('\(path)', os.O_RDONLY)\n"
            + "fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)\n"
            + "print('held', flush=True)\n"
            + "signal.pause()\n"
        let holder = try ProgramRun(Python.argv(script))
        try #require(holder.waitForOutput("held"))
        let run = try Procstar.start(
            #"{"specs": {"waits": {"argv": ["/bin/echo", "x"], "fds": {"stdout": {"file": {"path": "\#(path)", "flags": "Append"}}}}, "#
                + #""other": {"command": "echo other >&2"}}}"#)
        #expect(run.waitForError("other"))
        run.signal(SIGTERM)
        let results = try run.finish().results
        #expect(results["waits"]?.cause == "cancelled")
        // It was started and has said so; the signal may have come before its end.
        #expect(results["other"]?.state == "terminated")
    }

    @Test func moreBlockedOpensThanAnyLimitOfThreadsUsedToAllowDoNotKeepTheirWriterFromStarting() throws {
        let folder = TemporaryDirectory()
        let fifo = folder.path("fifo")
        try #require(mkfifo(fifo, 0o600) == 0)
        var specs = (0..<70).map {
            #""r\#($0)": {"argv": ["/bin/cat"], "fds": {"stdin": {"file": {"path": "\#(fifo)"}}}}"#
        }
        specs.append(
            #""w": {"argv": ["/bin/true"], "fds": {"stdout": {"file": {"path": "\#(fifo)", "flags": "Append"}}}}"#)
        let results = try Procstar.results("{\"specs\": {\(specs.joined(separator: ", "))}}")
        for number in 0..<70 { #expect(results["r\(number)"]?.exitCode == 0) }
    }

    @Test func aFIFOIsNoExecutableAndIsNotWaitedFor() throws {
        let folder = TemporaryDirectory()
        let fifo = folder.path("fifo")
        try #require(mkfifo(fifo, 0o700) == 0)
        let result = try #require(try Procstar.results(document(#""argv": ["\#(fifo)"]"#))["p"])
        #expect(result.errors == ["execve failed: \(fifo): Permission denied"])
    }

    @Test func pipesThatWaitForTheirReadersCountForTheDescriptorsThatAreLeft() throws {
        let writers = (0..<250).map { #""w\#($0)": {"argv": ["/bin/echo", "x"], "fds": {"stdout": "pipe-write"}}"# }
        let readers = (0..<250).map {
            #""r\#($0)": {"argv": ["/bin/cat"], "fds": {"stdin": {"pipe-read": {"proc_id": "w\#($0)", "fd": "1"}}, "#
                + #""stdout": {"null": {}}}}"#
        }
        let folder = TemporaryDirectory()
        let path = folder.write("{\"specs\": {\((writers + readers).joined(separator: ", "))}}", to: "spec.json")
        let ended = try ProgramRun(
            ["/bin/sh", "-c", #"ulimit -n 320; exec "$0" --print "$1""#, Procstar.executable, path]
        ).finish()
        #expect(ended.exitCode == 0, "\(ended.errorText)")
        guard case .map(let results) = try ended.results else { throw Procstar.Unexpected(ended) }
        #expect(results.count == 500)
        // Those that found nothing left say so, and what is kept in reserve was never touched.
        for member in results where member.value.state == "terminated" {
            #expect(member.value["proc_stat"]?.isNull == false)
        }
        #expect(results.contains { $0.value.state == "error" })
    }

    @Test(arguments: [4, 6, 8, 10])
    func tooFewDescriptorsToWorkAtAllAreToldNotTrapped(limit: Int) throws {
        let folder = TemporaryDirectory()
        let path = folder.write(document(#""argv": ["/bin/true"]"#), to: "spec.json")
        let ended = try ProgramRun(
            ["/bin/sh", "-c", #"ulimit -n "$2"; exec "$0" --print "$1""#, Procstar.executable, path, "\(limit)"]
        ).finish()
        #expect(ended.exitCode == 1 || ended.exitCode == 2, "\(ended.status)")
        #expect(ended.errorText.contains("Too many open files"), "\(ended.errorText)")
    }
}
