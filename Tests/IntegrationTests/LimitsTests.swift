import CLinux
import Glibc
import ProcCore
import TestSupport
import Testing

/// What a capture with a limit keeps, and what it says of the rest.
@Suite struct LimitsTests {
    private func spec(_ command: String, mode: String, _ limit: String, encoding: String = "utf-8", more: String = "")
        -> String
    {
        SpecText.shell(command, SpecText.capture(mode, encoding: encoding, more: ", \(limit)") + more)
    }

    /// `0123456789` over and over.
    private static func digits(_ range: Range<Int>) -> String { range.map { "\($0 % 10)" }.joined() }
    private static let writesThousand = "i=0; while [ $i -lt 100 ]; do printf 0123456789; i=$((i + 1)); done"

    private func document(_ keep: String) -> String {
        switch keep {
        case "head": Self.digits(0..<101) + "\n[procstar: 899 bytes cut]\n"
        case "tail": "\n[procstar: 899 bytes cut]\n" + Self.digits(899..<1000)
        // The odd byte is the head's.
        default: Self.digits(0..<51) + "\n[procstar: 899 bytes cut]\n" + Self.digits(950..<1000)
        }
    }

    @Test(arguments: ["memory", "tempfile"], ["head", "tail", "both"])
    func whatIsKeptIsMarkedAndTheRestCounted(mode: String, keep: String) throws {
        let results = try Procstar.results(
            SpecText.document(
                spec(Self.writesThousand, mode: mode, "\"limit\": 101, \"keep\": \"\(keep)\"")))
        let entry = try #require(results[path: "p", "fds", "stdout"])
        #expect(entry["text"]?.text == document(keep))
        #expect(entry["length"]?.number == 1000 && entry["cut"]?.number == 899)
        #expect(results[path: "p", "cause", "type"]?.text == "exited")
    }

    @Test(arguments: ["memory", "tempfile"], ["head", "tail", "both"])
    func aLimitThatIsJustReachedCutsNothing(mode: String, keep: String) throws {
        let results = try Procstar.results(
            SpecText.document(
                spec(
                    Self.writesThousand, mode: mode, "\"limit\": 1000, \"keep\": \"\(keep)\", \"on_limit\": \"stop\"")))
        let entry = try #require(results[path: "p", "fds", "stdout"])
        #expect(entry.keys == ["type", "text", "encoding"] && entry["text"]?.text == Self.digits(0..<1000))
        #expect(results[path: "p", "cause", "type"]?.text == "exited")
    }

    @Test(arguments: ["memory", "tempfile"], ["head", "tail", "both"])
    func aGreatDealIsCutToTheSame(mode: String, keep: String) throws {
        // 10 MB in blocks, compressed once it has ended.
        let results = try Procstar.results(
            SpecText.document([
                (
                    "p",
                    spec(
                        "for i in 1 2 3 4 5 6 7 8 9 10; do head -c 1000000 /dev/zero | tr '\\0' $((i % 10)); done",
                        mode: mode, "\"limit\": 200000, \"keep\": \"\(keep)\"")
                ), ("besides", SpecText.spec(["/bin/sleep", "0.3"])),
            ]), ["--compress-above", "1"])
        let entry = try #require(results[path: "p", "fds", "stdout"])
        let mark = "\n[procstar: 9800000 bytes cut]\n"
        let (head, tail) = keep == "head" ? (200_000, 0) : keep == "tail" ? (0, 200_000) : (100_000, 100_000)
        let expected = String(repeating: "1", count: head) + mark + String(repeating: "0", count: tail)
        #expect(entry["text"]?.text == expected, "\(entry["text"]?.text?.utf8.count ?? -1) bytes")
        #expect(entry["length"]?.number == 10_000_000 && entry["cut"]?.number == 9_800_000)
    }

    @Test(arguments: ["memory", "tempfile"])
    func stopEndsTheProcessAndNamesTheFd(mode: String) throws {
        let results = try Procstar.results(
            SpecText.document(
                spec(
                    "yes abcdefg", mode: mode, "\"limit\": 4000, \"on_limit\": \"stop\"",
                    more: ", \"stop\": {\"grace\": 5}")))
        let result = try #require(results["p"])
        #expect(result["cause"] == .map([.init("type", .string("limit")), .init("fd", .string("stdout"))]))
        #expect(result[path: "status", "signal"]?.text == "SIGTERM")
        let length = try #require(result[path: "fds", "stdout", "length"]?.number)
        #expect(length > 4000 && result[path: "fds", "stdout", "cut"]?.number == length - 4000)
        let kept = String(repeating: "abcdefg\n", count: 500)
        #expect(result.captured("stdout") == kept + "\n[procstar: \(length - 4000) bytes cut]\n")
    }

    @Test func whoeverIgnoresTheStopIsKilledAndStillNamed() throws {
        let results = try Procstar.results(
            SpecText.document(
                spec(
                    "trap '' TERM; while :; do echo abcdefg; done", mode: "memory",
                    "\"limit\": 100, \"on_limit\": \"stop\"", more: ", \"stop\": {\"grace\": 0.1}")))
        #expect(results[path: "p", "cause", "type"]?.text == "limit")
        #expect(results[path: "p", "status", "signal"]?.text == "SIGKILL")
    }

    @Test func aLetterThatIsCutInTwoIsRepairedAtTheMark() throws {
        let results = try Procstar.results(
            SpecText.document(spec("printf 'ééé'", mode: "memory", "\"limit\": 3")))
        #expect(results["p"]?.captured("stdout") == "é\u{fffd}\n[procstar: 3 bytes cut]\n")
    }

    @Test func bytesKeepTheirMarkToo() throws {
        let results = try Procstar.results(
            SpecText.document(
                spec(Self.writesThousand, mode: "memory", "\"limit\": 101, \"keep\": \"both\"", encoding: "null")))
        #expect(results["p"]?.capturedBytes("stdout") == Array(document("both").utf8))
        #expect(results[path: "p", "fds", "stdout", "cut"]?.number == 899)
    }
}
