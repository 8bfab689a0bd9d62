import Glibc
import ProcCore
import TestSupport
import Testing

/// What a child is, beside its program and descriptors: session, signals, directory, and what it inherits.
@Suite struct LaunchSessionTests {
    @Test func eachProcessLeadsASessionAndAGroupOfItsOwn() throws {
        let results = try Procstar.results(
            #"{"specs": {"a": {\#(shell("cat /proc/$$/stat"))}, "b": {\#(shell("cat /proc/$$/stat"))}}}"#)
        for id in ["a", "b"] {
            let result = try #require(results[id])
            let pid = try #require(result["pid"]?.number)
            let fields = try #require(result.captured("stdout")).split(separator: " ")
            // pid, comm, state, ppid, pgrp, session, tty.
            #expect(fields[0] == "\(pid)" && fields[4] == "\(pid)" && fields[5] == "\(pid)" && fields[6] == "0")
            #expect(result["proc_stat"]?["session"]?.number == pid && result["proc_stat"]?["pgrp"]?.number == pid)
        }
    }

    @Test func theParentIsProcstar() throws {
        let run = try Procstar.start(document(shell("echo $PPID")))
        let result = try #require(try run.finish().results["p"])
        #expect(result.captured("stdout") == "\(run.pid)\n")
    }

    /// `Name:\tHEX` of /proc/PID/status as a number.
    static func mask(_ name: String, _ text: String) -> UInt64? {
        let line = text.split(separator: "\n").first { $0.hasPrefix("\(name):\t") }
        return line.flatMap { UInt64($0.dropFirst(name.count + 2), radix: 16) }
    }

    static let status =
        #""argv": ["/bin/cat", "/proc/self/status"], "fds": [["1", {"capture": {"encoding": "utf-8"}}]]"#

    @Test func aChildStartsWithDefaultDispositionsAndAnEmptyMask() throws {
        let results = try Procstar.results(
            by: #"exec env --ignore-signal=INT,HUP,PIPE,CHLD,USR2,RTMIN --block-signal=USR1,TERM,ALRM,RTMAX "$0" "$@""#,
            document(Self.status))
        let text = try #require(results["p"]?.captured("stdout"))
        for name in ["SigIgn", "SigBlk", "SigCgt", "SigPnd"] {
            #expect(Self.mask(name, text) == 0, "\(text)")
        }
        // And what the result says of it.
        let stat = try #require(results["p"]?["proc_stat"])
        #expect(stat["sigignore"]?.items == [] && stat["blocked"]?.items == [], "\(stat)")
    }

    @Test func procstarWorksWhereSIGCHLDIsIgnoredAndBlocked() throws {
        // With SIGCHLD ignored the kernel reaps children by itself, and nobody would learn their status.
        let results = try Procstar.results(
            by: #"exec env --ignore-signal=CHLD --block-signal=CHLD "$0" "$@""#,
            #"{"specs": {"a": {"command": "exit 3"}, "b": {"command": "(exit 5) & wait $!"}}}"#)
        #expect(results["a"]?.exitCode == 3 && results["b"]?.exitCode == 5)
    }

    @Test func theWorkingDirectoryIsProcstarsUnlessTheSpecNamesOne() throws {
        let folder = TemporaryDirectory()
        let results = try Procstar.results(
            #"{"specs": {"own": {\#(shell("readlink /proc/$$/cwd"))}, "#
                + #""root": {\#(shell("readlink /proc/$$/cwd")), "cwd": "/"}}}"#, directory: folder.path)
        #expect(results["own"]?.captured("stdout") == "\(folder.path)\n" && results["own"]?["cwd"]?.text == folder.path)
        #expect(results["root"]?.captured("stdout") == "/\n" && results["root"]?["cwd"]?.text == "/")
    }

    @Test func aWorkingDirectoryThatIsRemovedStopsNobody() throws {
        let folder = TemporaryDirectory()
        mkdir(folder.path("gone"), 0o755)
        let results = try Procstar.results(
            by: #"cd "\#(folder.path("gone"))" && rmdir "$PWD" && exec "$0" "$@""#, document(#""argv": ["/bin/true"]"#))
        #expect(results["p"]?.exitCode == 0)
        #expect(results["p"]?["cwd"]?.isNull == true)
    }

    @Test func prioritiesAndLimitsAreInherited() throws {
        let results = try Procstar.results(
            by: #"ulimit -c 0; ulimit -s 4096; ulimit -f 12345; exec nice -n 7 "$0" "$@""#,
            document(shell("nice; ulimit -c; ulimit -s; ulimit -f")))
        #expect(results["p"]?.captured("stdout") == "7\n0\n4096\n12345\n")
        #expect(results["p"]?["proc_stat"]?["nice"]?.number == 7)
    }

    @Test func aManyThreadedChildIsToldOnceAndWhole() throws {
        let script =
            "import threading,os; t=[threading.Thread(target=lambda: None) for _ in range(20)]; "
            + "[x.start() for x in t]; [x.join() for x in t]; os._exit(4)"
        let result = try Procstar.result(of: #""argv": ["/usr/bin/python3", "-c", \#(json(script))]"#)
        #expect(result.exitCode == 4 && result.state == "terminated")
    }

    @Test(arguments: ["evil) R 9 (x", ":-)", "a\nb", "((("])
    func aHostileNameIsTheCommOfTheResult(name: String) throws {
        let folder = TemporaryDirectory()
        symlink("/bin/true", folder.path(name))
        let result = try Procstar.result(of: #""argv": [\#(json(folder.path(name)))]"#)
        #expect(result["proc_stat"]?["comm"]?.text == String(name.prefix(15)))
        #expect(result["proc_stat"]?["ppid"]?.number ?? 0 > 1)
    }
}
