internal import Glibc

/// What a child's descriptors are to be, before anything is opened: each number's source, or why there can't be one.
///
/// The entries of a spec act in order on the child's own table, so a `dup` sees what stands at that moment. The table
/// starts with those of 0, 1 and 2 that procstar itself was given; nothing else is inherited unless it is named.
package struct FdTable: Equatable, Sendable {
    package enum Source: Hashable, Sendable {
        /// What procstar itself had at this number when it was started.
        case inherited(CInt)
        /// What is opened for the entry at this index of the spec's `fds`.
        case opened(Int)
    }

    /// Each descriptor that the child is to have. The others are closed.
    package private(set) var sources: [CInt: Source] = [:]
    /// One for each entry that can't be set up, in order.
    package private(set) var failures: [StartFailure] = []

    /// - Parameters:
    ///   - inherited: The numbers that were open when procstar was started.
    ///   - limit: The child's limit of open files: every number is below it.
    package init(fds: [FdEntry], inherited: Set<CInt>, limit: CInt) {
        for fd: CInt in 0...2 where inherited.contains(fd) && fd < limit { sources[fd] = .inherited(fd) }
        for (index, entry) in fds.enumerated() {
            let fd = entry.name.number
            // As dup2(2) would say.
            guard fd < limit else {
                fail(fd, SystemError.reason(of: EBADF))
                continue
            }
            switch entry.spec {
            case .close:
                sources[fd] = nil
            case .inherit:
                set(fd, inherited.contains(fd) ? .inherited(fd) : nil)
            case .dup(let other):
                set(fd, sources[other])
            case .file(let path, _, _) where path.utf8.contains(0):
                fail(fd, StartFailure.nulByte)
            case .null, .file, .capture, .pipeWrite, .pipeRead:
                sources[fd] = .opened(index)
            }
        }
    }

    /// Whether `fd` is known to fail, so that nothing must be opened for it.
    package func hasFailed(_ fd: CInt) -> Bool {
        failures.contains { failure in
            if case .descriptor(fd, _) = failure { true } else { false }
        }
    }

    private mutating func set(_ fd: CInt, _ source: Source?) {
        guard let source else { return fail(fd, SystemError.reason(of: EBADF)) }
        sources[fd] = source
    }

    private mutating func fail(_ fd: CInt, _ reason: String) {
        failures.append(.descriptor(fd, reason: reason))
    }
}
