import CLinux
import Glibc
import ProcCore
import TestSupport
import Testing

/// Captures for which there is no folder, no room or no memory.
@Suite struct OutputTroubleTests {
    private func both(_ first: String, _ second: String) -> String {
        """
        "fds": [["stdout", {"capture": {"mode": "\(first)", "encoding": "utf-8"}}],
                ["stderr", {"capture": {"mode": "\(second)", "encoding": "utf-8"}}]]
        """
    }

    @Test func aMissingCaptureFolderIsAnErrorOfThatFdAndProcessAlone() throws {
        let results = try Procstar.results(
            SpecText.document([
                ("file", SpecText.shell("echo never", both("tempfile", "memory"))),
                ("memory", SpecText.shell("echo kept", both("memory", "memory"))),
                ("none", SpecText.spec(["/bin/true"])),
            ]), ["--capture-dir", "/no/such/folder"])
        #expect(results[path: "file", "state"]?.text == "error")
        let errors = try #require(results[path: "file", "errors"]?.texts)
        #expect(errors.count == 1 && errors[0].hasPrefix("failed to set up fd 1: No such file or directory"))
        #expect(errors[0].contains("/no/such/folder"))
        #expect(results[path: "memory", "errors"] == .array([]))
        #expect(results["memory"]?.captured("stdout") == "kept\n")
        #expect(results[path: "none", "status", "exit_code"]?.number == 0)
    }

    @Test func everyFdThatFailsIsNamed() throws {
        let results = try Procstar.results(
            SpecText.document(SpecText.shell("echo never", both("tempfile", "tempfile"))),
            ["--capture-dir", "/no/such/folder"])
        let errors = try #require(results[path: "p", "errors"]?.texts)
        try #require(errors.count == 2)
        for (error, number) in zip(errors, 1...) {
            #expect(error.hasPrefix("failed to set up fd \(number): No such file or directory"))
        }
    }

    @Test func whatDoesNotFitIntoMemoryGoesOnInAFile() throws {
        let noise = OutputExactTests.noise(3_000_000, seed: 9)
        let directory = TemporaryDirectory()
        let path = OutputExactTests.write(noise, to: "noise", in: directory)
        let specs = (0..<4).map {
            ("p\($0)", SpecText.spec(["/bin/cat", path], SpecText.capture("memory", encoding: "null")))
        }
        for options in [["--capture-memory", "64k"], ["--capture-memory-total", "100k"], ["--capture-memory", "1"]] {
            let results = try Procstar.results(
                SpecText.document(specs), options + ["--capture-dir", directory.path, "--compress-above", "off"])
            for (id, _) in specs { #expect(results[id]?.capturedBytes("stdout") == noise, "\(id) \(options)") }
        }
        #expect(listing(directory.path) == ["noise"])
    }

    @Test func whereTheFileBeyondMemoryCannotBeMadeTheFdIsAnErrorAndNothingElse() throws {
        let results = try Procstar.results(
            SpecText.document([
                ("large", SpecText.shell("head -c 1000000 /dev/zero; exit 3", both("memory", "memory"))),
                ("small", SpecText.shell("echo kept", both("memory", "memory"))),
            ]), ["--capture-dir", "/no/such/folder", "--capture-memory", "64k"])
        #expect(results[path: "large", "fds", "stdout", "type"]?.text == "error", "\(results)")
        #expect(results[path: "large", "fds", "stderr", "text"]?.text == "")
        // It wrote to its end all the same.
        #expect(results[path: "large", "state"]?.text == "terminated")
        #expect(results[path: "large", "status", "exit_code"]?.number == 3)
        #expect(results["small"]?.captured("stdout") == "kept\n")
    }

    @Test func noCaptureLeavesAFileBehind() throws {
        let directory = TemporaryDirectory()
        let results = try Procstar.results(
            SpecText.document(
                SpecText.shell("head -c 100000 /dev/zero; ls -A \(directory.path) >&2", both("tempfile", "tempfile"))),
            ["--capture-dir", directory.path, "--compress-above", "1"])
        #expect(results["p"]?.captured("stderr") == "" && listing(directory.path).isEmpty)
    }

    @Test func tmpdirIsWhereCapturesGoWhenNothingElseIsSaid() throws {
        let directory = TemporaryDirectory()
        let results = try Procstar.results(
            SpecText.document(
                SpecText.shell("file=$(readlink /proc/$$/fd/1); echo $file >&2", both("tempfile", "memory"))),
            environment: ["TMPDIR=\(directory.path)", "PATH=/bin:/usr/bin"])
        #expect(results["p"]?.captured("stderr")?.hasPrefix(directory.path) == true)
    }

    private func listing(_ path: String) -> [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}

/// A capture folder on a disk of 1 MiB.
@Suite(.enabled(if: geteuid() == 0 && SmallDisk.canMount, "root is needed"))
struct OutputFullDiskTests {
    @Test func aFullDiskIsTheWritersOwnErrorAndNobodyElses() throws {
        let disk = try SmallDisk()
        let results = try Procstar.results(
            SpecText.document([
                (
                    "file",
                    SpecText.shell(
                        "head -c 4000000 /dev/zero; exit $?",
                        """
                        "fds": {"stdout": {"capture": {"mode": "tempfile", "encoding": "utf-8", "attached": false}},
                                "stderr": {"capture": {"mode": "memory", "encoding": "utf-8"}}}
                        """)
                ),
                ("other", SpecText.shell("head -c 300000 /dev/zero | tr '\\0' y", SpecText.capture("memory"))),
            ]), ["--capture-dir", disk.path])
        let file = try #require(results["file"])
        #expect(file.captured("stderr")?.contains("No space left on device") == true)
        #expect(file[path: "status", "exit_code"]?.number == 1)
        let length = try #require(file[path: "fds", "stdout", "length"]?.number)
        #expect(length > 0 && length <= 1 << 20)
        #expect(results["other"]?.captured("stdout") == String(repeating: "y", count: 300_000))
    }

    @Test func aMemoryCaptureWaitsForRoomAndLosesNothing() throws {
        let disk = try SmallDisk()
        let ballast = OutputExactTests.noise(900 << 10, seed: 3)
        let ballastPath = "\(disk.path)/ballast"
        try disk.write(ballast, to: "ballast")
        let noise = OutputExactTests.noise(700_000, seed: 4)
        let directory = TemporaryDirectory()
        let path = OutputExactTests.write(noise, to: "noise", in: directory)
        let run = try Procstar.start(
            SpecText.document([
                ("waits", SpecText.spec(["/bin/cat", path], SpecText.capture("memory", encoding: "null"))),
                ("other", SpecText.shell("echo fine; echo other done >&2", SpecText.capture("memory"))),
            ]), ["--print", "--capture-dir", disk.path, "--capture-memory", "64k", "--compress-above", "off"])
        #expect(run.waitForError("other done"))
        #expect(run.waitForError("No space left on device"), "it says what it waits for")
        unlink(ballastPath)
        let ended = run.finish()
        #expect(ended.exitCode == 0, "\(ended.errorText)")
        let results = try JSONReader.read(ended.output)
        #expect(results["waits"]?.capturedBytes("stdout") == noise)
        #expect(results["other"]?.captured("stdout") == "fine\n")
        #expect(results[path: "waits", "status", "exit_code"]?.number == 0)
    }

    @Test func aMemoryCaptureOfAProcessThatHasEndedIsWholeThoughTheDiskIsFull() throws {
        let disk = try SmallDisk()
        try disk.fill()
        let noise = OutputExactTests.noise(100_000, seed: 5)
        let directory = TemporaryDirectory()
        let path = OutputExactTests.write(noise, to: "noise", in: directory)
        // More than stays in memory, less than that and what a pipe holds.
        let results = try Procstar.results(
            SpecText.document(SpecText.spec(["/bin/cat", path], SpecText.capture("memory", encoding: "null"))),
            ["--capture-dir", disk.path, "--capture-memory", "64k"])
        #expect(results["p"]?.capturedBytes("stdout") == noise)
    }
}

/// A file system of 1 MiB in memory, for one test.
final class SmallDisk {
    let path: String
    private let directory = TemporaryDirectory()

    static let canMount: Bool = {
        guard let disk = try? SmallDisk() else { return false }
        return !disk.path.isEmpty
    }()

    init() throws {
        path = directory.path("disk")
        mkdir(path, 0o755)
        guard mount("none", path, "tmpfs", 0, "size=1m") == 0 else { throw SystemError.last("mount", on: path) }
    }

    deinit {
        // Lazily: procstar may have just ended.
        umount2(path, 2)
        rmdir(path)
    }

    func write(_ bytes: [UInt8], to name: String) throws {
        let fd = open("\(path)/\(name)", O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
        defer { close(fd) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(fd, $0.baseAddress, $0.count) }
            guard count > 0 else { throw SystemError.last("write", on: name) }
            rest = rest.dropFirst(count)
        }
    }

    /// Writes until there is no room for another page.
    func fill() throws {
        let fd = open("\(path)/ballast", O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
        defer { close(fd) }
        let page = [UInt8](repeating: 1, count: 4096)
        while Glibc.write(fd, page, page.count) > 0 {}
    }
}
