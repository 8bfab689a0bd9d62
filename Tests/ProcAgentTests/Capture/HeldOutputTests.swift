import CLinux
import Glibc
import ProcCore
import ProcIO
import TestSupport
import Testing

@testable import ProcAgent

/// What is in the files at any moment is enough to go on from.
@Suite struct HeldOutputTests {
    @Test(arguments: [CaptureParameters.Keep.head, .tail, .both], KeptOutputTests.limits)
    func theFilesAloneTellWhatWasTaken(keep: CaptureParameters.Keep, limit: Int) throws {
        let seed = UInt64.random(in: .min ... .max)
        var numbers = SeededGenerator(seed: seed)
        let all = noise(2 * limit + 300_000, seed: 7)
        let (pipe, end) = try Self.newPipe()
        let parameters = CaptureParameters(mode: .memory, limit: limit, keep: keep)
        let files = UnnamedFile(directory: "/tmp", label: "test")
        let moves = Int.random(in: 0..<(2 * all.count), using: &numbers)
        var kept = KeptOutput(parameters, files: files, isHeld: true)
        var held: [SharedFD] = []
        var written = 0
        var taken = 0
        while taken < all.count {
            if written < all.count {
                written += all[written...].prefix(60_000).withUnsafeBytes {
                    max(0, write(end.rawValue, $0.baseAddress, $0.count))
                }
            }
            if taken > moves { kept.moveToDisk() }
            // A file is there before anything is in it.
            if kept.needsFile {
                held.append(try kept.addFile())
            } else {
                let largest = [10, 5000, 70_000][Int.random(in: 0..<3, using: &numbers)]
                taken += try #require(try kept.take(from: pipe, most: Int.random(in: 1...largest, using: &numbers)))
            }
            held.removeAll { file in !kept.files.contains { $0 === file } }
            guard Int.random(in: 0..<4, using: &numbers) == 0 || taken == all.count else { continue }

            // What was known is forgotten.
            held = held.map(duplicate).shuffled(using: &numbers)
            let before = kept
            kept = try KeptOutput(parameters, files: files, restoring: held)
            let what = "seed \(seed), after \(taken) bytes"
            #expect(kept.total == UInt64(taken) && kept.cut == UInt64(max(0, taken - limit)), "\(what)")
            #expect(kept.memoryCount == before.memoryCount && kept.fileCount == before.fileCount, "\(what)")
            let isSame = try kept.document().whole() == KeptOutputTests.model(all[..<taken], limit: limit, keep: keep)
            #expect(isSame, "the document, \(what)")
        }
    }

    @Test func aMarkIsSharedByAllDescriptorsAndNotMovedByWhatIsWritten() throws {
        let files = UnnamedFile(directory: "/tmp", label: "test")
        for place in [CapturePlace.memory, .disk] {
            let file = try files.create(in: place)
            #expect(FileMark(of: file) == FileMark(chain: nil, place: .memory))
            for mark in [
                FileMark(chain: nil, place: place), FileMark(chain: 0, place: place),
                FileMark(chain: 1 << 30, index: FileMark.mostInChain - 1, place: place),
            ] {
                let (pipe, end) = try Self.newPipe()
                try mark.put(on: file)
                _ = write(end.rawValue, "some output", 11)
                #expect(clinux_splice_to_file(pipe.rawValue, file.rawValue, 0, 100) == 11)
                #expect(pwrite(file.rawValue, "more", 4, 11) == 4)
                #expect(FileMark(of: duplicate(file)) == mark)
            }
        }
    }

    /// The kernel's part of it.
    @Test(.enabled(if: Python.isThere, "/usr/bin/python3 is needed"), arguments: [CapturePlace.memory, .disk])
    func aProgramThatIsKilledWhileItSplicesLeavesEachByteInThePipeOrInTheFile(place: CapturePlace) throws {
        let all = noise(65_536)
        let script = """
            import os
            position = 0
            os.write(3, b"x")
            while True:
                position += os.splice(0, 1, 30_000, offset_dst=position)
            """
        for round in 0..<5 {
            let (pipe, end) = try Self.newPipe(isBlocking: true)
            let (started, starting) = try Self.newPipe(isBlocking: true)
            let file = try UnnamedFile(directory: "/tmp", label: "test").create(in: place)
            let pid = try spawn(
                [Python.path, "-c", script], fds: [0: pipe.rawValue, 1: file.rawValue, 3: starting.rawValue])
            var byte: UInt8 = 0
            #expect(read(started.rawValue, &byte, 1) == 1)
            let writer = try PipeWriter(all, to: end, chunks: [5000, 1, 4096, 777], forEver: true)
            while writer.written < 1_000_000 + round * 54_321 { sched_yield() }
            kill(pid, SIGKILL)
            _ = reap(pid)
            writer.stop()

            // What the pipe has left goes where the killed would have put it.
            var position = FileState(of: file).size
            clinux_set_nonblocking(pipe.rawValue)
            while !(writer.hasEnded && clinux_bytes_waiting(pipe.rawValue) == 0) {
                let count = clinux_splice_to_file(pipe.rawValue, file.rawValue, Int64(position), 30_000)
                if count > 0 { position += Int(count) }
            }
            #expect(position == writer.written)
            var bytes = [UInt8](repeating: 0, count: position)
            try bytes.withUnsafeMutableBytes { try file.readFully(into: $0, at: 0) }
            let isSame = stride(from: 0, to: position, by: all.count).allSatisfy { start in
                Array(bytes[start...].prefix(all.count)) == Array(all.prefix(position - start))
            }
            #expect(isSame, "round \(round)")
        }
    }

    private static func newPipe(isBlocking: Bool = false) throws -> (reader: SharedFD, writer: SharedFD) {
        var (reader, writer): (CInt, CInt) = (-1, -1)
        try #require(clinux_pipe(&reader, &writer) == 0)
        if !isBlocking {
            clinux_set_nonblocking(reader)
            clinux_set_nonblocking(writer)
        }
        return (SharedFD(OwnedFD(adopting: reader)), SharedFD(OwnedFD(adopting: writer)))
    }
}
