import CLinux
import Glibc
import ProcCore
import TestSupport
import Testing

@testable import ProcAgent

@Suite struct StateFolderTests {
    let temporary = TemporaryDirectory()

    private func problem(_ path: String, connID: String? = nil) -> String {
        do { return "no problem but \(try StateFolder.open(path: path, connID: connID).connID)" } catch {
            return "\(error)"
        }
    }

    private func mode(_ path: String) -> mode_t {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mode & 0o7777 : 0
    }

    private func isThere(_ path: String) -> Bool { access(path, F_OK) == 0 }

    @Test func aMissingFolderIsMadeForItsOwnerAlone() throws {
        let path = temporary.path("state")
        let folder = try StateFolder.open(path: path, connID: nil)
        #expect(folder.path == path && !folder.isRuntime && mode(path) == 0o700)
        #expect(folder.socketPath == "\(path)/keeper.sock" && folder.ledgerPath == "\(path)/ledger")
        #expect(contents(of: "\(path)/agent.lock") == Array("\(getpid())".utf8))
        #expect(mode("\(path)/agent.lock") == 0o600 && mode("\(path)/conn-id") == 0o600)
    }

    @Test func itsParentMustBeThere() {
        let path = temporary.path("none/state")
        #expect(problem(path) == "create \(path): No such file or directory")
        #expect(problem(temporary.write("", to: "file")) == "open \(temporary.path("file")): Not a directory")
    }

    @Test func aFolderThatOthersCanReachIsRefused() throws {
        let path = temporary.path("it's")
        try #require(mkdir(path, 0o700) == 0 && chmod(path, 0o750) == 0)
        #expect(
            problem(path)
                == "\(path) has mode 0750, so that others can reach what is in it; "
                + #"chmod 700 '\#(temporary.path)/it'\''s'"#)
        #expect(!isThere("\(path)/agent.lock"))
    }

    @Test(.enabled(if: geteuid() == 0, "needs root")) func anotherUsersFolderIsRefused() throws {
        let path = temporary.path("state")
        try #require(mkdir(path, 0o700) == 0 && chown(path, 4711, 4711) == 0)
        #expect(problem(path) == "\(path) belongs to user 4711; chown 0 \(path), or name another folder")
    }

    @Test func aPathThatIsTooLongForASocketIsRefused() throws {
        let room = 107 - "\(temporary.path)//keeper.sock".utf8.count
        let fits = temporary.path(String(repeating: "a", count: room))
        #expect(try StateFolder.open(path: fits, connID: nil).socketPath.utf8.count == 107)
        #expect(
            problem("\(fits)a")
                == "\(fits)a/keeper.sock has 108 bytes, and the path of a socket has 107 at most; "
                + "name a folder with a shorter path")
        #expect(!isThere("\(fits)a"))
    }

    // MARK: The connection id

    @Test func theConnectionIDIsThatOfTheAgentBefore() throws {
        let path = temporary.path("state")
        let first = try StateFolder.open(path: path, connID: nil).connID
        #expect(first.utf8.count == 36)
        #expect(try StateFolder.open(path: path, connID: nil).connID == first)
        #expect(try StateFolder.open(path: path, connID: "mine").connID == "mine")
        #expect(try StateFolder.open(path: path, connID: nil).connID == "mine")
    }

    @Test(arguments: ["a\nb", "a\r", "\r\n", " ", "süß/../\u{0}x"])
    func aConnectionIDMayHoldAnything(id: String) throws {
        let path = temporary.path("state")
        #expect(try StateFolder.open(path: path, connID: id).connID == id)
        #expect(try StateFolder.open(path: path, connID: nil).connID == id)
    }

    @Test func aStoredConnectionIDThatIsNoneIsToldOrMadeAnew() throws {
        let path = temporary.path("state")
        try #require(mkdir(path, 0o700) == 0)
        temporary.write("\n", to: "state/conn-id")
        #expect(try StateFolder.open(path: path, connID: nil).connID.utf8.count == 36)
        temporary.write(bytes: [0x61, 0xff], to: "state/conn-id")
        #expect(
            problem(path) == "\(path)/conn-id, which has the connection id, is not UTF-8; give --conn-id ID")
        #expect(try StateFolder.open(path: path, connID: "other").connID == "other")
    }

    // MARK: The lock

    @Test func aSecondAgentIsRefusedWithThePidOfTheFirst() throws {
        let path = temporary.path("state")
        let first = try StateFolder.open(path: path, connID: nil)
        #expect(problem(path) == "--state-dir \(path) is in use by the agent with pid \(getpid())")
        #expect(throws: StateFolder.Problem.inUse("--state-dir \(path)", pid: getpid())) {
            try StateFolder.open(path: path, connID: nil)
        }
        withExtendedLifetime(first) {}
    }

    @Test(.enabled(if: Python.isThere, "needs python3")) func theLockGoesWithAnAgentThatIsKilled() throws {
        let path = temporary.path("state")
        let holder = try LockHolder(of: path)
        #expect(problem(path) == "--state-dir \(path) is in use by the agent with pid \(holder.pid)")
        holder.kill()
        let folder = try StateFolder.open(path: path, connID: nil)
        #expect(contents(of: "\(path)/agent.lock") == Array("\(getpid())".utf8))
        withExtendedLifetime(folder) {}
    }

    /// Opened before, and locked after somebody who clears up has had it.
    @Test func theLockOfAFileThatHasBeenRemovedIsNone() throws {
        let path = temporary.write("", to: "agent.lock")
        let file = open(path, O_RDWR | O_CLOEXEC)
        try #require(unlink(path) == 0)
        guard case .gone = try FolderLock.resume(file, path) else {
            Issue.record("it is locked")
            return
        }
    }

    /// As systemd-tmpfiles(8) asks before it removes what is old.
    @Test func whoClearsUpFindsTheFolderLocked() throws {
        let path = temporary.path("state")
        let folder = try StateFolder.open(path: path, connID: nil)
        let other = open(path, O_RDONLY)
        defer { close(other) }
        #expect(clinux_lock(other, true) == -EWOULDBLOCK)
        withExtendedLifetime(folder) {}
    }

    // MARK: The end

    @Test func aStateFolderIsLeftWithItsConnectionIDAlone() throws {
        let path = temporary.path("state")
        let folder = try StateFolder.open(path: path, connID: "mine")
        for name in ["keeper.sock", "upgrade"] { temporary.write("left over", to: "state/\(name)") }
        folder.release(removing: true)
        #expect(!isThere("\(path)/keeper.sock") && !isThere("\(path)/upgrade"))
        #expect(contents(of: "\(path)/agent.lock") == [] && contents(of: "\(path)/conn-id") == Array("mine\n".utf8))
    }

    @Test func whatALaterAgentNeedsIsLeft() throws {
        let path = temporary.path("state")
        let folder = try StateFolder.open(path: path, connID: nil)
        temporary.write("", to: "state/keeper.sock")
        folder.release(removing: false)
        #expect(isThere("\(path)/keeper.sock") && contents(of: "\(path)/agent.lock") == [])
    }

    @Test(.enabled(if: Python.isThere, "needs python3")) func theSocketOfAKeeperThatIsThereIsLeftToIt() throws {
        let path = temporary.path("state")
        let folder = try StateFolder.open(path: path, connID: nil)
        let keeper = try LockHolder(of: path, "keeper.sock.lock")
        temporary.write("", to: "state/keeper.sock")
        folder.release(removing: true)
        #expect(isThere("\(path)/keeper.sock"))
        withExtendedLifetime(keeper) {}
    }

    // MARK: An upgrade

    @Test func whatHasComeOfAnUpgradeIsALine() throws {
        let path = temporary.path("state")
        let folder = try StateFolder.open(path: path, connID: nil)
        try folder.tell(.done(version: "1.2.3"))
        #expect(contents(of: StateFolder.upgradePath(in: path)) == Array("done 1.2.3\n".utf8))
        try folder.tell(.failed(reason: "a\nb"))
        #expect(contents(of: StateFolder.upgradePath(in: path)) == Array("failed a; b\n".utf8))
        #expect(!isThere("\(path)/upgrade.new"))
        #expect(UpgradeOutcome(parsing: "failed a; b") == .failed(reason: "a; b"))
        #expect(UpgradeOutcome(parsing: "done 1.2.3") == .done(version: "1.2.3"))
        for line in ["", "done", "done ", "other x"] { #expect(UpgradeOutcome(parsing: line) == nil) }
    }

    @Test func onlyTheLockOfAFolderIsResumed() throws {
        let other = open(temporary.write("", to: "other"), O_RDONLY | O_CLOEXEC)
        #expect(
            throws: StateFolder.Problem.unfit(
                "descriptor \(other) is \(temporary.path("other")), not the lock of a folder")
        ) {
            try StateFolder.resume(lock: other, isRuntime: false)
        }
        #expect(throws: StateFolder.Problem.system(SystemError("readlink", on: "/proc/self/fd/4095", errno: ENOENT))) {
            try StateFolder.resume(lock: 4095, isRuntime: false)
        }
        let path = temporary.path("state")
        let folder = try StateFolder.open(path: path, connID: nil)
        let lock = open("\(path)/agent.lock", O_RDWR | O_CLOEXEC)
        #expect(throws: StateFolder.Problem.inUse("\(path)", pid: getpid())) {
            try StateFolder.resume(lock: lock, isRuntime: false)
        }
        withExtendedLifetime(folder) {}
    }
}
