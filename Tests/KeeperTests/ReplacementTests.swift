import CLinux
import Glibc
import ProcIO
import TestSupport
import Testing

/// A program that puts another in its place, `upgrade-driver`, as an agent does.
@Suite struct ReplacementTests {
    static let driver = Procstar.built("upgrade-driver")
    let temporary = TemporaryDirectory()

    private var folder: String { temporary.path("state") }

    /// Starts it with a low limit of open files, a descriptor 7, and an argument that isn't text.
    private func start(
        _ driver: String = driver, upgradingTo program: String = driver, closing: String = ""
    ) throws -> ProgramRun {
        let script =
            #"ulimit -Sn 300; driver=$1 folder=$2 program=$3; exec "$driver" "$folder" "$program" "$(printf '\377')" \#(closing)"#
        let extra = open("/dev/null", O_RDONLY | O_CLOEXEC)
        defer { close(extra) }
        return try ProgramRun(
            ["/bin/sh", "-c", script, "sh", driver, folder, program], keepsInputOpen: true,
            environment: ["A=1", "PROCSTAR_AGENT_TOKEN=sesame", "B=2"] + Sanitizer.variables, descriptors: [7: extra])
    }

    /// What the program says of itself up to the next `ready`.
    private func report(_ run: ProgramRun, _ count: Int) throws -> [Substring] {
        let text = try #require(run.output(upTo: "ready\n", count), "\(run.finish().errorText)")
        let parts = text.split(separator: "ready\n", omittingEmptySubsequences: false)
        return parts[count - 1].split(separator: "\n")
    }

    @Test func theNewProgramFindsWhatTheFormerOneFound() throws {
        let run = try start()
        let before = try report(run, 1)
        #expect(before.first == "started, program \(Self.driver)")
        #expect(before.contains("pid \(run.pid), descriptors 0 1 2 7c"))
        #expect(before.contains { $0.hasPrefix("limit 300, raised ") && $0 != "limit 300, raised 300" })
        #expect(before.contains("token sesame") && before.contains { $0.hasSuffix("255]]") }, "\(before)")
        #expect(before.contains { $0.hasPrefix("folder \(folder), ") && $0.hasSuffix("lock true") })
        // As often as one likes.
        for round in 2..<5 {
            run.type("u")
            let after = try report(run, round)
            #expect(after.first == "in its place, program \(Self.driver)")
            #expect(after.dropFirst() == before.dropFirst())
            let environment = String(decoding: contents(of: "/proc/\(run.pid)/environ") ?? [], as: UTF8.self)
            #expect(!environment.contains("sesame") && environment.contains("A=1"))
            // What is left of it there is its name.
            #expect(environment.split(separator: "\0").contains("PROCSTAR_UPGRADE="))
        }
        run.endInput()
        #expect(run.finish().exitCode == 0)
    }

    @Test func standardDescriptorsThatWereClosedAreClosedForTheNewProgramToo() throws {
        let run = try start(closing: "2>&-")
        #expect(try report(run, 1).contains("pid \(run.pid), descriptors 0 1 7c"))
        run.type("u")
        #expect(try report(run, 2).contains("pid \(run.pid), descriptors 0 1 7c"))
        run.endInput()
        #expect(run.finish().exitCode == 0)
    }

    @Test func nobodyElseGetsTheLockMeanwhile() throws {
        let run = try start()
        _ = try report(run, 1)
        let path = "\(folder)/agent.lock"
        let (isOver, taken) = (Guarded(false), Guarded(0))
        let done = Guarded(false)
        try Thread.start(stack: .small) {
            while !isOver.withLock({ $0 }) {
                let lock = open(path, O_RDWR | O_CLOEXEC)
                if clinux_lock(lock, true) == 0 { taken.withLock { $0 += 1 } }
                close(lock)
            }
            done.withLock { $0 = true }
        }
        for round in 2..<22 {
            run.type("u")
            _ = try report(run, round)
        }
        isOver.withLock { $0 = true }
        eventually("the thread ends") { done.withLock { $0 } }
        #expect(taken.withLock { $0 } == 0)
        run.endInput()
        _ = run.finish()
    }

    @Test func aFailureLeavesEverythingAsItWas() throws {
        let missing = temporary.path("missing")
        let run = try start(upgradingTo: missing)
        let before = try report(run, 1)
        run.type("u")
        let after = try report(run, 2)
        #expect(after.first == "execve \(missing): No such file or directory")
        #expect(after.dropFirst() == before.dropFirst())
        // And then it succeeds.
        try #require(link(Self.driver, missing) == 0 || symlink(Self.driver, missing) == 0)
        run.type("u")
        #expect(try report(run, 3).first?.hasPrefix("in its place") == true)
        run.endInput()
        #expect(run.finish().exitCode == 0)
    }

    // MARK: Where the new version is

    @Test func aProgramThatWasReplacedIsWhereItWas() throws {
        let path = temporary.path("driver")
        try copy(Self.driver, to: path)
        let run = try start(path, upgradingTo: path)
        #expect(try report(run, 1).first == "started, program \(path)")
        // As a package manager does it.
        try copy(Self.driver, to: "\(path).new")
        try #require(rename("\(path).new", path) == 0)
        run.endInput()
        #expect(run.finish().outputText.hasSuffix("program \(path)\n"))
    }

    @Test func aLinkThatItWasStartedByCountsForIt() throws {
        let link = temporary.path("current")
        try #require(symlink(Self.driver, link) == 0)
        let run = try start(link)
        #expect(try report(run, 1).first == "started, program \(link)")
        run.endInput()
        #expect(run.finish().outputText.hasSuffix("program \(Self.driver)\n"))
    }

    private func copy(_ source: String, to target: String) throws {
        let ended = try ProgramRun(["/bin/cp", source, target]).finish()
        try #require(ended.exitCode == 0, "\(ended.errorText)")
    }
}
