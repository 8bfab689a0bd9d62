internal import CLinux
internal import Glibc
package import ProcCore
internal import ProcIO

/// What procstar itself was started with, and what its children may get of it.
package struct Inheritance: Sendable {
    /// The numbers that were open, `inherit` can pass on. They stay open, so they are never reused.
    package let descriptors: Set<CInt>
    /// The environment, one `NAME=VALUE` each, as bytes.
    package let environment: [[UInt8]]
    /// The working directory; nil when it has been removed or can't be read.
    package let directory: String?
    /// The soft limit of open files that children get back.
    package let fileLimit: Int
    /// The soft limit that procstar has raised for itself.
    package let raisedFileLimit: Int

    /// Looks at the process and prepares it for a life as a parent: becomes the
    /// subreaper of its descendants, marks what it inherited close-on-exec, fills
    /// the numbers 0 to 2 if they were closed, raises its limit of open files, and
    /// gives SIGCHLD its default disposition.
    ///
    /// Call it before anything opens a descriptor that stays, other than close-on-exec above 2.
    package static func takeOver() throws(SystemError) -> Inheritance {
        // An exec leaves none that is close-on-exec: such a one is our own already.
        let descriptors = try openDescriptors().filter { clinux_descriptor_flags($0) & FD_CLOEXEC == 0 }
        // An open of our own must never land on a number that means standard input or output to a child. Opened the
        // wrong way round, so that reading a spec there or printing results still fails as if it were closed.
        for number in 0...2 where !descriptors.contains(CInt(number)) {
            let flags = number == STDIN_FILENO ? O_WRONLY : O_RDONLY
            _ = try OwnedFD(result: clinux_open(clinux_at_cwd, "/dev/null", flags, 0), "open", on: "/dev/null")
                .release()
        }
        let marked = clinux_cloexec_from(3)
        guard marked == 0 else { throw SystemError("close_range", errno: -marked) }
        // Where whoever started us ignored it, the kernel would reap our children before we learn their status.
        signal(SIGCHLD, SIG_DFL)
        // A limit on the size of files is to be an error of the write that meets it.
        signal(SIGXFSZ, SIG_IGN)
        let reaper = clinux_become_subreaper()
        guard reaper == 0 else { throw SystemError("prctl PR_SET_CHILD_SUBREAPER", errno: -reaper) }
        let (soft, raised) = try raiseFileLimit()
        widenDescriptorTable(upTo: raised)
        return Inheritance(
            descriptors: descriptors, environment: currentEnvironment(), directory: currentDirectory(),
            fileLimit: soft, raisedFileLimit: raised)
    }

    /// The numbers that are open now, by `/proc/self/fd`.
    package static func openDescriptors() throws(SystemError) -> Set<CInt> {
        guard let directory = opendir("/proc/self/fd") else { throw .last("open", on: "/proc/self/fd") }
        defer { closedir(directory) }
        var numbers: Set<CInt> = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if let number = CInt(name), number != dirfd(directory) { numbers.insert(number) }
        }
        return numbers
    }

    private static func raiseFileLimit() throws(SystemError) -> (soft: Int, raised: Int) {
        var limit = rlimit()
        let got = clinux_get_file_limit(&limit)
        guard got == 0 else { throw SystemError("getrlimit RLIMIT_NOFILE", errno: -got) }
        let soft = Int(clamping: limit.rlim_cur)
        limit.rlim_cur = limit.rlim_max
        // A hard limit above fs.nr_open is refused; then it stays as it is.
        let raised = clinux_set_file_limit(&limit) == 0 ? Int(clamping: limit.rlim_max) : soft
        return (soft, raised)
    }

    /// Has the kernel make room for many descriptors at once. With more than one thread it would wait for all
    /// processors each time the table has to grow (expand_fdtable in fs/file.c), which takes some 10 ms.
    private static func widenDescriptorTable(upTo limit: Int) {
        let highest = clinux_dup_above(STDERR_FILENO, CInt(clamping: min(limit, 1 << 16) - 1))
        if highest >= 0 { close(highest) }
    }

    private static func currentEnvironment() -> [[UInt8]] {
        var result: [[UInt8]] = []
        var next = environ
        while let entry = next.pointee {
            result.append(Array(UnsafeRawBufferPointer(start: entry, count: strlen(entry))))
            next += 1
        }
        return result
    }

    private static func currentDirectory() -> String? {
        guard let path = getcwd(nil, 0) else { return nil }
        defer { free(path) }
        return String(cString: path)
    }
}
