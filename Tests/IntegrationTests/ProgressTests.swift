import CLinux
import Glibc
import ProcCore
import ProcIO
import Testing

@testable import procstar

@Suite struct ProgressTests {
    @Test(arguments: [
        (ProgressCount(ended: 0, running: 1, total: 1), "0 of 1 ended, 1 running"),
        (ProgressCount(ended: 1234, running: 12, total: 5000), "1,234 of 5,000 ended, 12 running"),
        (ProgressCount(ended: 999, running: 100_000, total: 1_234_567), "999 of 1,234,567 ended, 100,000 running"),
    ])
    func theLineTellsWhatEndedAndWhatRuns(count: ProgressCount, text: String) {
        #expect(count.text == text)
    }

    @Test func theLineIsRewrittenForNewsAndAtMostTenTimesASecond() {
        var pace = ProgressPace()
        let start = Instant(nanoseconds: 5_000_000_000)
        let first = ProgressCount(ended: 0, running: 2, total: 2)
        let second = ProgressCount(ended: 1, running: 1, total: 2)
        #expect(pace.update(first, at: start) == "\r\u{1b}[K0 of 2 ended, 2 running")
        #expect(pace.update(second, at: start + .milliseconds(99)) == nil)
        #expect(pace.update(second, at: start + .milliseconds(100)) == "\r\u{1b}[K1 of 2 ended, 1 running")
        #expect(pace.update(second, at: start + .milliseconds(300)) == nil)
    }

    @Test func theEndErasesWhatStandsAndNothingElse() {
        var pace = ProgressPace()
        #expect(pace.end() == nil)
        _ = pace.update(ProgressCount(ended: 0, running: 1, total: 1), at: Instant(nanoseconds: 0))
        #expect(pace.end() == "\r\u{1b}[K")
        #expect(pace.end() == nil)
    }

    @Test func thereIsNoProgressInAPipe() throws {
        var ends: (reader: CInt, writer: CInt) = (-1, -1)
        try #require(clinux_pipe(&ends.reader, &ends.writer) == 0)
        defer {
            close(ends.reader)
            close(ends.writer)
        }
        #expect(Progress(on: ends.writer) == nil)
    }

    @Test func aTerminalShowsTheLineAndLosesIt() throws {
        let main = open("/dev/ptmx", O_RDWR | O_NOCTTY)
        try #require(main >= 0)
        defer { close(main) }
        // unlockpt(3) and ptsname(3), which Swift doesn't see: TIOCSPTLCK and TIOCGPTN.
        var locked: CInt = 0
        var number: CInt = 0
        try #require(ioctl(main, 0x4004_5431, &locked) == 0 && ioctl(main, 0x8004_5430, &number) == 0)
        let terminal = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY)
        try #require(terminal >= 0)
        defer { close(terminal) }

        var progress = try #require(Progress(on: terminal))
        progress.show(ProgressCount(ended: 0, running: 1, total: 1), at: Instant(nanoseconds: 0))
        progress.end()
        let expected = "\r\u{1b}[K0 of 1 ended, 1 running\r\u{1b}[K"
        var seen: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 256)
        while seen.count < expected.utf8.count, case let count = read(main, &buffer, buffer.count), count > 0 {
            seen += buffer[..<count]
        }
        #expect(String(decoding: seen, as: UTF8.self) == expected)
    }
}
