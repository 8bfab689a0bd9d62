internal import Glibc
package import ProcCore

/// Sole owner of an open file descriptor.
///
/// Noncopyable, so each descriptor has one owner at a time and the compiler
/// rejects use after ``close()`` or ``release()``. Falling out of scope closes
/// it; ``close()`` is for callers who want the error.
package struct OwnedFD: ~Copyable, Sendable {
    package let rawValue: CInt

    /// Takes ownership of `rawValue`, which must be open and owned by no one else.
    package init(adopting rawValue: CInt) {
        precondition(rawValue >= 0, "adopted a negative fd")
        self.rawValue = rawValue
    }

    /// Takes what a CLinux call returned: a descriptor, or `-errno`.
    package init(result: CInt, _ call: String, on subject: String? = nil) throws(SystemError) {
        guard result >= 0 else { throw SystemError(call, on: subject, errno: -result) }
        rawValue = result
    }

    deinit { _ = Glibc.close(rawValue) }

    /// Closes now. Linux frees the fd even when close fails, so never retry.
    package consuming func close() throws(SystemError) {
        let fd = rawValue
        discard self
        guard Glibc.close(fd) == 0 else { throw SystemError.last("close") }
    }

    /// Gives the number up to a caller who will close it.
    package consuming func release() -> CInt {
        let fd = rawValue
        discard self
        return fd
    }
}

/// A descriptor with several readers, on any thread; closed when the last one lets go.
package final class SharedFD: Sendable {
    private let owned: OwnedFD
    package var rawValue: CInt { owned.rawValue }

    package init(_ owned: consuming OwnedFD) { self.owned = owned }
}
