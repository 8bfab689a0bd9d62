/// What became of one captured fd of a process.
package enum FdResult: Equatable, Sendable {
    /// The encoding of a capture, as results name it: that of the spec, or base64 where the spec has none.
    package enum Encoding: String, Sendable {
        case utf8 = "utf-8"
        case base64
    }

    /// What a capture with a limit has lost.
    package struct Cut: Equatable, Sendable {
        /// Bytes that are missing.
        package var bytes: UInt64
        /// Bytes that were written in all.
        package var length: UInt64

        package init(bytes: UInt64, of length: UInt64) {
            self.bytes = bytes
            self.length = length
        }
    }

    /// Attached output, to be read as text.
    case text([UInt8], cut: Cut? = nil)
    /// Attached output, as bytes.
    case data([UInt8], cut: Cut? = nil)
    /// Output that is fetched by itself; `length` is what was written in all, `cut` the bytes of it that are missing.
    case detached(length: UInt64, encoding: Encoding, cut: UInt64 = 0)
    /// A capture that couldn't be made or read.
    case error(reason: String? = nil)

    /// The entry in the result's `fds`. What was cut is told only where something was; attached output then also
    /// tells the length.
    package var value: Value {
        var members: [Value.Member] = []
        members.reserveCapacity(5)
        switch self {
        case .text(let bytes, let cut):
            members.append(Value.Member("type", .string("text")))
            members.append(Value.Member("text", .text(bytes)))
            members.append(Value.Member("encoding", .string(Encoding.utf8.rawValue)))
            Self.tell(cut, in: &members)
        case .data(let bytes, let cut):
            members.append(Value.Member("type", .string("data")))
            members.append(Value.Member("data", .base64(bytes)))
            members.append(Value.Member("encoding", .string(Encoding.base64.rawValue)))
            Self.tell(cut, in: &members)
        case .detached(let length, let encoding, let cut):
            members.append(Value.Member("type", .string("detached")))
            members.append(Value.Member("length", .integer(length)))
            members.append(Value.Member("encoding", .string(encoding.rawValue)))
            if cut > 0 { members.append(Value.Member("cut", .integer(cut))) }
        case .error(let reason):
            members.append(Value.Member("type", .string("error")))
            if let reason { members.append(Value.Member("reason", .string(reason))) }
        }
        return .map(members)
    }

    private static func tell(_ cut: Cut?, in members: inout [Value.Member]) {
        guard let cut, cut.bytes > 0 else { return }
        members.append(Value.Member("cut", .integer(cut.bytes)))
        members.append(Value.Member("length", .integer(cut.length)))
    }
}
