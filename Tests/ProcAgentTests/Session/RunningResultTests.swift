import CLinux
import Glibc
import ProcAgent
import ProcCore
import TestSupport
import Testing

/// What a result says of a process while it runs, against what the process set up.
@Suite struct RunningResultTests {
    /// Starts a Python program and runs the loop until it has printed a line.
    private func start(_ script: String, _ engine: Engine) throws {
        try engine.start(SpecText.specs([("p", SpecText.spec(Python.argv(script), SpecText.capture("tempfile")))]))
        engine.run("the child has reported") {
            (try? engine.result("p").captured("stdout"))?.hasSuffix("\n") == true
        }
    }

    /// The names in a mask, without the two signals that are glibc's own: a program with threads catches them.
    private func names(_ mask: Value?) -> [String]? {
        mask?.texts?.filter { $0 != "SIG32" && $0 != "SIG33" }
    }

    @Test(.enabled(if: Python.isThere, "/usr/bin/python3 is needed"))
    func masksShowWhatTheChildIgnoresBlocksAndCatches() throws {
        let engine = try Engine()
        try start(
            """
            import os, signal
            def caught(*_): pass
            for number in range(1, 65):
                if number not in (9, 19, 32, 33): signal.signal(number, signal.SIG_DFL)
            for number in (1, 13, 31, 34 + 5, 64): signal.signal(number, signal.SIG_IGN)
            for number in (2, 10, 34, 34 + 7): signal.signal(number, caught)
            signal.pthread_sigmask(signal.SIG_SETMASK, {12, 15, 17, 30, 34 + 9, 63})
            print("ready", flush=True)
            while True: signal.pause()
            """, engine)
        let stat = try #require(try engine.result("p")["proc_stat"])
        #expect(names(stat["sigignore"]) == ["SIGHUP", "SIGPIPE", "SIGSYS", "SIGRTMIN+5", "SIGRTMIN+30"])
        #expect(names(stat["sigcatch"]) == ["SIGINT", "SIGUSR1", "SIGRTMIN", "SIGRTMIN+7"])
        #expect(names(stat["blocked"]) == ["SIGUSR2", "SIGTERM", "SIGCHLD", "SIGPWR", "SIGRTMIN+9", "SIGRTMIN+29"])
        #expect(names(stat["signal"]) == [])
    }

    @Test func aChildStartsWithNothingIgnoredBlockedOrCaught() throws {
        let engine = try Engine()
        try engine.start(#"{"p": {"argv": ["/bin/sleep", "100"]}}"#)
        engine.run("sleep has begun") { (try? engine.result("p")[path: "proc_stat", "comm"]?.text) == "sleep" }
        let stat = try #require(try engine.result("p")["proc_stat"])
        for mask in ["sigignore", "sigcatch", "blocked", "signal"] { #expect(names(stat[mask]) == [], "\(mask)") }
    }

    @Test(.enabled(if: Python.isThere, "/usr/bin/python3 is needed"))
    func threadsAndMemoryAreThoseOfTheChildNow() throws {
        let engine = try Engine()
        try start(
            """
            import threading, time
            block = bytearray(32 << 20)
            for _ in range(4): threading.Thread(target=time.sleep, args=(100,), daemon=True).start()
            print("ready", flush=True)
            time.sleep(100)
            """, engine)
        let result = try engine.result("p")
        let pid = try #require(result["pid"]?.number)
        let stat = try #require(LiveProcess.stat(pid_t(pid)))
        #expect(result[path: "proc_stat", "num_threads"]?.number == 5)
        #expect(result[path: "proc_stat", "vsize"]?.number == Int(stat.vsize))
        #expect((result[path: "proc_stat", "rss"]?.number ?? 0) >= 32 << 20)
        let page = Int(sysconf(CInt(_SC_PAGESIZE)))
        let rss = Int(stat.rss) * page
        #expect(abs((result[path: "proc_stat", "rss"]?.number ?? 0) - rss) <= 1 << 20)
        #expect(result[path: "proc_statm", "size"] == result[path: "proc_stat", "vsize"])
        #expect(abs((result[path: "proc_statm", "resident"]?.number ?? 0) - rss) <= 1 << 20)
        #expect((result[path: "usage", "maxrss"]?.number ?? 0) >= 32 << 20)
        #expect((result[path: "usage", "nvcsw"]?.number ?? 0) > 0)
    }

    @Test(.enabled(if: Python.isThere, "/usr/bin/python3 is needed"))
    func theTerminalOfAChildIsNamedByItsNumbers() throws {
        let engine = try Engine()
        try start(
            """
            import os, time
            master, slave = os.openpty()
            name = os.ttyname(slave)
            os.close(os.open(name, os.O_RDWR))
            device = os.stat(name).st_rdev
            print(os.major(device), os.minor(device), flush=True)
            time.sleep(100)
            """, engine)
        let result = try engine.result("p")
        let numbers = (result.captured("stdout") ?? "").split(whereSeparator: \.isWhitespace).compactMap { Int64($0) }
        try #require(numbers.count == 2)
        #expect(result[path: "proc_stat", "tty_nr"] == .array(numbers.map { .int($0) }))
        #expect(result[path: "proc_stat", "tpgid"] == result["pid"])
    }

    @Test(.enabled(if: Python.isThere, "/usr/bin/python3 is needed"))
    func usageGrowsWhileTheChildWorks() throws {
        let engine = try Engine()
        try start(
            """
            import time
            print("ready", flush=True)
            blocks = []
            while True:
                end = time.process_time() + 0.02
                while time.process_time() < end: pass
                if len(blocks) < 40: blocks.append(bytearray(1 << 20))
                time.sleep(0.001)
            """, engine)
        let first = try engine.result("p")
        func figure(_ result: Value, _ name: String) -> Double { result[path: "usage", name]?.amount ?? -1 }
        engine.run("all of usage has grown") {
            guard let now = try? engine.result("p") else { return false }
            return ["maxrss", "minflt", "nvcsw"].allSatisfy { figure(now, $0) > figure(first, $0) }
                && figure(now, "utime") + figure(now, "stime") >= figure(first, "utime") + figure(first, "stime") + 0.05
        }
        #expect(try engine.result("p")["rusage"]?.isNull == true)
        let last = try engine.result("p")
        try engine.table.signal("p", .kill)
        engine.runUntilEnded("p")
        let ended = try engine.result("p")
        #expect(ended["usage"]?.isNull == true && ended["proc_statm"]?.isNull == true)
        for name in ["maxrss", "minflt", "nvcsw"] {
            #expect((ended[path: "rusage", name]?.amount ?? -1) >= figure(last, name), "\(name)")
        }
    }

    @Test func elapsedGrowsUntilTheStopAndNoFurther() throws {
        let engine = try Engine()
        try engine.start(#"{"p": {"argv": ["/bin/sleep", "100"]}}"#)
        func elapsed() throws -> Double { try #require(try engine.result("p")[path: "times", "elapsed"]?.real) }
        let first = try elapsed()
        engine.run("time goes by") { ((try? elapsed()) ?? 0) > first + 0.02 }
        #expect(try engine.result("p")[path: "times", "stop"]?.isNull == true)
        try engine.table.signal("p", .kill)
        engine.runUntilEnded("p")
        let stop = try engine.result("p")[path: "times", "stop"]
        let last = try elapsed()
        let now = try engine.result("p")[path: "times", "now"]
        engine.run("time goes by") { (try? engine.result("p")[path: "times", "now"]) != now }
        #expect(try elapsed() == last && engine.result("p")[path: "times", "stop"] == stop && stop?.isNull == false)
    }

    @Test(.enabled(if: Compiler.isThere, "/usr/bin/cc is needed"))
    func aProcessRunsOnAfterItsMainThreadHasEnded() throws {
        let engine = try Engine()
        let program = try Compiler.build(
            """
            #include <pthread.h>
            #include <stdlib.h>
            #include <unistd.h>
            static void *run(void *argument)
            {
                (void)argument;
                char byte;
                if (write(1, "ready\\n", 6) == 6 && read(0, &byte, 1) == 0) exit(21);
                exit(22);
            }
            int main(void)
            {
                pthread_t thread;
                pthread_create(&thread, NULL, run, NULL);
                pthread_exit(NULL);
            }
            """, in: engine.directory)
        let fifo = engine.directory.path("fifo")
        try #require(mkfifo(fifo, 0o600) == 0)
        try engine.start(
            SpecText.specs([
                (
                    "p",
                    SpecText.spec(
                        [program],
                        """
                        "fds": {"stdin": {"file": {"path": "\(fifo)"}},
                                "stdout": {"capture": {"mode": "tempfile", "encoding": "utf-8"}}}
                        """)
                )
            ]))
        let writer = open(fifo, O_WRONLY | O_CLOEXEC)
        engine.run("the main thread has ended and the other one runs") {
            guard let result = try? engine.result("p") else { return false }
            return result.captured("stdout") == "ready\n" && result[path: "proc_stat", "state"]?.text == "Z"
        }
        #expect(try engine.result("p")["state"]?.text == "running")
        #expect(!engine.events.contains(.ended(id: "p")))
        close(writer)
        engine.runUntilEnded("p")
        #expect(try engine.result("p")[path: "status", "exit_code"]?.number == 21)
    }

    @Test(.enabled(if: Compiler.isThere, "/usr/bin/cc is needed"))
    func aLeaderWhoseEndADebuggerStillHoldsIsWaitedFor() throws {
        let engine = try Engine()
        let ready = engine.directory.path("ready")
        let ended = engine.directory.path("ended")
        let go = engine.directory.path("go")
        // A tracer sees the end of its tracee first, and the parent only when it has let go of it.
        let tracer = try Compiler.build(
            """
            #include <errno.h>
            #include <fcntl.h>
            #include <signal.h>
            #include <stdio.h>
            #include <stdlib.h>
            #include <sys/ptrace.h>
            #include <sys/wait.h>
            #include <unistd.h>
            int main(int argc, char **argv)
            {
                (void)argc;
                const pid_t pid = atoi(argv[1]);
                if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0) return perror("ptrace"), 1;
                close(open(argv[2], O_WRONLY | O_CREAT, 0600));
                siginfo_t info;
                while (waitid(P_PID, pid, &info, WEXITED | WNOWAIT) < 0 && errno == EINTR) {}
                close(open(argv[3], O_WRONLY | O_CREAT, 0600));
                while (access(argv[4], F_OK) < 0 && access(argv[2], F_OK) == 0) usleep(1000);
                int status;
                return waitpid(pid, &status, 0) == pid ? 0 : 2;
            }
            """, in: engine.directory, name: "tracer")
        try engine.start(#"{"p": {"command": "exec sleep 100"}}"#)
        let pid = try #require(try engine.result("p")["pid"]?.number)
        try engine.start(
            SpecText.specs([("tracer", SpecText.spec([tracer, "\(pid)", ready, ended, go], SpecText.capture()))]))
        engine.run("the tracer has it") {
            contents(of: ready) != nil || engine.events.contains(.ended(id: "tracer"))
        }
        try #require(contents(of: ready) != nil, "no tracing here")
        try engine.table.signal("p", .kill)
        engine.run("the tracer has seen its end") { contents(of: ended) != nil }
        #expect(try engine.result("p")["state"]?.text == "running")
        engine.directory.write("", to: "go")
        engine.runUntilEnded("p")
        #expect(try engine.result("p")[path: "status", "signal"]?.text == "SIGKILL")
        engine.runUntilEnded("tracer")
        #expect(try engine.result("tracer")[path: "status", "exit_code"]?.number == 0)
    }
}
