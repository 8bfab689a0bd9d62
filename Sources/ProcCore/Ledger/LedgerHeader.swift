/// What a ledger begins with: that it is one, in which format, and of which run of the kernel.
package struct LedgerHeader: Equatable, Sendable {
    /// The format that is written here. One that is one apart can be read.
    package static let version: UInt32 = 1

    /// How many bytes it has.
    package static let count = 32
    private static let magic = Array("PSLEDGER".utf8)

    package let version: UInt32
    /// Nil where it wasn't known.
    package let bootID: BootID?

    package init(bootID: BootID?) {
        version = Self.version
        self.bootID = bootID
    }

    /// Reads the beginning of `bytes`.
    init(parsing bytes: UnsafeRawBufferPointer) throws(LedgerFormatError) {
        guard bytes.count >= Self.count, bytes.starts(with: Self.magic) else { throw .notALedger }
        version = bytes.littleEndian(at: 8)
        guard version <= Self.version + 1, version + 1 >= Self.version else { throw .version(version) }
        guard bytes.littleEndian(at: 28) == CRC32.checksum(.init(rebasing: bytes[..<28])) else { throw .damaged }
        bootID = BootID(stored: UnsafeRawBufferPointer(rebasing: bytes[12..<28]))
    }

    package var bytes: [UInt8] {
        var bytes = Self.magic
        bytes.append(littleEndian: version)
        bytes += bootID?.bytes ?? [UInt8](repeating: 0, count: 16)
        bytes.append(littleEndian: bytes.withUnsafeBytes { CRC32.checksum($0) })
        return bytes
    }
}

/// Why bytes can't be read as a ledger at all.
package enum LedgerFormatError: Error, Equatable, CustomStringConvertible {
    case notALedger
    /// The header's checksum is wrong.
    case damaged
    case version(UInt32)

    package var description: String {
        switch self {
        case .notALedger: "it is no ledger"
        case .damaged: "the beginning of the ledger is damaged"
        case .version(let version):
            "the ledger's format is \(version), and this procstar's is \(LedgerHeader.version): "
                + "only a format one apart can be read"
        }
    }
}

extension [UInt8] {
    fileprivate mutating func append(littleEndian number: UInt32) {
        Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0) }
    }
}

extension UnsafeRawBufferPointer {
    func littleEndian(at offset: Int) -> UInt32 {
        UInt32(littleEndian: loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }
}
