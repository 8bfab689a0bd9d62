import CLinux
import Glibc
import ProcCore
import ProcIO
import Synchronization
import TestSupport
import Testing

@testable import ProcAgent

/// A loop, a factory and a directory of their own for one test.
final class CaptureBed {
    let loop: EventLoop
    let worker: Worker
    let factory: CaptureFactory
    let directory: String
    private let ownsDirectory: Bool
    private(set) var warnings: [String] {
        get { warned.list }
        set { warned.list = newValue }
    }

    private final class Warned {
        var list: [String] = []
    }
    private let warned = Warned()

    /// - Parameter directory: Where captures go; nil: a new one, which is removed in the end, and must be empty by then.
    init(directory: String? = nil, _ change: (inout CaptureSettings) -> Void = { _ in }) throws {
        loop = try EventLoop()
        worker = try Worker(loop: loop, name: "test")
        ownsDirectory = directory == nil
        self.directory = try directory ?? Self.newDirectory()
        var settings = CaptureSettings(directory: self.directory)
        settings.compressAbove = nil
        change(&settings)
        factory = try CaptureFactory(loop: loop, worker: worker, settings: settings) { [warned] in
            warned.list.append($0)
        }
    }

    deinit {
        if ownsDirectory { #expect(rmdir(directory) == 0, "\(directory) isn't empty") }
    }

    static func newDirectory() throws -> String {
        var template = Array("/tmp/procstar-capture-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    func make(
        _ mode: CaptureParameters.Mode, limit: Int? = nil, keep: CaptureParameters.Keep = .head, label: String = "test",
        holder: (any CaptureHolder)? = nil
    ) throws -> any OutputCapture {
        try factory.make(CaptureParameters(mode: mode, limit: limit, keep: keep), label: label, holder: holder)
    }

    /// Runs the loop until `condition` holds; fails the test when that takes absurdly long. It is asked every
    /// millisecond at least, for what other threads and the kernel do is no event of the loop.
    func run(_ what: String, until condition: () -> Bool, sourceLocation: SourceLocation = #_sourceLocation) {
        let end = loop.now + .seconds(60)
        var isLate = false
        while !isLate, !condition() {
            var hasTicked = false
            let timer = loop.at(loop.now + .milliseconds(1)) { hasTicked = true }
            loop.run { hasTicked || condition() }
            loop.cancel(timer)
            isLate = loop.now > end
        }
        #expect(!isLate, "waited 60 s for: \(what)", sourceLocation: sourceLocation)
    }

    /// Does what an owner does when the process has ended.
    func settle(_ capture: any OutputCapture, sourceLocation: SourceLocation = #_sourceLocation) {
        var isSettled = false
        capture.settle { isSettled = true }
        run("settle", until: { isSettled }, sourceLocation: sourceLocation)
    }

    /// How many descriptors this process has open whose target, as `/proc/self/fd` shows it, contains `text`.
    static func descriptors(showing text: String) -> Int {
        guard let listing = opendir("/proc/self/fd") else { return -1 }
        defer { closedir(listing) }
        var count = 0
        while let entry = readdir(listing) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            var target = [UInt8](repeating: 0, count: 4096)
            let length = target.withUnsafeMutableBytes {
                readlink("/proc/self/fd/\(name)", $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
            }
            if length > 0, String(decoding: target.prefix(length), as: UTF8.self).contains(text) { count += 1 }
        }
        return count
    }
}

/// A thread that writes as a process would: blocking, in chunks of given sizes.
final class PipeWriter: Sendable {
    private let progress = Atomic<Int>(0)
    private let isOver = Atomic<Bool>(false)
    private let isStopped = Atomic<Bool>(false)
    private let errorNumber = Atomic<CInt>(0)

    /// Bytes that have been written.
    var written: Int { progress.load(ordering: .acquiring) }
    var hasEnded: Bool { isOver.load(ordering: .acquiring) }
    var error: CInt { errorNumber.load(ordering: .acquiring) }

    /// Writes all of `bytes` to `end`, over and over until ``stop()`` when `forEver`, and lets go of it.
    init(_ bytes: [UInt8], to end: SharedFD, chunks: [Int] = [1 << 20], forEver: Bool = false) throws {
        try Thread.start(stack: .small) { [self] in
            // A closed pipe is to be an error, not the end of the tests.
            var pipeSignal = sigset_t()
            sigemptyset(&pipeSignal)
            sigaddset(&pipeSignal, SIGPIPE)
            pthread_sigmask(SIG_BLOCK, &pipeSignal, nil)
            repeat {
                write(bytes, to: end, chunks)
            } while forEver && error == 0 && !isStopped.load(ordering: .acquiring)
            isOver.store(true, ordering: .releasing)
        }
    }

    func stop() { isStopped.store(true, ordering: .releasing) }

    private func write(_ bytes: [UInt8], to end: SharedFD, _ chunks: [Int]) {
        var offset = 0
        var turn = 0
        while offset < bytes.count {
            let count = min(chunks[turn % chunks.count], bytes.count - offset)
            turn += 1
            let result = bytes.withUnsafeBytes { Glibc.write(end.rawValue, $0.baseAddress! + offset, count) }
            guard result >= 0 else {
                errorNumber.store(errno, ordering: .releasing)
                return
            }
            offset += result
            progress.wrappingAdd(result, ordering: .acquiringAndReleasing)
        }
    }
}

/// `count` bytes in which each place can be told from any other: lines with their number.
func lines(_ count: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count + 64)
    var number = 0
    while bytes.count < count {
        bytes += "line \(number) of what a process may write, level info\n".utf8
        number += 1
    }
    bytes.removeLast(bytes.count - count)
    return bytes
}

/// `count` bytes that nothing compresses.
func noise(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var numbers = SeededGenerator(seed: seed)
    return (0..<count).map { _ in UInt8(truncatingIfNeeded: numbers.next()) }
}

extension CaptureSnapshot {
    func whole() throws -> [UInt8] { try read(0..<count) }
}

/// Waits for the end of a process; its wait status.
func reap(_ pid: pid_t) -> CInt {
    var status: CInt = 0
    while waitpid(pid, &status, 0) < 0, errno == EINTR {}
    return status
}
