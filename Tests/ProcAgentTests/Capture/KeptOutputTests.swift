import CLinux
import Glibc
import ProcCore
import TestSupport
import Testing

@testable import ProcAgent

@Suite struct KeptOutputTests {
    /// What a document must be, worked out from everything that was written.
    static func model(_ all: ArraySlice<UInt8>, limit: Int, keep: CaptureParameters.Keep) -> [UInt8] {
        guard all.count > limit else { return Array(all) }
        let tail =
            switch keep {
            case .head: 0
            case .tail: limit
            case .both: limit / 2
            }
        let mark = "\n[procstar: \(all.count - limit) bytes cut]\n"
        return Array(all.prefix(limit - tail)) + Array(mark.utf8) + Array(all.suffix(tail))
    }

    static let limits = [1, 2, 3, 100, 4096, 65_535, 65_536, 65_537, 200_001]

    @Test(arguments: [CaptureParameters.Keep.head, .tail, .both], limits)
    func theDocumentIsHeadMarkAndTailAfterEachChunk(keep: CaptureParameters.Keep, limit: Int) throws {
        var numbers = SeededGenerator(seed: UInt64(limit))
        let all = noise(2 * limit + 300_000, seed: 7)
        let files = UnnamedFile(directory: "/tmp", label: "test")
        var kept = KeptOutput(CaptureParameters(mode: .memory, limit: limit, keep: keep), files: files)
        var written = 0
        var held: (snapshot: CaptureSnapshot, expected: [UInt8])?
        var round = 0
        while written < all.count {
            let largest = [10, 1000, 70_000, 150_000][round % 4]
            let count = min(Int.random(in: 1...largest, using: &numbers), all.count - written)
            try all[written..<(written + count)].withUnsafeBytes { try kept.append($0) }
            written += count
            round += 1

            let expected = Self.model(all[..<written], limit: limit, keep: keep)
            let snapshot = kept.document()
            #expect(try snapshot.whole() == expected, "after \(written) bytes")
            #expect(kept.total == UInt64(written))
            #expect(kept.cut == UInt64(max(0, written - limit)))
            #expect(kept.memoryCount <= limit + max(limit, 65_536))
            // An older snapshot still shows what it showed.
            if round % 5 == 0 {
                if let held { #expect(try held.snapshot.whole() == held.expected) }
                held = (snapshot, expected)
            }
        }
    }

    @Test func exactlyTheLimitIsNotCut() throws {
        for keep in [CaptureParameters.Keep.head, .tail, .both] {
            let files = UnnamedFile(directory: "/tmp", label: "test")
            var kept = KeptOutput(CaptureParameters(mode: .memory, limit: 5, keep: keep), files: files)
            try Array("12345".utf8).withUnsafeBytes { try kept.append($0) }
            #expect(try kept.document().whole() == Array("12345".utf8))
            #expect(kept.cut == 0)
        }
    }

    @Test func onceMovedToDiskTheRestGoesThereAndTheOrderStays() throws {
        let directory = try CaptureBed.newDirectory()
        defer { rmdir(directory) }
        let all = lines(100_000)
        let files = UnnamedFile(directory: directory, label: "test")
        for keep in [CaptureParameters.Keep.head, .tail, .both] {
            for limit in [nil, 30_000, 90_000] {
                var kept = KeptOutput(CaptureParameters(mode: .memory, limit: limit, keep: keep), files: files)
                try all[..<50_000].withUnsafeBytes { try kept.append($0) }
                #expect(!kept.reachesDisk)
                kept.moveToDisk()
                try all[50_000...].withUnsafeBytes { try kept.append($0) }
                #expect(kept.reachesDisk == !(keep == .head && limit == 30_000))
                #expect(try kept.document().whole() == Self.model(all[...], limit: limit ?? .max, keep: keep))
            }
        }
    }
}
