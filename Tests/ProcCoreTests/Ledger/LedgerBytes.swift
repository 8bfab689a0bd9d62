import ProcCore

/// A record's bytes, made from the specification and not from what is tested.
func framed(_ payload: [UInt8]) -> [UInt8] {
    var bytes = [UInt8](littleEndian: UInt32(payload.count))
    bytes += [UInt8](littleEndian: referenceChecksum(payload))
    return bytes + payload
}

func framed(_ elements: [Value]) -> [UInt8] { framed(MessagePackWriter.bytes(of: .array(elements))) }

func header(version: UInt32 = 1, bootID: [UInt8] = [UInt8](repeating: 7, count: 16)) -> [UInt8] {
    let bytes = Array("PSLEDGER".utf8) + [UInt8](littleEndian: version) + bootID
    return bytes + [UInt8](littleEndian: referenceChecksum(bytes))
}

/// CRC-32 as RFC 1952 defines it, bit by bit.
func referenceChecksum(_ bytes: [UInt8]) -> UInt32 {
    var sum = UInt32.max
    for byte in bytes {
        sum ^= UInt32(byte)
        for _ in 0..<8 { sum = sum & 1 == 1 ? sum >> 1 ^ 0xedb8_8320 : sum >> 1 }
    }
    return ~sum
}

extension [UInt8] {
    fileprivate init(littleEndian number: UInt32) {
        self = (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
    }
}
