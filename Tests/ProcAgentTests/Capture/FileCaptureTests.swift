import CLinux
import Glibc
import ProcCore
import ProcIO
import TestSupport
import Testing

@testable import ProcAgent

@Suite struct FileCaptureTests {
    @Test func theChildAppendsAndReadingNeverMovesIt() throws {
        let bed = try CaptureBed()
        let capture = try bed.make(.tempfile)
        let child = try #require(capture.childEnd)
        capture.begin()
        #expect(capture.childEnd == nil)
        #expect(fcntl(child.rawValue, F_GETFL) & (O_ACCMODE | O_APPEND) == O_WRONLY | O_APPEND)
        var status = stat()
        fstat(child.rawValue, &status)
        #expect(status.st_nlink == 0)
        #expect(status.st_mode & 0o777 == 0o600)

        _ = write(child.rawValue, "one ", 4)
        let first = capture.snapshot()
        #expect(try first.whole() == Array("one ".utf8))
        #expect(lseek(child.rawValue, 0, SEEK_CUR) == 4)
        lseek(child.rawValue, 0, SEEK_SET)
        _ = write(child.rawValue, "two", 3)
        #expect(try capture.snapshot().whole() == Array("one two".utf8))
        #expect(try first.whole() == Array("one ".utf8))
        #expect(capture.length == 7)
        capture.close()
        #expect(capture.length == 0)
    }

    @Test func aFinishedProcessIsSettledAtOnceAndDescendantsAppend() throws {
        let bed = try CaptureBed()
        let capture = try bed.make(.tempfile)
        var (reader, gate): (CInt, CInt) = (-1, -1)
        try #require(clinux_pipe(&reader, &gate) == 0)
        let pid = try spawn(
            ["/bin/sh", "-c", "echo early; { read line <&3; echo late; } &"],
            fds: [1: try #require(capture.childEnd).rawValue, 3: reader])
        close(reader)
        capture.begin()
        _ = reap(pid)
        var isSettled = false
        capture.settle { isSettled = true }
        #expect(isSettled)
        #expect(try capture.snapshot().whole() == Array("early\n".utf8))
        close(gate)
        bed.run("the descendant's line", until: { capture.length == 11 })
        #expect(try capture.snapshot().whole() == Array("early\nlate\n".utf8))
        capture.close()
    }

    @Test func aMissingDirectoryIsNamed() throws {
        let bed = try CaptureBed(directory: "/no/such")
        let error = #expect(throws: SystemError.self) { try bed.make(.tempfile) }
        #expect(error?.description == "create a capture file in /no/such: No such file or directory")
    }

    @Test func aFileWithANameForAMomentLeavesNothingBehind() throws {
        let directory = try CaptureBed.newDirectory()
        let file = try UnnamedFile(directory: directory, label: "test").openNamed(flags: O_RDWR)
        var status = stat()
        fstat(file.rawValue, &status)
        #expect(status.st_nlink == 0)
        #expect(status.st_mode & 0o777 == 0o600)
        #expect(write(file.rawValue, "x", 1) == 1)
        #expect(rmdir(directory) == 0)
    }

    @Test func aProcessThatTruncatesItsFileMakesOldSnapshotsShorterNotWrong() throws {
        let bed = try CaptureBed()
        let capture = try bed.make(.tempfile)
        let child = try #require(capture.childEnd)
        _ = write(child.rawValue, "0123456789", 10)
        let snapshot = capture.snapshot()
        ftruncate(child.rawValue, 4)
        #expect(throws: CaptureReadError.shorter) { try snapshot.whole() }
        #expect(try capture.snapshot().whole() == Array("0123".utf8))
        capture.close()
    }

    @Test func closingGivesEveryDescriptorBack() throws {
        let bed = try CaptureBed()
        let capture = try bed.make(.tempfile)
        #expect(CaptureBed.descriptors(showing: bed.directory) == 2)
        capture.begin()
        #expect(CaptureBed.descriptors(showing: bed.directory) == 1)
        capture.close()
        bed.run("the file's end", until: { CaptureBed.descriptors(showing: bed.directory) == 0 })
    }
}
