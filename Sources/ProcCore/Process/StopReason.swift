/// Why a process is being ended by us.
package enum StopReason: Equatable, Sendable {
    case timeout(Interval)
    case limit(fd: CInt)
    case asked(Cause.Sender)
}
