import CLinux
import Glibc
import ProcCore
import TestSupport
import Testing

/// A stop reaches every process of a session, and is over when nobody of it is left.
@Suite struct SessionsStopTests {
    /// So that whoever is left over by mistake doesn't hold procstar's own output open.
    private static let silent = "\"fds\": {\"stdout\": {\"null\": {}}, \"stderr\": {\"null\": {}}}"

    @Test(arguments: ["SIGINT", "SIGUSR1", "SIGHUP", "SIGRTMIN+3"])
    func theSignalOfTheSpecIsTheOneThatIsSent(signal: String) throws {
        let results = try Procstar.results(
            SpecText.document(
                SpecText.spec(["/bin/sleep", "60"], "\"timeout\": 0.05, \"stop\": {\"signal\": \"\(signal)\"}")))
        #expect(results[path: "p", "status", "signal"]?.text == signal)
        #expect(results[path: "p", "cause", "type"]?.text == "timeout")
    }

    @Test func whoeverIgnoresTheSignalIsKilledAfterTheGrace() throws {
        let results = try Procstar.results(
            SpecText.document(
                SpecText.shell(
                    "trap '' TERM; while :; do sleep 0.01; done", "\"timeout\": 0.1, \"stop\": {\"grace\": 0.2}")))
        let result = try #require(results["p"])
        #expect(result[path: "status", "signal"]?.text == "SIGKILL" && result[path: "cause", "type"]?.text == "timeout")
        #expect((result[path: "times", "elapsed"]?.real ?? 0) >= 0.3)
    }

    @Test(.enabled(if: Python.isThere, "/usr/bin/python3 is needed"))
    func grandchildrenInGroupsOfTheirOwnAreReached() throws {
        let directory = TemporaryDirectory()
        let script = """
            import os, signal, sys, time
            folder = sys.argv[1]
            def report(name):
                with open(f"{folder}/{name}.new", "w") as f: print(os.getpid(), file=f)
                os.rename(f"{folder}/{name}.new", f"{folder}/{name}")
            def told(number, frame):
                with open(f"{folder}/{name}.told", "w"): pass
                os._exit(0)
            signal.signal(signal.SIGTERM, told)
            name = "leader"
            for generation in ("child", "grandchild"):
                if os.fork(): break
                name = generation
                os.setpgid(0, 0)
            report(name)
            while True: signal.pause()
            """
        let run = try Procstar.start(
            SpecText.document(SpecText.spec(Python.argv(script, [directory.path]))))
        var pids: [String: pid_t] = [:]
        for name in ["leader", "child", "grandchild"] {
            eventually("\(name) has begun") {
                pids[name] = LiveProcess.pid(in: directory.path(name))
                return pids[name] != nil
            }
        }
        let leader = try #require(pids["leader"])
        for (name, pid) in pids {
            let stat = try #require(LiveProcess.stat(pid))
            #expect(stat.session == leader && stat.pgrp == pid, "\(name)")
        }
        run.signal(SIGTERM)
        #expect(run.finish().exitCode == 0)
        for (name, pid) in pids {
            #expect(contents(of: directory.path("\(name).told")) != nil, "\(name) was told")
            #expect(!LiveProcess.isAlive(pid), "\(name)")
        }
    }

    @Test(arguments: ["leader", "child"])
    func stoppedProcessesAreEndedToo(who: String) throws {
        let directory = TemporaryDirectory()
        let pidFile = directory.path("pid")
        let stops = "echo $$ > \(pidFile).new; mv \(pidFile).new \(pidFile); kill -STOP $$; exit 9"
        let command = who == "leader" ? stops : "sh -c '\(stops)' & wait; exit 8"
        let run = try Procstar.start(SpecText.document(SpecText.shell(command)))
        var pid: pid_t?
        eventually("it has stopped itself") {
            pid = LiveProcess.pid(in: pidFile)
            return pid.flatMap { LiveProcess.stat($0)?.state } == UInt8(ascii: "T")
        }
        run.signal(SIGTERM)
        let ended = run.finish()
        #expect(ended.exitCode == 0)
        let result = try #require(try JSONReader.read(ended.output)["p"])
        #expect(result[path: "status", "signal"]?.text == "SIGTERM", "\(result["status"] ?? .null)")
        #expect((result[path: "times", "elapsed"]?.real ?? 99) < 9, "the signal itself ended it, not the grace")
        #expect(!LiveProcess.isAlive(try #require(pid)))
    }

    @Test func aMemberThatOutstaysItsLeaderIsKilledAtTheEndOfTheGraceAndProcstarStaysUntilThen() throws {
        let directory = TemporaryDirectory()
        let pidFile = directory.path("pid")
        // The leader ends at once when it is told; its child ignores that.
        let child =
            "trap \"\" TERM; echo $$ > \(pidFile).new; mv \(pidFile).new \(pidFile); while :; do sleep 0.02; done"
        let run = try Procstar.start(
            SpecText.document(
                SpecText.shell(
                    "trap 'exit 4' TERM; sh -c '\(child)' & until [ -e \(pidFile) ]; do sleep 0.01; done; while :; do sleep 0.01; done",
                    "\"timeout\": 1, \"stop\": {\"grace\": 0.5}")))
        var pid: pid_t?
        eventually("the child has begun") {
            pid = LiveProcess.pid(in: pidFile)
            return pid != nil
        }
        let begun = clinux_clock_ns(CLOCK_MONOTONIC)
        let ended = run.finish()
        let took = Double(clinux_clock_ns(CLOCK_MONOTONIC) - begun) / 1e9
        let result = try #require(try JSONReader.read(ended.output)["p"])
        #expect(result[path: "status", "exit_code"]?.number == 4 && result[path: "cause", "type"]?.text == "timeout")
        let elapsed = try #require(result[path: "times", "elapsed"]?.real)
        #expect(elapsed >= 1)
        #expect(!LiveProcess.isAlive(try #require(pid)))
        // What is left of the first second, then the grace.
        let now = try #require(WallClockText.nanoseconds(result[path: "times", "now"]?.text))
        let start = try #require(WallClockText.nanoseconds(result[path: "times", "start"]?.text))
        #expect(Double(now - start) / 1e9 >= 1.5, "the results are made when the session is gone; \(took) s")
    }

    @Test func twoHundredTimeoutsAtOnceEndTwoHundredProcesses() throws {
        let specs = (0..<200).map {
            ("p\($0)", SpecText.spec(["/bin/sleep", "60"], "\"timeout\": 0.3, \"stop\": {\"grace\": 20}"))
        }
        let results = try Procstar.results(SpecText.document(specs))
        #expect(results.keys == specs.map(\.0))
        for (id, _) in specs {
            #expect(results[path: id, "cause", "type"]?.text == "timeout")
            #expect(results[path: id, "status", "signal"]?.text == "SIGTERM")
            #expect((results[path: id, "times", "elapsed"]?.real ?? 99) < 15)
        }
    }

    @Test func aFamilyThatForksOnIsEndedToTheLast() throws {
        let directory = TemporaryDirectory()
        let marker = directory.path("run")
        directory.write("", to: "run")
        // Each starts another all the time, as long as there is the marker; none heeds SIGTERM.
        let script = directory.write(
            """
            #!/bin/sh
            trap '' TERM
            n=0
            while [ -e \(marker) ] && [ $n -lt 60 ]; do sleep 30 & n=$((n + 1)); done
            wait
            """, to: "forks", mode: 0o755)
        let run = try Procstar.start(
            SpecText.document(
                SpecText.shell(
                    "\(script) & \(script) & \(script) & wait",
                    "\"timeout\": 0.3, \"stop\": {\"grace\": 0.1}, \(Self.silent)")))
        let ended = run.finish()
        unlink(marker)
        let result = try #require(try JSONReader.read(ended.output)["p"])
        let leader = try #require(result["pid"]?.number)
        #expect(result[path: "cause", "type"]?.text == "timeout")
        let left = LiveProcess.members(of: pid_t(leader))
        #expect(left.isEmpty, "\(left.count) left, such as \(left.first.map { "\($0.comm) \($0.pid)" } ?? "")")
        for member in left { kill(member.pid, SIGKILL) }
    }

    @Test(.enabled(if: Compiler.isThere, "/usr/bin/cc is needed"))
    func aFamilyThatFleesByForkingIsEndedToo() throws {
        let directory = TemporaryDirectory()
        // Each lives for a moment and goes on in its child: whoever looks it up finds it gone. It tires after some
        // seconds, so that a failure doesn't use up all the pids there are.
        let program = try Compiler.build(
            """
            #include <signal.h>
            #include <time.h>
            #include <unistd.h>
            int main(void)
            {
                signal(SIGTERM, SIG_IGN);
                for (int i = 0; i < 3000; i++) {
                    if (fork() != 0) {
                        if (i == 0) for (;;) pause();
                        _exit(0);
                    }
                    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
                }
                return 0;
            }
            """, in: directory)
        let results = try Procstar.results(
            SpecText.document(SpecText.spec([program], "\"timeout\": 0.2, \"stop\": {\"grace\": 0.1}, \(Self.silent)")))
        let leader = try #require(results[path: "p", "pid"]?.number)
        #expect(results[path: "p", "status", "signal"]?.text == "SIGKILL")
        let left = LiveProcess.members(of: pid_t(leader))
        #expect(left.isEmpty)
        // It flees from this, too: as often as it takes.
        eventually("what is left is gone") {
            let left = LiveProcess.members(of: pid_t(leader))
            for member in left { kill(member.pid, SIGKILL) }
            return left.isEmpty
        }
    }

    @Test(.enabled(if: Compiler.isThere, "/usr/bin/cc is needed"))
    func aMemberWhoseMainThreadHasEndedIsEndedToo() throws {
        let directory = TemporaryDirectory()
        let pidFile = directory.path("pid")
        // To /proc such a process is a zombie, and it runs.
        let program = try Compiler.build(
            """
            #include <pthread.h>
            #include <signal.h>
            #include <stdio.h>
            #include <stdlib.h>
            #include <unistd.h>
            static void *run(void *argument)
            {
                char fresh[4096];
                snprintf(fresh, sizeof fresh, "%s.new", (char *)argument);
                FILE *file = fopen(fresh, "w");
                fprintf(file, "%d\\n", (int)getpid());
                fclose(file);
                rename(fresh, argument);
                for (;;) pause();
            }
            int main(int argc, char **argv)
            {
                (void)argc;
                signal(SIGTERM, SIG_IGN);
                pthread_t thread;
                pthread_create(&thread, NULL, run, argv[1]);
                pthread_exit(NULL);
            }
            """, in: directory)
        let run = try Procstar.start(
            SpecText.document(
                SpecText.shell(
                    "\(program) \(pidFile) & until [ -e \(pidFile) ]; do sleep 0.01; done; exit 0",
                    "\"orphans\": \"kill\", \(Self.silent)")))
        #expect(run.finish().exitCode == 0)
        let pid = try #require(LiveProcess.pid(in: pidFile))
        defer { kill(pid, SIGKILL) }
        eventually("the thread has ended with its process", seen: { "\(threads(of: pid))" }) { threads(of: pid) == 0 }
    }

    /// How many threads run in a process, other than a main one that has ended.
    private func threads(of pid: pid_t) -> Int {
        guard let stat = LiveProcess.stat(pid) else { return 0 }
        return Int(stat.threads) - (stat.isZombie ? 1 : 0)
    }
}
