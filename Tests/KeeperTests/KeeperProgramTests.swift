import CLinux
import Glibc
import ProcCore
import ProcIO
import TestSupport
import Testing

@testable import ProcAgent

/// Where an agent finds the keeper, and how it starts it.
@Suite struct KeeperProgramTests {
    static let keeper = KeeperProgram(path: Procstar.built("procstar-keeper"))
    let temporary = TemporaryDirectory()

    private var folder: String { temporary.path("state") }
    private var socket: String { "\(folder)/keeper.sock" }

    private static let inheritance = Inheritance(
        descriptors: [0, 1, 2], environment: [Array("KEPT=1".utf8)], directory: "/", fileLimit: 300,
        raisedFileLimit: 1000)

    private func start(
        _ program: KeeperProgram = keeper, fileLimit: Int = 300, patience: Interval = .seconds(20)
    ) throws -> Result<StartedKeeper, KeeperStartFailure> {
        let loop = try EventLoop()
        var result: Result<StartedKeeper, KeeperStartFailure>?
        let base = Self.inheritance
        let inheritance = Inheritance(
            descriptors: base.descriptors, environment: base.environment, directory: base.directory,
            fileLimit: fileLimit, raisedFileLimit: base.raisedFileLimit)
        program.start(
            listeningAt: socket, keep: .milliseconds(1500), inheritance: inheritance, loop: loop, patience: patience
        ) { result = $0 }
        loop.run { result != nil }
        return try #require(result)
    }

    /// Makes a folder for it.
    private func makeFolder(_ mode: mode_t = 0o700) throws {
        try #require(mkdir(folder, 0o700) == 0 && chmod(folder, mode) == 0)
    }

    private func end(_ keeper: StartedKeeper) {
        kill(keeper.pid, SIGKILL)
        var status: CInt = 0
        waitpid(keeper.pid, &status, 0)
    }

    private func failure(_ program: KeeperProgram = keeper, patience: Interval = .seconds(20)) throws
        -> KeeperStartFailure?
    {
        switch try start(program, patience: patience) {
        case .success(let keeper):
            end(keeper)
            return nil
        case .failure(let failure): return failure
        }
    }

    // MARK: Where it is

    @Test func itIsBesideTheAgentOrInItsLibexec() throws {
        for name in ["bin", "libexec", "libexec/procstar"] {
            try #require(mkdir(temporary.path(name), 0o755) == 0)
        }
        let program = temporary.path("bin/procstar")
        #expect(KeeperProgram.find(for: program) == nil)
        let places = ["libexec/procstar-keeper", "libexec/procstar/procstar-keeper", "bin/procstar-keeper"]
        for place in places {
            temporary.write("", to: place)
            #expect(KeeperProgram.find(for: program)?.path != temporary.path(place))
            chmod(temporary.path(place), 0o755)
            #expect(KeeperProgram.find(for: program)?.path == temporary.path(place))
        }
        #expect(KeeperProgram.places(for: program) == places.reversed().map { temporary.path($0) })
        #expect(
            KeeperProgram.places(for: "/procstar") == [
                "/procstar-keeper", "/libexec/procstar/procstar-keeper", "/libexec/procstar-keeper",
            ])
    }

    @Test func itSaysItsVersion() throws {
        #expect(try Self.keeper.version(fileLimit: 64) == HandOver.keeperVersion)
        #expect(
            HandOver.suits(keeper: HandOver.keeperVersion + 1) && !HandOver.suits(keeper: HandOver.keeperVersion + 2))
        let script = temporary.write("#!/bin/sh\necho other, protocol 1\n", to: "other", mode: 0o755)
        let mystery = #expect(throws: KeeperProgram.Mystery.self) {
            try KeeperProgram(path: script).version(fileLimit: 64)
        }
        #expect(mystery?.description == #"\#(script) --version: "other, protocol 1\n" is no keeper's answer"#)
        #expect(throws: KeeperProgram.Mystery.self) { try KeeperProgram(path: "/no/such").version(fileLimit: 64) }
    }

    // MARK: Starting it

    @Test func itIsStartedForItsAgentAlone() throws {
        try makeFolder()
        let keeper = try start().get()
        defer { end(keeper) }
        #expect(LiveProcess.stat(keeper.pid)?.session == keeper.pid && LiveProcess.stat(keeper.pid)?.ppid == getpid())
        func file(_ name: String) -> String {
            String(decoding: contents(of: "/proc/\(keeper.pid)/\(name)") ?? [], as: UTF8.self)
        }
        #expect(file("environ") == "KEPT=1\0")
        // Rounded up: what it is asked to wait it waits.
        #expect(file("cmdline").hasSuffix("\0--fd\u{0}3\0--listen\0\(socket)\0--keep\u{0}2\0"))
        // Ours, which it hasn't got; and it is still there.
        var target = pollfd(fd: keeper.connection.rawValue, events: Int16(POLLIN), revents: 0)
        #expect(poll(&target, 1, 0) == 0 && clinux_descriptor_flags(keeper.connection.rawValue) == FD_CLOEXEC)
        #expect(fcntl(keeper.connection.rawValue, F_GETFL) & O_NONBLOCK != 0)
        kill(keeper.pid, SIGKILL)
        var pidfd = pollfd(fd: keeper.pidfd.rawValue, events: Int16(POLLIN), revents: 0)
        #expect(poll(&pidfd, 1, 20_000) == 1)
        #expect(poll(&target, 1, 20_000) == 1 && target.revents & Int16(POLLHUP) != 0)
    }

    @Test func aLowLimitOfOpenFilesIsEnough() throws {
        try makeFolder()
        end(try start(fileLimit: 3).get())
    }

    @Test func itIsFoundByItsSocket() throws {
        try makeFolder()
        #expect(try KeeperProgram.connect(to: socket) == nil)
        let keeper = try start().get()
        let connection = try #require(try KeeperProgram.connect(to: socket))
        #expect(fcntl(connection.rawValue, F_GETFL) & O_NONBLOCK != 0)
        end(keeper)
        // Left over.
        #expect(access(socket, F_OK) == 0)
        #expect(try KeeperProgram.connect(to: socket) == nil)
        let long = "/\(String(repeating: "x", count: 107))"
        #expect(throws: SystemError("connect", on: long, errno: ENAMETOOLONG)) { try KeeperProgram.connect(to: long) }
    }

    @Test func aSecondOneIsToldApartFromOneThatFails() throws {
        try makeFolder()
        let keeper = try start().get()
        defer { end(keeper) }
        #expect(
            try failure() == .taken("procstar-keeper: \(socket): taken by another keeper, pid \(keeper.pid)"))
        chmod(folder, 0o755)
        #expect(
            try failure()
                == .failed(
                    "procstar-keeper: \(folder): must belong to user \(geteuid()) and be closed to others (chmod 700)"))
        #expect(
            try failure(KeeperProgram(path: "/no/such"))
                == .failed("execve failed: /no/such: No such file or directory"))
    }

    @Test func oneThatIsNeverReadyIsKilled() throws {
        try makeFolder()
        let script = temporary.write(
            "#!/bin/sh\necho $$ >\(temporary.path("pid"))\nexec sleep 1000\n", to: "keeper", mode: 0o755)
        let failure = try failure(KeeperProgram(path: script), patience: .milliseconds(500))
        #expect(failure == .failed("\(script): not ready within 500 ms"))
        let pid = try #require(LiveProcess.pid(in: temporary.path("pid")))
        var status: CInt = 0
        #expect(waitpid(pid, &status, 0) == pid && clinux_term_signal(status) == SIGKILL)
    }

    @Test func oneThatComplainsAndGoesOnIsThere() throws {
        try makeFolder()
        let script = temporary.write("#!/bin/sh\necho strange >&2\nexec sleep 1000 2>&-\n", to: "keeper", mode: 0o755)
        end(try start(KeeperProgram(path: script)).get())
    }

    @Test func whatItComplainsAboutBeforeItEndsIsTold() throws {
        let script = temporary.write("#!/bin/sh\necho one >&2\necho two >&2\nexit 1\n", to: "keeper", mode: 0o755)
        #expect(try failure(KeeperProgram(path: script)) == .failed("one; two"))
    }
}
