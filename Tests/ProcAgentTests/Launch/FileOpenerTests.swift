import CLinux
import Glibc
import ProcCore
import ProcIO
import TestSupport
import Testing

@testable import ProcAgent

/// Which opens are done at once, and that the others hold nobody up.
@Suite struct FileOpenerTests {
    private let directory = TemporaryDirectory()

    private func request(_ path: String, _ flags: CInt = O_RDONLY) -> FileOpener.Request {
        FileOpener.Request(directory: nil, path: path, flags: flags, mode: 0o600)
    }

    @Test func whatIsLocalAndNeverWaitsIsInstant() throws {
        let opener = try FileOpener(loop: EventLoop())
        let file = directory.write("x", to: "file")
        // The name is in the kernel's cache, since it has just been made.
        for path in [file, directory.path, "/dev/null", "/dev/zero"] {
            #expect(opener.isInstant(request(path)), "\(path)")
        }
        // The first look finds nothing in the cache, which the next one then knows.
        let new = directory.path("new")
        #expect(access(new, F_OK) != 0 && opener.isInstant(request(new, O_WRONLY | O_CREAT)))
    }

    @Test func whatIsMissingFailsAtOnce() throws {
        let opener = try FileOpener(loop: EventLoop())
        // The second look finds in the cache that there is nothing.
        for path in [directory.path("missing"), directory.path("no/such/folder")] {
            _ = access(path, F_OK)
            guard case .failure(let error) = opener.openInstantly(request(path)) else {
                Issue.record("\(path): not at once")
                continue
            }
            #expect(error.errno == ENOENT && error.subject == path)
        }
    }

    @Test func whatMayWaitIsNotInstant() throws {
        let opener = try FileOpener(loop: EventLoop())
        let fifo = directory.path("fifo")
        try #require(mkfifo(fifo, 0o600) == 0)
        try #require(symlink(fifo, directory.path("link")) == 0)
        for path in [fifo, directory.path("link"), "/dev/ptmx", "/dev/tty"] {
            #expect(!opener.isInstant(request(path)), "\(path)")
        }
        // Creating in a folder that isn't there is left to the thread, too: nothing is known of it.
        #expect(!opener.isInstant(request(directory.path("no/such/folder"), O_WRONLY | O_CREAT)))
    }

    @Test func aBlockedOpenEndsWhenItsOtherEndComesAndTheLoopGoesOnMeanwhile() throws {
        let loop = try EventLoop()
        let opener = try FileOpener(loop: loop)
        let fifo = directory.path("fifo")
        try #require(mkfifo(fifo, 0o600) == 0)
        var outcome: Result<SharedFD, SystemError>?
        _ = opener.open(request(fifo)) { outcome = $0 }
        var turns = 0
        func tick() {
            turns += 1
            if turns < 20 { loop.at(loop.now + .milliseconds(1)) { tick() } }
        }
        tick()
        loop.run { turns == 20 }
        #expect(outcome == nil)
        // Finds a reader only when the thread is in its open.
        var writer: CInt = -1
        eventually("the thread waits in its open") {
            writer = open(fifo, O_WRONLY | O_NONBLOCK | O_CLOEXEC)
            return writer >= 0
        }
        defer { close(writer) }
        loop.run { outcome != nil }
        let reader = try #require(outcome).get()
        #expect(clinux_descriptor_flags(reader.rawValue) & FD_CLOEXEC != 0)
        #expect(write(writer, "x", 1) == 1)
        var byte: UInt8 = 0
        #expect(read(reader.rawValue, &byte, 1) == 1 && byte == UInt8(ascii: "x"))
    }

    @Test func aCancelledOpenIsWokenAndTellsNobody() throws {
        let loop = try EventLoop()
        let opener = try FileOpener(loop: loop)
        let fifo = directory.path("fifo")
        try #require(mkfifo(fifo, 0o600) == 0)
        var isTold = false
        let pending = opener.open(request(fifo)) { _ in isTold = true }
        opener.cancel(pending)
        // One thread for all that is blocked: more of them than there may be get their turn only if it is woken.
        var done = 0
        for _ in 0..<64 {
            opener.cancel(opener.open(request(fifo)) { _ in isTold = true })
            _ = opener.open(request("/dev/null")) { _ in done += 1 }
        }
        loop.run { done == 64 }
        #expect(!isTold)
    }

    @Test func moreThanTheThreadsAllowWaitTheirTurnAndAllCome() throws {
        let loop = try EventLoop()
        let opener = try FileOpener(loop: loop)
        let fifo = directory.path("fifo")
        try #require(mkfifo(fifo, 0o600) == 0)
        var opened: [SharedFD] = []
        for _ in 0..<200 {
            _ = opener.open(request(fifo)) { if case .success(let descriptor) = $0 { opened.append(descriptor) } }
        }
        let writer = open(fifo, O_RDWR | O_CLOEXEC)
        defer { close(writer) }
        loop.run { opened.count == 200 }
        #expect(Set(opened.map(\.rawValue)).count == 200)
    }

    @Test func anErrorOnTheThreadIsTold() throws {
        let loop = try EventLoop()
        let opener = try FileOpener(loop: loop)
        var outcome: Result<SharedFD, SystemError>?
        _ = opener.open(request(directory.path("no/such"))) { outcome = $0 }
        loop.run { outcome != nil }
        #expect(throws: SystemError("open", on: directory.path("no/such"), errno: ENOENT)) { try outcome?.get() }
    }

    @Test func relativePathsBeginAtTheFolderThatWasGiven() throws {
        let opener = try FileOpener(loop: EventLoop())
        directory.write("found", to: "file")
        let folder = SharedFD(
            try OwnedFD(
                result: clinux_open(clinux_at_cwd, directory.path, clinux_o_path | clinux_o_directory, 0), "open"))
        let request = FileOpener.Request(directory: folder, path: "file", flags: O_RDONLY)
        let descriptor = try #require(opener.openInstantly(request)).get()
        #expect(readToEnd(descriptor.rawValue) == Array("found".utf8))
    }
}

@Suite struct MountTableTests {
    private func device(of path: String) -> (UInt32, UInt32) {
        var kind = clinux_file_kind()
        let fd = clinux_open(clinux_at_cwd, path, clinux_o_path, 0)
        precondition(fd >= 0 && clinux_file_kind_cached(fd, &kind) == 0, "\(path)")
        close(fd)
        return (kind.device_major, kind.device_minor)
    }

    @Test func theFileSystemsOfTheKernelAreLocal() {
        let mounts = MountTable()
        for path in ["/proc", "/dev"] {
            let (major, minor) = device(of: path)
            #expect(mounts.isLocal(major: major, minor: minor), "\(path)")
        }
    }

    @Test func whatIsNotMountedIsNotKnownToBeLocal() {
        #expect(!MountTable().isLocal(major: 4000, minor: 4000))
    }

    @Test(.enabled(if: geteuid() == 0, "root is needed"))
    func aMountThatComesLaterIsNoticed() throws {
        let mounts = MountTable()
        let directory = TemporaryDirectory()
        guard mount("none", directory.path, "tmpfs", 0, "size=64k") == 0 else { return }
        let (major, minor) = device(of: directory.path)
        #expect(mounts.isLocal(major: major, minor: minor))
        umount2(directory.path, 0)
        #expect(!mounts.isLocal(major: major, minor: minor))
    }
}
