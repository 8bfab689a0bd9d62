/// Why one process cannot be started: an entry of its result's `errors`. Others of its request are not touched.
package enum StartFailure: Error, Equatable, Sendable, CustomStringConvertible {
    case descriptor(CInt, reason: String)
    case execution(String, reason: String)
    /// No process could be made.
    case spawn(String, reason: String)
    /// It may have been made, and nobody can tell.
    case lost(reason: String)
    case restricted(String, ExecutableRestriction.Verdict)
    /// Index in `argv`.
    case argument(Int, reason: String)
    case variable(String, reason: String)
    case workingDirectory(String, reason: String)

    static let nulByte = "a NUL byte in it"

    package var description: String {
        switch self {
        case .descriptor(let fd, let reason): "failed to set up fd \(fd): \(reason)"
        case .execution(let path, let reason): "execve failed: \(Self.visible(path)): \(reason)"
        case .spawn(let path, let reason): "spawn failed: \(Self.visible(path)): \(reason)"
        case .lost(let reason): "lost: \(reason)"
        case .restricted(let path, let verdict):
            "restricted executable: \(Self.visible(path))"
                + (verdict == .argumentsRefused ? ": not with these arguments" : "")
        case .argument(let index, let reason): "failed to pass argument \(index): \(reason)"
        case .variable(let name, let reason): "failed to set variable \(Quoted.text(name)): \(reason)"
        case .workingDirectory(let path, let reason):
            "failed to change to directory \(Self.visible(path)): \(reason)"
        }
    }

    /// A path as it is, but for NUL, which would end the line for many a reader.
    private static func visible(_ path: String) -> String {
        path.utf8.contains(0) ? Quoted.text(path) : path
    }
}
