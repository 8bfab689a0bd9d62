import CLinux
import Glibc
import ProcCore
import TestSupport
import Testing

/// A result holds every byte that the process itself wrote, in either mode.
@Suite struct OutputExactTests {
    static let modes = ["memory", "tempfile"]
    /// Round pages, pipes, and the sizes at which a capture's handling changes.
    static let sizes = [
        0, 1, 2, 4095, 4096, 4097, 16383, 16384, 16385, 65535, 65536, 65537, 262_144, 1_048_575, 1_048_577, 3_000_001,
    ]

    /// The same bytes in every run, of every value.
    static func noise(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
        var generator = SeededGenerator(seed: seed)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 8)
        while bytes.count < count {
            let word = generator.next()
            for shift in stride(from: 0, to: 64, by: 8) {
                bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(shift)))
            }
        }
        bytes.removeLast(bytes.count - count)
        return bytes
    }

    static func write(_ bytes: [UInt8], to name: String, in directory: TemporaryDirectory) -> String {
        let path = directory.path(name)
        let fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
        precondition(fd >= 0)
        defer { close(fd) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(fd, $0.baseAddress, $0.count) }
            precondition(count > 0)
            rest = rest.dropFirst(count)
        }
        return path
    }

    /// A long process besides, so that what happens to finished captures in a longer life happens here.
    private func run(_ specs: [(String, String)], _ options: [String] = [], besides: Bool = false) throws -> Value {
        let others = besides ? [("besides", SpecText.spec(["/bin/sleep", "1"]))] : []
        return try Procstar.results(SpecText.document(specs + others), options)
    }

    @Test(arguments: modes, [["--compress-above", "1"], ["--compress-above", "off"], []])
    func everySizeComesBackByteForByte(mode: String, options: [String]) throws {
        let directory = TemporaryDirectory()
        let specs = Self.sizes.map { size in
            let path = Self.write(Self.noise(size, seed: UInt64(size)), to: "\(size)", in: directory)
            return ("\(size)", SpecText.spec(["/bin/cat", path], SpecText.capture(mode, encoding: "null")))
        }
        let results = try run(specs, options, besides: !options.isEmpty)
        for size in Self.sizes {
            let entry = results[path: "\(size)", "fds", "stdout"]
            #expect(entry?["type"]?.text == "data" && entry?["encoding"]?.text == "base64")
            let got = results["\(size)"]?.capturedBytes("stdout")
            #expect(got == Self.noise(size, seed: UInt64(size)), "\(size) bytes: \(got?.count ?? -1)")
        }
    }

    @Test(arguments: modes)
    func twentyMebibytesComeBackByteForByte(mode: String) throws {
        let directory = TemporaryDirectory()
        let noise = Self.noise(20 << 20)
        let path = Self.write(noise, to: "noise", in: directory)
        let results = try run([("p", SpecText.spec(["/bin/cat", path], SpecText.capture(mode, encoding: "null")))])
        #expect(results["p"]?.capturedBytes("stdout") == noise)
    }

    @Test(arguments: modes)
    func textComesBackLetterForLetter(mode: String) throws {
        let lines = (0..<20000).map { "line \($0) — “quoted” \\ \u{1f600} \t\u{7f}\u{1}" }.joined(separator: "\n")
        let directory = TemporaryDirectory()
        let path = Self.write(Array(lines.utf8), to: "text", in: directory)
        let results = try run(
            [("p", SpecText.spec(["/bin/cat", path], SpecText.capture(mode)))], ["--compress-above", "1"],
            besides: true)
        #expect(results["p"]?.captured("stdout") == lines)
        #expect(results[path: "p", "fds", "stdout", "encoding"]?.text == "utf-8")
        #expect(results[path: "p", "fds", "stdout", "type"]?.text == "text")
    }

    @Test(arguments: modes)
    func whatIsNotUTF8IsRepaired(mode: String) throws {
        let directory = TemporaryDirectory()
        let noise = Self.noise(200_000)
        let path = Self.write(noise, to: "noise", in: directory)
        let results = try run([("p", SpecText.spec(["/bin/cat", path], SpecText.capture(mode)))])
        #expect(results["p"]?.captured("stdout") == String(decoding: noise, as: UTF8.self))
    }

    @Test(arguments: modes)
    func outputAndErrorsInOneCaptureKeepTheirOrder(mode: String) throws {
        let script = "i=0; while [ $i -lt 300 ]; do echo o$i; echo e$i >&2; i=$((i + 1)); done"
        let results = try run([
            (
                "p",
                SpecText.shell(
                    script,
                    """
                    "fds": [["stdout", {"capture": {"mode": "\(mode)", "encoding": "utf-8"}}],
                            ["stderr", {"dup": {"fd": 1}}]]
                    """
                )
            )
        ])
        #expect(results["p"]?.captured("stdout") == (0..<300).map { "o\($0)\ne\($0)\n" }.joined())
        #expect(results[path: "p", "fds", "stderr"]?.isNull == true)
    }

    @Test(arguments: modes)
    func whoeverClosesItsOutputEarlyRunsOn(mode: String) throws {
        let results = try run([
            ("p", SpecText.shell("echo first; exec 1>&-; sleep 0.1; exit 4", SpecText.capture(mode)))
        ])
        #expect(results["p"]?.captured("stdout") == "first\n")
        #expect(results[path: "p", "status", "exit_code"]?.number == 4)
    }

    @Test(arguments: modes)
    func aCaptureThatADescendantHoldsOpenDelaysNoResult(mode: String) throws {
        let directory = TemporaryDirectory()
        let pidFile = directory.path("pid")
        let child = "echo $$ > \(pidFile).new; mv \(pidFile).new \(pidFile); exec sleep 60 2> /dev/null"
        let results = try run([
            (
                "p",
                SpecText.shell(
                    "echo mine; sh -c '\(child)' & until [ -e \(pidFile) ]; do sleep 0.01; done; exit 0",
                    SpecText.capture(mode))
            )
        ])
        let pid = try #require(LiveProcess.pid(in: pidFile))
        defer { kill(pid, SIGKILL) }
        #expect(LiveProcess.isAlive(pid))
        #expect(results["p"]?.captured("stdout") == "mine\n")
    }

    @Test(arguments: modes)
    func whatADescendantWritesWhileProcstarRunsIsAppended(mode: String) throws {
        let directory = TemporaryDirectory()
        let written = directory.path("written")
        let results = try run([
            (
                "p",
                SpecText.shell(
                    "echo first; (until [ -e \(written).go ]; do sleep 0.01; done; echo second; : > \(written)) & exit 0",
                    SpecText.capture(mode))
            ),
            ("q", SpecText.shell(": > \(written).go; until [ -e \(written) ]; do sleep 0.01; done; sleep 0.05")),
        ])
        #expect(results["p"]?.captured("stdout") == "first\nsecond\n")
    }

    @Test func whoeverTruncatesItsFileIsShownWhatIsLeft() throws {
        let results = try run([
            (
                "p",
                SpecText.shell(
                    "printf 'long gone\\n'; truncate -s 0 /proc/self/fd/1; printf kept", SpecText.capture("tempfile"))
            )
        ])
        #expect(results["p"]?.captured("stdout") == "kept")
    }

    @Test func threeHundredAtOnceAreExactInBothModes() throws {
        let ids = 0..<300
        let specs = ids.map { id in
            (
                "p\(id)",
                SpecText.shell(
                    "i=0; while [ $i -lt \(id) ]; do echo \(id) $i out; echo \(id) $i err >&2; i=$((i + 1)); done",
                    """
                    "fds": {"stdout": {"capture": {"mode": "memory", "encoding": "utf-8"}},
                            "stderr": {"capture": {"mode": "tempfile", "encoding": "utf-8"}}}
                    """)
            )
        }
        let results = try run(specs, ["--compress-above", "1"])
        #expect(results.keys == specs.map(\.0))
        for id in ids {
            let result = try #require(results["p\(id)"])
            #expect(result.captured("stdout") == (0..<id).map { "\(id) \($0) out\n" }.joined(), "\(id)")
            #expect(result.captured("stderr") == (0..<id).map { "\(id) \($0) err\n" }.joined(), "\(id)")
        }
    }

    @Test(arguments: modes)
    func unattachedOutputIsCounted(mode: String) throws {
        let results = try run([
            (
                "p",
                SpecText.shell(
                    "head -c 70000 /dev/zero", SpecText.capture(mode, encoding: "null", more: ", \"attached\": false"))
            )
        ])
        #expect(
            results[path: "p", "fds", "stdout"]
                == .map([
                    .init("type", .string("detached")), .init("length", .int(70000)),
                    .init("encoding", .string("base64")),
                ]))
    }

    @Test func aSignalledProcessLosesNothingThatItWrote() throws {
        let specs = Self.modes.map {
            ($0, SpecText.shell("head -c 50000 /dev/zero | tr '\\0' x; kill -9 $$", SpecText.capture($0)))
        }
        let results = try run(specs)
        for mode in Self.modes {
            #expect(results[mode]?.captured("stdout") == String(repeating: "x", count: 50000))
        }
    }
}
