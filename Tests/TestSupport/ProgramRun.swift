internal import CLinux
internal import Glibc
internal import ProcCore
package import ProcIO

/// A real program that a test has started, with its output in pipes.
///
/// Killed and reaped when the object goes, so a failing test leaves nothing behind.
package final class ProgramRun {
    package struct Ended: Sendable {
        /// The raw wait status.
        package let status: CInt
        package let output: [UInt8]
        package let errors: [UInt8]

        /// The exit code; nil when a signal ended it.
        package var exitCode: CInt? { clinux_exited(status) ? clinux_exit_status(status) : nil }
        package var termSignal: CInt? { clinux_signaled(status) ? clinux_term_signal(status) : nil }
        package var outputText: String { String(decoding: output, as: UTF8.self) }
        package var errorText: String { String(decoding: errors, as: UTF8.self) }
    }

    package let pid: CInt
    private let outputReader: SharedFD
    private let errorReader: SharedFD
    private var inputWriter: SharedFD?
    private var output: [UInt8] = []
    private var errors: [UInt8] = []
    private var isReaped = false

    /// - Parameters:
    ///   - input: What the program finds on standard input, at most what fits into a pipe.
    ///   - environment: `NAME=VALUE` each; nil: the test's own.
    ///   - keepsInputOpen: Standard input doesn't end behind `input`, but with ``endInput()``.
    ///   - descriptors: What else it inherits: its number to ours.
    package init(
        _ argv: [String], input: [UInt8] = [], keepsInputOpen: Bool = false, environment: [String]? = nil,
        directory: String? = nil,
        descriptors: [CInt: CInt] = [:], terminal: CInt? = nil
    ) throws {
        let (inputReader, inputWriter) = try Self.pipe()
        if input.count > 65536 { _ = clinux_set_pipe_capacity(inputWriter.rawValue, 1 << 20) }
        var written = 0
        while written < input.count {
            written += input[written...].withUnsafeBytes { write(inputWriter.rawValue, $0.baseAddress, $0.count) }
        }
        let (outputReader, outputWriter) = try Self.pipe()
        let (errorReader, errorWriter) = try Self.pipe()
        self.outputReader = outputReader
        self.errorReader = errorReader

        var mapping: [CInt: CInt] = [
            0: inputReader.rawValue, 1: terminal ?? outputWriter.rawValue, 2: terminal ?? errorWriter.rawValue,
        ]
        for (number, ours) in descriptors { mapping[number] = ours }
        pid = try spawn(argv, fds: mapping, environment: environment, directory: directory)
        if keepsInputOpen { self.inputWriter = inputWriter }
        withExtendedLifetime((inputReader, inputWriter, outputWriter, errorWriter)) {}
    }

    deinit {
        guard !isReaped else { return }
        kill(-pid, SIGKILL)
        kill(pid, SIGKILL)
        var status: CInt = 0
        waitpid(pid, &status, 0)
    }

    /// Its standard output, to be read here.
    package var outputDescriptor: CInt { outputReader.rawValue }

    /// Writes to its standard input, which has been kept open.
    package func type(_ text: String) {
        guard let inputWriter else { preconditionFailure("standard input has ended") }
        let bytes = Array(text.utf8)
        precondition(write(inputWriter.rawValue, bytes, bytes.count) == bytes.count)
    }

    package func endInput() { inputWriter = nil }

    package func signal(_ signum: CInt) { kill(pid, signum) }

    /// Reads standard error until `text` has come; false at its end.
    package func waitForError(_ text: String) -> Bool { wait(for: text, on: errorReader.rawValue, in: &errors) }

    /// Reads standard output until `text` has come; false at its end.
    package func waitForOutput(_ text: String) -> Bool { wait(for: text, on: outputReader.rawValue, in: &output) }

    /// Reads standard output until a line has come that has `text` in it; what follows it there. Nil at the end.
    package func outputLine(after text: String) -> String? {
        while waitForOutput(text) {
            let parts = String(decoding: output, as: UTF8.self).split(separator: text, omittingEmptySubsequences: false)
            if let end = parts[1].firstIndex(of: "\n") { return String(parts[1][..<end]) }
            guard Self.readSome(outputReader.rawValue, into: &output) else { return nil }
        }
        return nil
    }

    /// Reads standard output until `text` has come so often; all of it up to now. Nil at the end.
    package func output(upTo text: String, _ times: Int) -> String? {
        while true {
            let output = String(decoding: output, as: UTF8.self)
            if output.split(separator: text, omittingEmptySubsequences: false).count > times { return output }
            var target = pollfd(fd: outputReader.rawValue, events: Int16(POLLIN), revents: 0)
            guard poll(&target, 1, Self.patience) > 0 else {
                giveUp()
                return nil
            }
            guard Self.readSome(outputReader.rawValue, into: &self.output) else { return nil }
        }
    }

    private func wait(for text: String, on fd: CInt, in bytes: inout [UInt8]) -> Bool {
        var target = pollfd(fd: fd, events: Int16(POLLIN), revents: 0)
        while !String(decoding: bytes, as: UTF8.self).contains(text) {
            guard poll(&target, 1, Self.patience) > 0 else {
                giveUp()
                return false
            }
            guard Self.readSome(fd, into: &bytes) else { return false }
        }
        return true
    }

    /// How long a program may be silent, in ms, before it is taken to hang. Far above what any test needs.
    private static let patience: CInt = 60_000

    /// It hangs: ends it, so that the test fails instead of hanging, too.
    private func giveUp() { kill(pid, SIGKILL) }

    /// Reads both outputs to their ends, then waits for the program.
    package func finish() -> Ended {
        var open: Set<CInt> = [outputReader.rawValue, errorReader.rawValue]
        while !open.isEmpty {
            var targets = open.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            guard poll(&targets, nfds_t(targets.count), Self.patience) > 0 else {
                giveUp()
                break
            }
            for target in targets where target.revents != 0 {
                let isOutput = target.fd == outputReader.rawValue
                let goesOn =
                    isOutput ? Self.readSome(target.fd, into: &output) : Self.readSome(target.fd, into: &errors)
                if !goesOn { open.remove(target.fd) }
            }
        }
        var status: CInt = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        isReaped = true
        return Ended(status: status, output: output, errors: errors)
    }

    private static func readSome(_ fd: CInt, into bytes: inout [UInt8]) -> Bool {
        var block = [UInt8](repeating: 0, count: 1 << 16)
        let count = read(fd, &block, block.count)
        if count < 0, errno == EINTR { return true }
        guard count > 0 else { return false }
        bytes += block[..<count]
        return true
    }

    /// Both ends of a new pipe.
    package static func pipe() throws -> (reader: SharedFD, writer: SharedFD) {
        var reader: CInt = -1
        var writer: CInt = -1
        let result = clinux_pipe(&reader, &writer)
        guard result == 0 else { throw SystemError("pipe", errno: -result) }
        return (SharedFD(OwnedFD(adopting: reader)), SharedFD(OwnedFD(adopting: writer)))
    }
}
