internal import CKeeper
internal import CLinux
internal import Glibc
internal import ProcCore
internal import ProcIO

/// One end of a connection to a keeper: whole messages, with descriptors.
final class KeeperSocket {
    enum Reception {
        case answer(KeeperAnswer)
        case nothing
        /// The connection is over: a clause for people.
        case end(String)
    }

    let descriptor: SharedFD
    private let buffer = UnsafeMutableRawBufferPointer.allocate(
        byteCount: Int(KEEPER_MESSAGE_LIMIT), alignment: MemoryLayout<UInt64>.alignment)
    private let numbers = UnsafeMutablePointer<CInt>.allocate(capacity: Int(CLINUX_PACKET_DESCRIPTORS))

    init(_ descriptor: SharedFD) { self.descriptor = descriptor }

    deinit {
        buffer.deallocate()
        numbers.deallocate()
    }

    /// Sends a message, whole or not at all; 0 or `-errno`.
    func send(_ packet: KeeperPacket) -> CInt {
        let count = packet.descriptors.count
        precondition(count <= Int(CLINUX_PACKET_DESCRIPTORS), "more descriptors than fit beside a message")
        for (index, descriptor) in packet.descriptors.enumerated() { numbers[index] = descriptor.number }
        return withExtendedLifetime(packet.descriptors) {
            packet.bytes.withUnsafeBytes { bytes in
                bytes.baseAddress.map { clinux_send_packet(descriptor.rawValue, $0, bytes.count, numbers, count) } ?? 0
            }
        }
    }

    func receive() -> Reception {
        guard let base = buffer.baseAddress else { preconditionFailure("an allocation without an address") }
        var count = 0
        let length = clinux_receive_packet(descriptor.rawValue, base, buffer.count, numbers, &count)
        let descriptors = (0..<count).map { SharedFD(OwnedFD(adopting: numbers[$0]).settled()) }
        switch length {
        case 0: return .end("it has closed the connection")
        case Int64(-EAGAIN): return .nothing
        case ..<0: return .end(SystemError("recvmsg", errno: CInt(-length)).description)
        default: break
        }
        let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<Int(length)])
        guard let answer = KeeperAnswer(bytes, descriptors) else { return .end("it has said what is no message") }
        return .answer(answer)
    }

    /// Waits for a message; what ``receive()`` says then, or `nothing` when the time is over.
    func receive(until deadline: Instant) -> Reception {
        while true {
            let reception = receive()
            guard case .nothing = reception else { return reception }
            let now = Instant.now
            guard now < deadline else { return .nothing }
            let rest = Int32(clamping: deadline.since(now).nanoseconds / 1_000_000 + 1)
            _ = clinux_await_readable(descriptor.rawValue, rest)
        }
    }
}
