internal import Glibc

/// What an error of accept4(2) means to who accepts.
package enum AcceptFailure: Equatable, Sendable {
    /// Nobody waits.
    case nobody
    /// This connection was lost before it was ours; the next may be fine.
    case oneLost
    /// It would fail again if tried at once: there are no descriptors or no memory left, or something unforeseen.
    case exhausted

    /// accept(2), "Error handling": Linux hands out errors that the network had for a new connection as those of the
    /// call, and they are to be treated like EAGAIN, by trying again.
    package init(errno: CInt) {
        switch errno {
        case EAGAIN: self = .nobody
        case ECONNABORTED, EINTR, EPERM, EPROTO, ENOPROTOOPT, ENETDOWN, ENETUNREACH, EHOSTDOWN, EHOSTUNREACH, ENONET,
            EOPNOTSUPP, ETIMEDOUT, ECONNRESET:
            self = .oneLost
        default: self = .exhausted  // A number of the kernel's, not an enum of ours.
        }
    }
}
