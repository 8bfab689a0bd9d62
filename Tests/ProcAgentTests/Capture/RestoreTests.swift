import CLinux
import Glibc
import ProcCore
import ProcIO
import TestSupport
import Testing

@testable import ProcAgent

/// What a process has written is there to the byte when procstar is killed and another one goes on.
@Suite struct RestoreTests {
    static let each = 96 << 10
    static let keeps = [CaptureParameters.Keep.head, .tail, .both]
    static let modes = [CaptureParameters.Mode.memory, .tempfile]

    /// Writes `all` in pieces, and kills in between; whenever it is asked, everything must be right.
    private func live(
        _ parameters: CaptureParameters, _ all: [UInt8], answersLater: Bool, seed: UInt64
    ) throws {
        var numbers = SeededGenerator(seed: seed)
        let lives = try CaptureLives(parameters, answersLater: answersLater) { $0.memoryEach = Self.each }
        let what = "\(parameters), \(all.count) bytes, answersLater \(answersLater), seed \(seed)"
        var end: SharedFD? = try lives.begin()
        clinux_set_nonblocking(try #require(end).rawValue)
        var written = 0
        var isAlive = true
        while isAlive {
            if written < all.count {
                let wanted = [1, 17, 4096, 30_000, 200_000][Int.random(in: 0..<5, using: &numbers)]
                let piece = min(wanted, all.count - written)
                let count = all[written..<(written + piece)].withUnsafeBytes {
                    write(end?.rawValue ?? -1, $0.baseAddress, $0.count)
                }
                if count > 0 { written += count } else { lives.run(.milliseconds(1)) }
            } else {
                end = nil
                isAlive = Bool.random(using: &numbers)
            }
            switch Int.random(in: 0..<6, using: &numbers) {
            case 0: try lives.kill(&numbers)
            case 1: lives.run(Interval(nanoseconds: UInt64.random(in: 0...500_000, using: &numbers)))
            case 2: lives.expectSettled(all[..<written], "after \(written) bytes and \(lives.killCount) kills: \(what)")
            default: break
            }
        }
        lives.expectSettled(all[...], "in the end, after \(lives.killCount) kills: \(what)")
        try lives.kill(&numbers)
        lives.expectSettled(all[...], "after the end: \(what)")
        lives.end()
    }

    @Test(arguments: keeps, modes)
    func everyByteIsThereOnceHoweverOftenTheProgramIsKilled(
        keep: CaptureParameters.Keep, mode: CaptureParameters.Mode
    ) throws {
        let all = noise(400_000)
        for limit in [nil, 1, 1000, 65_536, 100_000, 200_001] where mode == .memory || limit != nil {
            let sizes = limit.map { [$0 - 1, $0, $0 + 1, min(all.count, 3 * $0 + 100_000)] } ?? [0, 5000, 400_000]
            for size in sizes {
                let parameters = CaptureParameters(mode: mode, limit: limit, keep: keep)
                let seed = UInt64.random(in: .min ... .max)
                try live(parameters, Array(all[..<size]), answersLater: seed % 2 == 0, seed: seed)
            }
        }
    }

    @Test(arguments: keeps, modes)
    func aProcessThatWritesOnMeanwhileLosesNothing(
        keep: CaptureParameters.Keep, mode: CaptureParameters.Mode
    ) throws {
        let all = lines(3_000_000)
        for limit in [nil, 70_000, 1_000_000] where mode == .memory || limit != nil {
            let seed = UInt64.random(in: .min ... .max)
            var numbers = SeededGenerator(seed: seed)
            let lives = try CaptureLives(
                CaptureParameters(mode: mode, limit: limit, keep: keep), answersLater: seed % 2 == 0
            ) {
                $0.memoryEach = Self.each
            }
            let writer = try PipeWriter(all, to: try lives.begin(), chunks: [50_000, 1, 4097, 200_000, 100])
            while !writer.hasEnded {
                lives.run(Interval(nanoseconds: UInt64.random(in: 0...1_500_000, using: &numbers)))
                try lives.kill(&numbers)
            }
            lives.expectSettled(all[...], "limit \(limit ?? 0), seed \(seed), \(lives.killCount) kills")
            lives.end()
        }
    }

    @Test func aProcessOfItsOwnWritesToItsFileAllTheTime() throws {
        let lives = try CaptureLives(CaptureParameters(mode: .tempfile))
        let all = lines(200_000)
        var end: SharedFD? = try lives.begin()
        for start in stride(from: 0, to: all.count, by: 50_000) {
            _ = all[start..<(start + 50_000)].withUnsafeBytes { write(end?.rawValue ?? -1, $0.baseAddress, $0.count) }
            try lives.kill()
            lives.expectSettled(all[..<(start + 50_000)], "after \(start + 50_000) bytes")
        }
        #expect(lives.holder.holdCount == 0 && lives.capture.heldAtStart.isEmpty)
        end = nil
        lives.end()
    }

    @Test func mostCapturesNeedNothingHeldBesideWhatIsThereAtTheStart() throws {
        for (parameters, slots) in [
            (CaptureParameters(mode: .memory), 2), (CaptureParameters(mode: .tempfile), 1),
            (CaptureParameters(mode: .tempfile, limit: 100_000), 2),
            (CaptureParameters(mode: .memory, limit: 100_000, keep: .tail), 2),
        ] {
            let lives = try CaptureLives(parameters)
            #expect(lives.capture.heldAtStart.map(\.slot) == (0..<slots).map { UInt8($0) })
            var end: SharedFD? = try lives.begin()
            #expect(lives.capture.heldAtStart.isEmpty)
            _ = write(end?.rawValue ?? -1, "some output\n", 12)
            end = nil
            // The pipe ends, and isn't held for nothing.
            lives.bed.run("the pipe's end", until: { lives.holder.held.files.count == 1 })
            lives.expectSettled(Array("some output\n".utf8)[...], "\(parameters)")
            #expect(lives.holder.holdCount == 0)
            lives.end()
        }
    }

    @Test func whatIsOnlyCountedTakesUpNoRoom() throws {
        let lives = try CaptureLives(CaptureParameters(mode: .memory, limit: 1000))
        let all = lines(5_000_000)
        let writer = try PipeWriter(all, to: try lives.begin())
        lives.bed.run("the writer's end", until: { writer.hasEnded })
        lives.expectSettled(all[...], "before")
        #expect(lives.holder.holdCount == 1)
        let counted = try #require(lives.holder.held.files[2])
        var status = stat()
        fstat(counted.rawValue, &status)
        #expect(status.st_size == 4_999_000)
        #expect(status.st_blocks * 512 <= 4096)
        #expect(lives.bed.factory.budget.used == 4096)
        try lives.kill()
        lives.expectSettled(all[...], "afterwards")
        #expect(lives.bed.factory.budget.used == 4096)
        lives.end()
    }

    @Test func filesThatATailDoesWithoutAreNotHeldAnyMore() throws {
        let lives = try CaptureLives(CaptureParameters(mode: .tempfile, limit: 100_000, keep: .tail))
        let all = lines(3_000_000)
        let writer = try PipeWriter(all, to: try lives.begin())
        lives.bed.run("the writer's end", until: { writer.hasEnded })
        lives.expectSettled(all[...], "before")
        #expect(lives.holder.holdCount == 29)
        #expect((1...3).contains(lives.holder.held.files.count))
        #expect(CaptureBed.descriptors(showing: lives.directory) <= 4)
        lives.end()
    }

    @Test func theShareOfMemoryIsTakenAgain() throws {
        let lives = try CaptureLives(CaptureParameters(mode: .memory)) { $0.memoryEach = Self.each }
        let end = try lives.begin()
        let all = lines(Self.each + 100)
        let writer = try PipeWriter(Array(all[..<50_000]), to: end)
        lives.bed.run("a part", until: { writer.hasEnded && lives.capture.length == 50_000 })
        try lives.kill()
        #expect(lives.bed.factory.budget.used == 53_248)
        #expect(CaptureBed.descriptors(showing: lives.directory) == 0)
        let second = try PipeWriter(Array(all[50_000...]), to: end)
        lives.bed.run("the rest", until: { second.hasEnded && lives.capture.length == UInt64(all.count) })
        #expect(lives.bed.factory.budget.used == Self.each)
        try lives.kill()
        #expect(lives.bed.factory.budget.used == Self.each)
        lives.expectSettled(all[...], "in the end")
        lives.end()
    }

    @Test func thatTheLimitWasPassedIsToldAgain() throws {
        for size in [1000, 1001] {
            let lives = try CaptureLives(CaptureParameters(mode: .memory, limit: 1000))
            let end = try lives.begin()
            let all = lines(size)
            _ = all.withUnsafeBytes { write(end.rawValue, $0.baseAddress, $0.count) }
            lives.bed.run("all of it", until: { lives.capture.length == UInt64(size) })
            try lives.kill()
            var calls = 0
            lives.capture.onLimit = { calls += 1 }
            if size > 1000 { lives.bed.run("the call", until: { calls > 0 }) }
            lives.expectSettled(all[...], "in the end")
            #expect(calls == size - 1000)
            lives.end()
        }
    }

    @Test(arguments: keeps)
    func whereAFileSystemCannotSpliceBytesAreCopied(keep: CaptureParameters.Keep) throws {
        let all = lines(300_000)
        let lives = try CaptureLives(CaptureParameters(mode: .tempfile, limit: 250_000, keep: keep))
        // splice(2) to a file that is appended to is EINVAL, as it is where the file system knows nothing of it.
        try #require(fcntl(lives.capture.heldAtStart[1].file.rawValue, F_SETFL, O_APPEND) == 0)
        let writer = try PipeWriter(all, to: try lives.begin(), chunks: [30_000])
        lives.bed.run("a part", until: { lives.capture.length > 100_000 })
        try lives.kill()
        lives.bed.run("the writer's end", until: { writer.hasEnded })
        lives.expectSettled(all[...], "before")
        try lives.kill()
        lives.expectSettled(all[...], "afterwards")
        lives.end()
    }

    @Test func settlingWaitsUntilTheNextFileIsHeld() throws {
        let lives = try CaptureLives(CaptureParameters(mode: .memory, limit: 10, keep: .both), answersLater: true)
        let end = try lives.begin()
        _ = write(end.rawValue, "0123456789abcdef", 16)
        var isSettled = false
        lives.capture.settle { isSettled = true }  // The loop doesn't run.
        #expect(!isSettled && lives.capture.length == 5)
        lives.bed.run("settle", until: { isSettled })
        #expect(lives.capture.length == 16)
        lives.end()
    }

    @Test func closingBeforeAFileIsHeldGivesEverythingBack() throws {
        let lives = try CaptureLives(CaptureParameters(mode: .tempfile, limit: 10, keep: .both), answersLater: true)
        let end = try lives.begin()
        _ = write(end.rawValue, "0123456789abcdef", 16)
        lives.holder.answers = false
        lives.bed.run("a file to be held", until: { lives.holder.underWayCount > 0 })
        lives.capture.close()
        lives.holder.answers = true
        lives.run(.milliseconds(5))
        lives.end()
    }

    @Test func aProcessThatIsNotStartedAsksNothingOfTheHolder() throws {
        let lives = try CaptureLives(CaptureParameters(mode: .memory, limit: 10))
        lives.capture.abandon()
        #expect(lives.capture.heldAtStart.isEmpty)
        lives.bed.settle(lives.capture)
        lives.capture.finish()
        #expect(lives.holder.held.files.count == 2 && lives.holder.underWayCount == 0)
        lives.end()
    }
}
