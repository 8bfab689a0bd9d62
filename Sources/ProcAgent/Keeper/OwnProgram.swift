internal import CLinux
internal import Glibc
package import ProcCore

/// The executable that this process runs.
package enum OwnProgram {
    /// Its path, where a newer version of it is to be expected: `/usr/bin/procstar`, and also `/opt/procstar/bin/procstar`
    /// if that leads through a link to one of several versions.
    ///
    /// Ask at the start: later both the file and the link may be others.
    ///
    /// - Parameter given: The name that it was started by, which nobody vouches for.
    package static func path(given: String?) throws(SystemError) -> String {
        if let given, given.hasPrefix("/"), isThisProgram(given) { return given }
        return try path()
    }

    /// Its path without links. Should it have been replaced since, where it was.
    package static func path() throws(SystemError) -> String {
        let target = try LinkTarget.read(link)
        // proc(5) adds that when the file is gone.
        let mark = " (deleted)"
        return target.hasSuffix(mark) && access(target, F_OK) != 0 ? String(target.dropLast(mark.count)) : target
    }

    private static let link = "/proc/self/exe"

    private static func isThisProgram(_ path: String) -> Bool {
        var this = stat()
        var other = stat()
        guard stat(link, &this) == 0, stat(path, &other) == 0 else { return false }
        return this.st_dev == other.st_dev && this.st_ino == other.st_ino
    }
}

/// What a symbolic link says.
enum LinkTarget {
    static func read(_ link: String) throws(SystemError) -> String {
        var target = [CChar](repeating: 0, count: Int(PATH_MAX))
        let length = readlink(link, &target, target.count)
        guard length >= 0 else { throw .last("readlink", on: link) }
        return String(decoding: target[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
