internal import Glibc

/// How a file is opened for a child, by the names that specs use.
package enum OpenFlags: String, CaseIterable, Sendable {
    /// For fd 0 as ``read``, for 1 and 2 as ``write``, for others as ``readWrite``.
    case standard = "Default"
    case read = "Read"
    /// Created when missing, emptied when not.
    case write = "Write"
    /// Must not exist.
    case create = "Create"
    /// Must exist; emptied.
    case replace = "Replace"
    /// Must exist.
    case append = "Append"
    case createAppend = "CreateAppend"
    /// For both; created when missing, emptied when not.
    case readWrite = "ReadWrite"

    /// The flags of open(2) for a file that becomes the child's `fd`.
    package func bits(for fd: CInt) -> CInt {
        switch self {
        case .standard:
            switch fd {
            case 0: Self.read.bits(for: fd)
            case 1, 2: Self.write.bits(for: fd)
            default: Self.readWrite.bits(for: fd)
            }
        case .read: O_RDONLY
        case .write: O_WRONLY | O_CREAT | O_TRUNC
        case .create: O_WRONLY | O_CREAT | O_EXCL
        case .replace: O_WRONLY | O_TRUNC
        case .append: O_WRONLY | O_APPEND
        case .createAppend: O_WRONLY | O_CREAT | O_APPEND
        case .readWrite: O_RDWR | O_CREAT | O_TRUNC
        }
    }
}
