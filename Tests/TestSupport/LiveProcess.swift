internal import CLinux
internal import Glibc
package import ProcCore

/// Looks at processes of this machine, by `/proc`.
package enum LiveProcess {
    /// Nil when there is none of this number (any more).
    package static func stat(_ pid: CInt) -> ProcStat? {
        contents(of: "/proc/\(pid)/stat").flatMap { ProcStat(parsing: $0.span) }
    }

    /// Whether it is there and no zombie.
    package static func isAlive(_ pid: CInt) -> Bool { stat(pid).map { !$0.isZombie } ?? false }

    package static func all() -> [ProcStat] {
        guard let directory = opendir("/proc") else { return [] }
        defer { closedir(directory) }
        var found: [ProcStat] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if let pid = pid_t(name), let stat = stat(pid) { found.append(stat) }
        }
        return found
    }

    /// Ended and not reaped by `parent`.
    package static func zombies(of parent: CInt) -> [ProcStat] {
        all().filter { $0.ppid == parent && $0.isZombie }
    }

    /// Those of a session that haven't ended.
    package static func members(of session: CInt) -> [ProcStat] {
        all().filter { $0.session == session && !$0.isZombie }
    }

    /// Kills a process, all processes below it, and those of their sessions.
    package static func endTree(_ root: CInt) {
        // So that it starts nothing more while they are looked for.
        kill(root, SIGSTOP)
        let all = all()
        var found: Set<pid_t> = [root]
        while case let more = all.filter({ found.contains($0.ppid) && !found.contains($0.pid) }), !more.isEmpty {
            found.formUnion(more.map(\.pid))
        }
        found.remove(root)
        for process in all where found.contains(process.pid) || found.contains(process.session) {
            kill(process.pid, SIGKILL)
        }
        kill(root, SIGKILL)
    }

    /// The number that a process has written into a file of its own, once the line is whole.
    package static func pid(in path: String) -> CInt? {
        guard let bytes = contents(of: path), bytes.last == UInt8(ascii: "\n") else { return nil }
        return pid_t(String(decoding: bytes.dropLast(), as: UTF8.self))
    }
}

/// Python, for children that report on themselves.
package enum Python {
    package static let path = "/usr/bin/python3"
    package static var isThere: Bool { access(path, X_OK) == 0 }

    /// Runs `script` without what the machine's owner has set up for it.
    package static func argv(_ script: String, _ arguments: [String] = []) -> [String] {
        [path, "-ISc", script] + arguments
    }
}

/// The C compiler, for children that do what no tool does.
package enum Compiler {
    package static let path = "/usr/bin/cc"
    package static var isThere: Bool { access(path, X_OK) == 0 }

    /// Builds a program in `directory`; its path.
    package static func build(
        _ source: String, in directory: TemporaryDirectory, name: String = "program", libraries: [String] = []
    ) throws -> String {
        let file = directory.write(source, to: "\(name).c")
        let program = directory.path(name)
        let ended = try ProgramRun([path, "-O1", "-pthread", "-o", program, file] + libraries.map { "-l\($0)" })
            .finish()
        guard ended.exitCode == 0 else { throw Failure(description: ended.errorText) }
        return program
    }

    package struct Failure: Error, CustomStringConvertible { package let description: String }
}
