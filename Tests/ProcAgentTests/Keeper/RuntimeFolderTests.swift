import CLinux
import Glibc
import ProcCore
import ProcIO
import TestSupport
import Testing

@testable import ProcAgent

@Suite struct RuntimeFolderTests {
    let temporary = TemporaryDirectory()

    private var environment: [String: String] { ["XDG_RUNTIME_DIR": temporary.path] }
    private var base: RuntimeBase { RuntimeBase(path: temporary.path("procstar")) }

    private func isThere(_ path: String) -> Bool { access(path, F_OK) == 0 }

    private func runtime(_ id: String?) throws(StateFolder.Problem) -> StateFolder {
        try StateFolder.runtime(connID: id, environment: environment)
    }

    // MARK: Where

    @Test func aFolderIsFoundByTheConnectionID() throws {
        let folder = try runtime("mine")
        #expect(folder.path == temporary.path("procstar/mine") && folder.isRuntime && folder.connID == "mine")
        #expect(contents(of: "\(folder.path)/conn-id") == Array("mine\n".utf8))
        let other = try runtime(nil)
        #expect(other.connID.utf8.count == 36 && other.path == temporary.path("procstar/\(other.connID)"))
    }

    @Test func aSecondAgentOfTheSameIDIsRefused() throws {
        let first = try runtime("a b")
        #expect(throws: StateFolder.Problem.inUse("connection id \"a b\"", pid: getpid())) { try runtime("a b") }
        withExtendedLifetime(first) {}
    }

    static let places: [(user: uid_t, environment: [String: String], paths: [String])] = [
        (0, [:], ["/run/procstar", "/tmp/procstar-0"]),
        (7, [:], ["/tmp/procstar-7"]),
        (7, ["XDG_RUNTIME_DIR": "/run/user/7"], ["/run/user/7/procstar", "/tmp/procstar-7"]),
        (0, ["XDG_RUNTIME_DIR": "relative"], ["/run/procstar", "/tmp/procstar-0"]),
        (7, ["XDG_RUNTIME_DIR": "", "TMPDIR": "/var/tmp"], ["/tmp/procstar-7"]),
    ]

    @Test(arguments: places.indices) func theBestPlaceComesFirst(index: Int) {
        let (user, environment, paths) = Self.places[index]
        #expect(RuntimeBase.candidates(user: user, environment: environment).map(\.path) == paths)
    }

    @Test func whatOthersCouldChangeIsNoPlace() throws {
        let path = temporary.path("base")
        let base = RuntimeBase(path: path)
        try #require(mkdir(path, 0o700) == 0 && chmod(path, 0o720) == 0)
        #expect(base.objection(for: "x") == "\(path) can be changed by others")
        try #require(rmdir(path) == 0 && symlink("/tmp", path) == 0)
        #expect(base.objection(for: "x") == "\(path) is not a folder")
        try #require(unlink(path) == 0)
        #expect(base.objection(for: "x") == nil && isThere(path))
        #expect(
            RuntimeBase(path: "\(path)/none/base").objection(for: "x")
                == "look at \(path)/none: No such file or directory")
        let long = temporary.path(String(repeating: "b", count: 80))
        #expect(RuntimeBase(path: long).objection(for: "x")?.contains("107 at most") == true && !isThere(long))
    }

    @Test(.enabled(if: geteuid() == 0, "needs root")) func aFolderOfAnotherUserIsNoPlace() throws {
        let path = temporary.path("theirs")
        try #require(mkdir(path, 0o755) == 0 && chown(path, 4711, 4711) == 0)
        #expect(RuntimeBase(path: path).objection(for: "x") == "\(path) belongs to user 4711")
        #expect(RuntimeBase(path: "\(path)/base").objection(for: "x") == "\(path) belongs to user 4711")
        #expect(!isThere("\(path)/base"))
    }

    @Test func thePlaceWhereAFolderIsAlreadyComesBeforeABetterOne() throws {
        let (first, second) = (RuntimeBase(path: temporary.path("1")), RuntimeBase(path: temporary.path("2")))
        let unusable = RuntimeBase(path: temporary.path("no/base"))
        #expect(try RuntimeBase.base(for: "x", among: [unusable, first, second]) == first)
        try #require(mkdir(second.folder(for: "x"), 0o700) == 0)
        #expect(try RuntimeBase.base(for: "x", among: [unusable, first, second]) == second)
        #expect(
            throws: StateFolder.Problem.unfit(
                "no folder for the time that the agent runs: look at \(temporary.path("no")): "
                    + "No such file or directory; name one with --state-dir DIR")
        ) { try RuntimeBase.base(for: "x", among: [unusable]) }
    }

    // MARK: Names

    @Test(arguments: ["demo", "f81d4fae-7dec-41d0-a765-00a0c91e6bf6", "A_1", String(repeating: "x", count: 40)])
    func aPlainIDIsItsOwnName(id: String) { #expect(RuntimeBase.name(for: id) == id) }

    @Test func everyOtherIDHasAShortPlainNameOfItsOwn() {
        let ids = [
            "", ".", "..", "a/b", "a_b/", "a b", "a\u{0}b", "süß", "demo~", "x.y", String(repeating: "x", count: 41),
            String(repeating: "x", count: 1 << 20), "../../etc", "\u{1b}[2J",
        ]
        let names = ids.map(RuntimeBase.name)
        #expect(Set(names).count == ids.count)
        for name in names {
            #expect(name.utf8.count <= 40 && name.utf8.count { $0 == UInt8(ascii: "~") } == 1)
            #expect(
                name.utf8.allSatisfy { "~-_".utf8.contains($0) || Character(UnicodeScalar($0)).isLetter || $0 < 0x3a })
            #expect(!name.contains("/") && !name.contains("."))
        }
    }

    // MARK: The end

    @Test func aRuntimeFolderGoesWithItsAgent() throws {
        let folder = try runtime("mine")
        temporary.write("", to: "procstar/mine/ledger")
        folder.release(removing: true)
        #expect(!isThere(folder.path) && isThere(base.path))
    }

    @Test func aRuntimeFolderStaysWhereAKeeperDoes() throws {
        let folder = try runtime("mine")
        folder.release(removing: false)
        #expect(isThere("\(folder.path)/conn-id"))
    }

    // MARK: Clearing up

    @Test(.enabled(if: Python.isThere, "needs python3"))
    func whatIsLeftOfDeadAgentsIsRemovedWhenOneStarts() throws {
        try #require(mkdir(base.path, 0o700) == 0)
        // Killed, without a keeper or with one that has gone, too; before it had written anything; before it had a lock.
        for name in ["dead", "a_b~e620c3190468cf61"] {
            try #require(mkdir("\(base.path)/\(name)", 0o700) == 0)
            temporary.write(name == "dead" ? "dead\n" : "a/b\n", to: "procstar/\(name)/conn-id")
            for file in ["agent.lock", "keeper.sock.lock", "keeper.sock", "ledger", "upgrade"] {
                temporary.write("4711", to: "procstar/\(name)/\(file)")
            }
        }
        try #require(mkdir("\(base.path)/young", 0o700) == 0 && mkdir("\(base.path)/unborn", 0o700) == 0)
        temporary.write("", to: "procstar/young/agent.lock")
        #expect(RuntimeBase.name(for: "a/b") == "a_b~e620c3190468cf61")

        let agent = try LockHolder(of: "\(base.path)/agent")
        let keeper = try LockHolder(of: "\(base.path)/keeper", "keeper.sock.lock")
        for name in ["agent", "keeper"] { temporary.write("\(name)\n", to: "procstar/\(name)/conn-id") }
        // What isn't an agent's: a state folder that somebody has put there, and other things.
        try #require(mkdir("\(base.path)/state", 0o700) == 0 && mkdir("\(base.path)/foreign", 0o700) == 0)
        temporary.write("f81d4fae-7dec-41d0-a765-00a0c91e6bf6\n", to: "procstar/state/conn-id")
        temporary.write("", to: "procstar/foreign/file")
        temporary.write("", to: "procstar/file")

        let folder = try runtime("mine")
        let left = [
            "dead", "a_b~e620c3190468cf61", "young", "unborn", "agent", "keeper", "state", "foreign", "file", "mine",
        ]
        .filter { isThere("\(base.path)/\($0)") }
        #expect(left == ["agent", "keeper", "state", "foreign", "file", "mine"])
        #expect(isThere("\(base.path)/foreign/file"))

        agent.kill()
        keeper.kill()
        base.sweep()
        #expect(!isThere("\(base.path)/agent") && !isThere("\(base.path)/keeper") && isThere(folder.path))
    }

    /// Each thread starts and ends agents, and clears up what it finds; all of one connection id, so that each is in
    /// the others' way.
    @Test func whoStartsNeverHasAFolderThatSomebodyElseHasOrHasRemoved() throws {
        let environment = environment
        let (holders, finished) = (Guarded(0), Guarded(0))
        let troubles = Guarded<[String]>([])
        for thread in 0..<4 {
            try Thread.start(stack: .large) {
                for round in 0..<50 {
                    do throws(StateFolder.Problem) {
                        let folder = try StateFolder.runtime(connID: "same", environment: environment)
                        let others = holders.withLock {
                            $0 += 1; return $0 - 1
                        }
                        if others != 0 { troubles.withLock { $0.append("\(others) others have it") } }
                        let signed = contents(of: "\(folder.path)/agent.lock")
                        if signed != Array("\(getpid())".utf8) { troubles.withLock { $0.append("no lock there") } }
                        if contents(of: "\(folder.path)/conn-id") != Array("same\n".utf8) {
                            troubles.withLock { $0.append("no conn-id there") }
                        }
                        holders.withLock { $0 -= 1 }
                        folder.release(removing: (round + thread) % 3 > 0)
                    } catch {
                        // It may wait in vain for a second when the machine is busy; then it is told so.
                        if case .inUse = error { continue }
                        troubles.withLock { $0.append("\(error)") }
                    }
                }
                finished.withLock { $0 += 1 }
            }
        }
        eventually(within: 60, "all threads come to their end") { finished.withLock { $0 == 4 } }
        #expect(troubles.withLock { $0 } == [])
    }
}
