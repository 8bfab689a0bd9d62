internal import CLinux
internal import Glibc
internal import ProcAgent
internal import ProcCore
internal import ProcIO

/// The document that says what to run, read and checked on a worker thread.
enum SpecDocument {
    /// Why there is nothing to run.
    struct Problem: Error, CustomStringConvertible {
        let description: String
    }

    static func read(_ input: Input) -> Result<StartRequest, Problem> {
        let name: String
        let bytes: Result<[UInt8], SystemError>
        switch input {
        case .standardInput:
            name = "standard input"
            bytes = readAll(STDIN_FILENO, name)
        case .file(let path):
            name = path
            bytes = readFile(path)
        }
        do {
            let value = try JSONReader.read(bytes.get())
            return .success(try StartRequest(document: value, isTaken: { _ in false }))
        } catch let error as SystemError {
            return .failure(Problem(description: error.description))
        } catch {
            return .failure(Problem(description: "\(name): \(error)"))
        }
    }

    private static func readFile(_ path: String) -> Result<[UInt8], SystemError> {
        let fd = clinux_open(clinux_at_cwd, path, O_RDONLY, 0)
        guard fd >= 0 else { return .failure(SystemError("open", on: path, errno: -fd)) }
        defer { close(fd) }
        return readAll(fd, path)
    }

    private static func readAll(_ fd: CInt, _ name: String) -> Result<[UInt8], SystemError> {
        withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 1) { block in
            var bytes: [UInt8] = []
            while true {
                let count = Glibc.read(fd, block.baseAddress, block.count)
                if count < 0, errno == EINTR { continue }
                if count < 0 { return .failure(.last("read", on: name)) }
                if count == 0 { return .success(bytes) }
                bytes.append(contentsOf: block[..<count])
            }
        }
    }
}
