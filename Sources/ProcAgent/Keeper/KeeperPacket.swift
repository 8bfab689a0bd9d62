internal import CKeeper
internal import CLinux
internal import Glibc
internal import ProcCore
internal import ProcIO

/// A message to the keeper, with the descriptors beside it.
struct KeeperPacket {
    private(set) var bytes: [UInt8] = []
    /// Each once, in the order of their indices.
    private(set) var descriptors: [PacketDescriptor] = []

    /// HELLO.
    ///
    /// - Parameter directory: The working directory of those children that have none of their own; nil: the root.
    static func hello(umask: UInt32, directory: SharedFD?) -> KeeperPacket {
        var packet = KeeperPacket()
        if let directory { packet.descriptors.append(.shared(directory)) }
        packet.append(
            keeper_hello(
                head: head(KEEPER_HELLO, 0, length: MemoryLayout<keeper_hello>.size), magic: KEEPER_MAGIC,
                version: UInt32(KEEPER_VERSION), umask: umask, reserved: 0))
        return packet
    }

    /// COLLECT, REAP or FORGET of a process, or GOODBYE.
    static func plain(_ kind: keeper_kind, _ token: UInt64 = 0) -> KeeperPacket {
        var packet = KeeperPacket()
        packet.append(head(kind, token, length: MemoryLayout<keeper_head>.size))
        return packet
    }

    static func ledger(_ file: SharedFD) -> KeeperPacket {
        var packet = plain(KEEPER_LEDGER)
        packet.descriptors.append(.shared(file))
        return packet
    }

    static func hold(_ held: HeldDescriptor, for token: UInt64) -> KeeperPacket {
        var packet = tagged(KEEPER_HOLD, held.tag, of: token)
        packet.descriptors.append(.shared(held.descriptor))
        return packet
    }

    static func drop(_ tag: HoldTag, of token: UInt64) -> KeeperPacket { tagged(KEEPER_DROP, tag, of: token) }

    private static func tagged(_ kind: keeper_kind, _ tag: HoldTag, of token: UInt64) -> KeeperPacket {
        var packet = KeeperPacket()
        packet.append(
            keeper_tagged(
                head: head(kind, token, length: MemoryLayout<keeper_tagged>.size), tag: tag.rawValue, reserved: 0))
        return packet
    }

    /// Whether the keeper will understand it; what it doesn't, it answers by ending the connection.
    var isWellFormed: Bool {
        bytes.withUnsafeBytes { bytes in
            bytes.baseAddress.map { keeper_check_request($0, bytes.count, descriptors.count) == 0 } ?? false
        }
    }

    /// SPAWN. Throws E2BIG for what no kernel takes.
    static func spawn(_ plan: LaunchPlan, fileLimit: Int) throws(SystemError) -> KeeperPacket {
        var packet = KeeperPacket()
        let directory = plan.directory.map { packet.index(of: .shared($0)) }
        let pairs = plan.descriptors.map { target, source in
            keeper_pair(target: UInt32(target), index: packet.index(of: PacketDescriptor(source)), reserved: 0)
        }
        let holds = plan.held.map { held in
            keeper_hold_tag(tag: held.tag.rawValue, index: packet.index(of: .shared(held.descriptor)), reserved: 0)
        }
        let textLength = plan.textLength
        guard textLength <= KEEPER_TEXT_LIMIT else { throw SystemError("execve", errno: E2BIG) }
        var length =
            MemoryLayout<keeper_spawn>.size + pairs.count * MemoryLayout<keeper_pair>.stride
            + holds.count * MemoryLayout<keeper_hold_tag>.stride
        var textIndex = UInt16(KEEPER_NONE)
        if length + textLength > KEEPER_MESSAGE_LIMIT {
            var text: [UInt8] = []
            plan.appendText(to: &text)
            textIndex = packet.index(of: .shared(try sealedFile(text)))
        } else {
            length += textLength
        }
        packet.bytes.reserveCapacity(length)
        packet.append(
            keeper_spawn(
                head: head(KEEPER_SPAWN, plan.token, length: length), file_limit: UInt64(fileLimit),
                argument_count: UInt32(plan.argv.count), variable_count: UInt32(plan.environment.count),
                text_length: UInt32(textLength), text_index: textIndex,
                directory_index: directory ?? UInt16(KEEPER_NONE),
                descriptor_count: UInt16(packet.descriptors.count), pair_count: UInt16(pairs.count),
                hold_count: UInt16(holds.count), reserved: 0))
        pairs.forEach { packet.append($0) }
        holds.forEach { packet.append($0) }
        if textIndex == KEEPER_NONE { plan.appendText(to: &packet.bytes) }
        return packet
    }

    private static func sealedFile(_ text: [UInt8]) throws(SystemError) -> SharedFD {
        let result = text.withUnsafeBytes { bytes in
            bytes.baseAddress.map { clinux_sealed_memfd("procstar:plan", $0, bytes.count) } ?? -EINVAL
        }
        return SharedFD(try OwnedFD(result: result, "memfd_create"))
    }

    private mutating func index(of descriptor: PacketDescriptor) -> UInt16 {
        if let index = descriptors.firstIndex(where: { $0.number == descriptor.number }) { return UInt16(index) }
        descriptors.append(descriptor)
        return UInt16(descriptors.count - 1)
    }

    private mutating func append<T: BitwiseCopyable>(_ value: T) {
        withUnsafeBytes(of: value) { bytes.append(contentsOf: $0) }
    }

    /// - Parameter length: Of the whole message.
    private static func head(_ kind: keeper_kind, _ token: UInt64, length: Int) -> keeper_head {
        keeper_head(kind: kind.rawValue, length: UInt32(length), token: token)
    }
}

extension LaunchPlan {
    /// How many bytes ``appendText(to:)`` appends.
    fileprivate var textLength: Int { executable.utf8.count + 1 + argv.text.count + environment.text.count }

    /// The strings in the order in which the keeper wants them, each with its NUL.
    fileprivate func appendText(to bytes: inout [UInt8]) {
        bytes.append(contentsOf: executable.utf8)
        bytes.append(0)
        bytes.append(contentsOf: argv.text)
        bytes.append(contentsOf: environment.text)
    }
}

/// A descriptor that goes with a packet.
enum PacketDescriptor {
    /// One that is open as long as the program runs.
    case number(CInt)
    case shared(SharedFD)

    init(_ source: DescriptorSource) {
        switch source {
        case .inherited(let number): self = .number(number)
        case .opened(let descriptor): self = .shared(descriptor)
        }
    }

    var number: CInt {
        switch self {
        case .number(let number): number
        case .shared(let descriptor): descriptor.rawValue
        }
    }
}
