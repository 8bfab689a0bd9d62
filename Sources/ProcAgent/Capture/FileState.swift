internal import Glibc
internal import ProcCore
internal import ProcIO

/// How much is in a file, and when that last changed.
struct FileState: Equatable {
    let size: Int
    private let seconds: Int
    private let nanoseconds: Int

    init(of file: SharedFD) {
        var status = stat()
        // fstat of an open regular file fails only for a size that the type can't hold.
        precondition(fstat(file.rawValue, &status) == 0, "fstat: \(SystemError.last("fstat").reason)")
        size = Int(status.st_size)
        seconds = status.st_mtim.tv_sec
        nanoseconds = status.st_mtim.tv_nsec
    }
}
