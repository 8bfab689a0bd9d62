internal import CLinux
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

    /// What stays open for long goes from this number up, where the limit of open files allows it.
    ///
    /// A child's descriptors are copied from low numbers, and starting it costs in proportion to the highest of
    /// them (see `clinux_spawn`): so those that come by the thousand keep out of the way.
    private static let longLivedFloor: CInt = 512

    /// The same descriptor at a number for what stays open for long, one for each process or capture.
    package consuming func settled() -> OwnedFD {
        guard rawValue < Self.longLivedFloor else { return self }
        let higher = clinux_dup_above(rawValue, Self.longLivedFloor)
        return higher < 0 ? self : OwnedFD(adopting: higher)
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
