/// What one file descriptor of a process is to be.
package enum FdSpec: Equatable, Sendable {
    /// What procstar itself had at this number when it was started.
    case inherit
    case close
    /// `/dev/null`.
    case null(OpenFlags)
    case file(path: String, flags: OpenFlags, mode: CInt)
    /// A duplicate of the child's own fd of this number, as it stands at that point of the list.
    case dup(CInt)
    case capture(CaptureSpec)
    /// The end of a pipe that another process of the same request reads.
    case pipeWrite
    case pipeRead(from: PipeEnd)

    /// The permissions of a created file, before the umask, where the spec names none.
    package static let standardMode: CInt = 0o666

    /// A process of the request, and one of its fds.
    package struct PipeEnd: Equatable, Sendable {
        package let process: String
        package let fd: FdName

        package init(process: String, fd: FdName) {
            self.process = process
            self.fd = fd
        }
    }
}

/// One entry of a spec's list of descriptors.
package struct FdEntry: Equatable, Sendable {
    package let name: FdName
    package let spec: FdSpec

    package init(_ name: FdName, _ spec: FdSpec) {
        self.name = name
        self.spec = spec
    }
}
