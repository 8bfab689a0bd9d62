import CLinux
import Glibc
import ProcCore
import TestSupport
import Testing

/// Thousands of processes in one request.
@Suite(.serialized) struct ScaleTests {
    private static let limit: Int = {
        var limit = rlimit()
        _ = clinux_get_file_limit(&limit)
        return Int(clamping: limit.rlim_max)
    }()

    private func ids(_ count: Int) -> [String] { (0..<count).map { "p\($0 &* 7919 % count)" } }

    @Test func twoThousandRunAndComeBackInTheOrderOfTheDocument() throws {
        // Not in the order of their names.
        let ids = ids(2000)
        let results = try Procstar.results(
            SpecText.document(ids.map { ($0, SpecText.spec(["/bin/true"])) }))
        #expect(results.keys == ids)
        #expect(ids.allSatisfy { results[path: $0, "status", "exit_code"]?.number == 0 })
        let pids = Set(ids.compactMap { results[path: $0, "pid"]?.number })
        #expect(pids.count == ids.count)
    }

    @Test func twoThousandCapturesAreEachTheirOwnProcesss() throws {
        let ids = ids(2000)
        let specs = ids.enumerated().map { index, id in
            (id, SpecText.spec(["/bin/echo", id], SpecText.capture(index % 2 == 0 ? "memory" : "tempfile")))
        }
        let results = try Procstar.results(SpecText.document(specs))
        #expect(results.keys == ids)
        #expect(ids.allSatisfy { results[$0]?.captured("stdout") == "\($0)\n" })
    }

    @Test(.enabled(if: limit >= 8192, "the limit of open files is too low"))
    func shortOnesStartAndEndBesideAThousandSleepers() throws {
        let directory = TemporaryDirectory()
        let written = directory.path("written")
        let sleepers = (0..<1000).map { ("s\($0)", SpecText.spec(["/bin/sleep", "600"])) }
        let short = (0..<200).map {
            ("p\($0)", SpecText.shell("echo \($0); echo >> \(written)", SpecText.capture()))
        }
        let run = try Procstar.start(SpecText.document(sleepers + short), ["--print", "--log-level", "info"])
        #expect(run.waitForError("started processes from specs"))
        eventually("all short ones have written", seen: { "\(contents(of: written)?.count ?? 0)" }) {
            contents(of: written)?.count == 200
        }
        run.signal(SIGTERM)
        let results = try JSONReader.read(run.finish().output)
        #expect(results.keys == (sleepers + short).map(\.0))
        for (id, _) in short { #expect(results[id]?.captured("stdout") == "\(id.dropFirst())\n") }
        for (id, _) in sleepers {
            #expect(results[path: id, "status", "signal"]?.text == "SIGTERM")
            #expect(results[path: id, "cause", "sender"]?.text == "shutdown")
        }
    }
}
