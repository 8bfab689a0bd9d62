internal import CLinux
internal import Glibc

/// A terminal that a test plays: what programs write to `terminal` is read from `main`.
package final class PseudoTerminal {
    package let main: CInt
    package let terminal: CInt
    /// Its name in the file system.
    package let path: String

    package init() {
        main = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        // unlockpt(3) and ptsname(3), which Swift doesn't see: TIOCSPTLCK and TIOCGPTN.
        var locked: CInt = 0
        var number: CInt = 0
        precondition(main >= 0 && ioctl(main, 0x4004_5431, &locked) == 0 && ioctl(main, 0x8004_5430, &number) == 0)
        path = "/dev/pts/\(number)"
        terminal = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC)
        precondition(terminal >= 0, "open \(path): \(String(cString: strerror(errno)))")
    }

    deinit {
        close(main)
        close(terminal)
    }

    /// Reads what was written until `text` has come. A program that never writes it blocks the test.
    package func read(until text: String) -> String {
        var seen: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 4096)
        while !String(decoding: seen, as: UTF8.self).contains(text) {
            let count = Glibc.read(main, &block, block.count)
            guard count > 0 else { break }
            seen += block[..<count]
        }
        return String(decoding: seen, as: UTF8.self)
    }

    /// What has been written so far.
    package func readAvailable() -> String {
        var seen: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 4096)
        var target = pollfd(fd: main, events: Int16(POLLIN), revents: 0)
        while poll(&target, 1, 0) == 1, target.revents & Int16(POLLIN) != 0 {
            let count = Glibc.read(main, &block, block.count)
            guard count > 0 else { break }
            seen += block[..<count]
        }
        return String(decoding: seen, as: UTF8.self)
    }
}
