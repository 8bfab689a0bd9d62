/// Output of a process on its way to a server, made of two parts: a ``head``, then the bytes of the output.
///
/// `data` is the last field, as in the recorded order, so nothing follows it. So the bytes can go from the capture to
/// the connection, piece by piece, and are never held as a whole.
package struct OutputMessage: Equatable, Sendable {
    package enum Kind: String, Sendable {
        /// The answer to a request.
        case requested = "ProcFdData"
        /// Of a ``Subscription``.
        case pushed = "ProcOutput"
    }

    /// All that stands before the bytes.
    package let head: [UInt8]
    /// How many bytes of output follow.
    package let dataCount: UInt64
    /// Length of the whole message.
    package var count: UInt64 { UInt64(head.count) + dataCount }

    /// - Parameters:
    ///   - fd: Sent back as the request spelled it.
    ///   - range: Where the bytes stand in what the process has written; at most ``OutputRange/largestAnswer`` of them.
    ///   - encoding: What the spec's capture says of them. They are sent as they are in either case.
    package init(
        _ kind: Kind, procID: String, fd: FdName, range: Range<UInt64>, encoding: CaptureSpec.Encoding?
    ) {
        let count = range.upperBound - range.lowerBound
        precondition(count <= OutputRange.largestAnswer, "more output than one message holds")
        let members = [
            Value.Member("type", .string(kind.rawValue)),
            Value.Member("proc_id", .string(procID)),
            Value.Member("fd", .string(fd.spelling)),
            Value.Member("start", .integer(range.lowerBound)),
            Value.Member("stop", .integer(range.upperBound)),
            Value.Member("encoding", encoding.map { .string($0.rawValue) } ?? .null),
        ]
        var head: [UInt8] = []
        head.reserveCapacity(128)
        MessagePackWriter.appendMapHeader(count: members.count + 1, to: &head)
        for member in members { MessagePackWriter.append(member, to: &head) }
        MessagePackWriter.append("data", to: &head)
        MessagePackWriter.appendBinaryHeader(count: Int(count), to: &head)
        self.head = head
        dataCount = count
    }
}
