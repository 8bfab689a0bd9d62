import CLinux
import Glibc
import ProcCore
import TestSupport
import Testing

/// A FUSE file system whose server never answers, as a hung network mount.
///
/// Going away aborts it: whoever waits in it gets an error, and the mount is taken off.
private final class HungMount {
    let path: String
    private let folder = TemporaryDirectory()
    private let device: CInt

    /// Nil where this isn't possible; ``reason`` says why.
    init?() {
        path = folder.path("mount")
        device = open("/dev/fuse", O_RDWR | O_CLOEXEC)
        guard device >= 0 else { return nil }
        mkdir(path, 0o755)
        let options = "fd=\(device),rootmode=40000,user_id=0,group_id=0,allow_other"
        guard mount("hung", path, "fuse", 0, options) == 0 else {
            close(device)
            return nil
        }
    }

    deinit {
        // MNT_DETACH: also while somebody is in it. Closing the device ends all that waits for an answer.
        umount2(path, 2)
        close(device)
    }

    static let isPossible = HungMount() != nil
}

@Suite(.enabled(if: HungMount.isPossible, "needs /dev/fuse and the right to mount"))
struct BlockingMountTests {
    @Test(arguments: [
        #""cwd": "MOUNT""#, #""cwd": "MOUNT/below""#, #""fds": [["stdin", {"file": {"path": "MOUNT/file"}}]]"#,
        #""fds": [["stdout", {"file": {"path": "MOUNT/new/file", "flags": "Create"}}]]"#, #""exe": "MOUNT/program""#,
        #""exe": "MOUNT""#, #""cwd": "MOUNT", "exe": "./program""#,
    ])
    func aMountThatHangsHoldsUpItsOwnProcessAlone(members: String) throws {
        let mount = try #require(HungMount())
        let spec = #""argv": ["/bin/true"], "# + members.replacing("MOUNT", with: mount.path)
        let run = try Procstar.start(
            "{\"specs\": {\"hangs\": {\(spec)}, \(BlockingOpenTests.others(10))}}", ["--print", "--log-level", "debug"])
        for index in 0..<10 { #expect(run.waitForError(BlockingOpenTests.end(index))) }
        #expect(run.waitForError("started processes from specs"))
        run.signal(SIGTERM)
        let ended = run.finish()
        #expect(ended.exitCode == 0)
        let results = try ended.results
        #expect(results["hangs"]?.state == "error" && results["hangs"]?.cause == "cancelled")
        #expect(results["other 9"]?.exitCode == 0)
    }

    @Test func whatWaitsForAMountGoesOnWhenTheMountGivesUp() throws {
        var mount = HungMount()
        let path = try #require(mount?.path)
        let run = try Procstar.start(
            "{\"specs\": {\"hangs\": {\"argv\": [\"/bin/true\"], \"cwd\": \(json(path))}, \(BlockingOpenTests.others(1))}}",
            ["--print", "--log-level", "debug"])
        #expect(run.waitForError(BlockingOpenTests.end(0)))
        mount = nil
        let ended = run.finish()
        #expect(ended.exitCode == 0)
        // It was waiting in the mount, or came only after it was taken off and found a folder.
        let result = try #require(try ended.results["hangs"])
        let failed = result.errors.first?.hasPrefix("failed to change to directory \(path): ") == true
        #expect(failed || result.exitCode == 0, "\(result)")
        withExtendedLifetime(mount) {}
    }
}
