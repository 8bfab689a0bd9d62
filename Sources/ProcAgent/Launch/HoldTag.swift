internal import ProcCore

/// What a descriptor is held for.
enum HoldTag: Hashable, Sendable {
    /// One of the files of a capture, which is named by its position in the spec's fds.
    case capture(position: Int, slot: UInt8)
    /// The other end of a pipe, whose process has yet to be started; named by the fd that this process has of it.
    case partner(fd: CInt)

    private static let partnerBit: UInt32 = 1 << 31

    /// As the keeper knows it.
    var rawValue: UInt32 {
        switch self {
        case .capture(let position, let slot): UInt32(position) << 8 | UInt32(slot)
        case .partner(let fd): Self.partnerBit | UInt32(fd)
        }
    }

    init(rawValue: UInt32) {
        if rawValue & Self.partnerBit != 0 {
            self = .partner(fd: CInt(rawValue & ~Self.partnerBit))
        } else {
            self = .capture(position: Int(rawValue >> 8), slot: UInt8(rawValue & 0xff))
        }
    }
}
