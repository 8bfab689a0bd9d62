internal import CLinux
internal import Glibc
package import ProcCore

/// Another program in place of this one, in this process: its children stay its children, and signals that wait are
/// delivered to it. It is started as this one was, and gets the lock of the state folder.
package struct Replacement {
    /// Tells the new program that it is one, and the descriptor of the lock.
    static let variable = "PROCSTAR_UPGRADE"

    private let program: String
    private let inheritance: Inheritance
    private let lock: CInt
    private let accessToken: [UInt8]?

    /// - Parameters:
    ///   - inheritance: What this program was started with.
    ///   - accessToken: The one that was wiped from the environment, if there was one.
    package init(program: String, inheritance: Inheritance, folder: StateFolder, accessToken: [UInt8]?) {
        self.program = program
        self.inheritance = inheritance
        lock = folder.lockDescriptor
        self.accessToken = accessToken
    }

    /// Call it on the main thread. The others end with this program, whatever they do.
    ///
    /// - Returns: Why it can't be done, with everything as it was. There is no other way back.
    package func perform() -> SystemError {
        // What takeOver() and the lock have changed, so that the new program finds what this one found.
        let passedOn = inheritance.descriptors.filter { $0 > STDERR_FILENO }.union([lock])
        for descriptor in passedOn { _ = clinux_set_close_on_exec(descriptor, false) }
        setFileLimit(inheritance.fileLimit)
        let failure = execute()
        setFileLimit(inheritance.raisedFileLimit)
        for descriptor in passedOn { _ = clinux_set_close_on_exec(descriptor, true) }
        return failure
    }

    private func execute() -> SystemError {
        CStringBlock(arguments).withPointers { arguments in
            CStringBlock(environment).withPointers { variables in
                execve(program, arguments, variables)
                return SystemError.last("execve", on: program)
            }
        }
    }

    private func setFileLimit(_ soft: Int) {
        var limit = rlimit()
        guard clinux_get_file_limit(&limit) == 0 else { return }
        limit.rlim_cur = min(rlim_t(soft), limit.rlim_max)
        _ = clinux_set_file_limit(&limit)
    }

    private var arguments: [[UInt8]] {
        (0..<clinux_argument_count()).compactMap { index in
            clinux_argument(index).map { Array(UnsafeRawBufferPointer(start: $0, count: strlen($0))) }
        }
    }

    private var environment: [[UInt8]] {
        var entries = inheritance.environment
        if let accessToken { entries.append(Array("\(AccessToken.variable)=".utf8) + accessToken) }
        entries.append(Array("\(Self.variable)=\(lock)".utf8))
        return entries
    }
}

/// That this program has taken another one's place, and what came with it.
package struct Succession: Equatable, Sendable {
    /// The descriptor of the lock, for ``StateFolder/resume(lock:isRuntime:)``.
    package let lock: CInt

    /// Nil when the program was started in the ordinary way. Takes the variable that tells out of the environment, and
    /// keeps the descriptor from children.
    ///
    /// Call it before anything reads or changes the environment, and while there is one thread only.
    package static func take() -> Succession? {
        guard let value = WipedVariable.take(Replacement.variable),
            let lock = CInt(String(decoding: value, as: UTF8.self)),
            lock > STDERR_FILENO, clinux_set_close_on_exec(lock, true) == 0
        else { return nil }
        return Succession(lock: lock)
    }
}
