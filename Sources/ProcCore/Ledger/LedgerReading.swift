/// What was found in the bytes of a ledger.
///
/// Records are believed up to the first that is cut off or damaged. One that is intact and says something that can't be
/// understood is passed over.
package struct LedgerReading: Sendable {
    package let header: LedgerHeader
    package private(set) var image = LedgerImage()
    /// How many bytes are intact; what follows is to be cut off before anything is appended.
    package private(set) var intactCount = LedgerHeader.count
    /// What the reading ended at before the end.
    package private(set) var tear: Flaw?
    package private(set) var misunderstood: [Flaw] = []

    package struct Flaw: Equatable, Sendable, CustomStringConvertible {
        package enum Reason: Equatable, Sendable {
            case cutOff
            /// Its checksum is wrong, or it says that it is empty.
            case damaged
            case notMessagePack(MessagePackError)
            case malformed(SpecError)
        }

        /// Bytes before the record.
        package let offset: Int
        package let reason: Reason

        package var description: String { "record at byte \(offset): \(reason.description)" }
    }

    package init(_ bytes: [UInt8]) throws(LedgerFormatError) {
        header = try bytes.withUnsafeBufferPointer { bytes throws(LedgerFormatError) in
            try LedgerHeader(parsing: UnsafeRawBufferPointer(bytes))
        }
        bytes.withUnsafeBytes { readRecords($0) }
    }

    private mutating func readRecords(_ bytes: UnsafeRawBufferPointer) {
        while intactCount < bytes.count {
            do throws(Tear) {
                let payload = try Self.payload(in: UnsafeRawBufferPointer(rebasing: bytes[intactCount...]))
                take(payload)
                intactCount += LedgerRecord.frameCount + payload.count
            } catch {
                tear = Flaw(offset: intactCount, reason: error == .cutOff ? .cutOff : .damaged)
                return
            }
        }
    }

    private enum Tear: Error { case cutOff, damaged }

    /// The contents of the record that `bytes` begin with.
    private static func payload(in bytes: UnsafeRawBufferPointer) throws(Tear) -> UnsafeRawBufferPointer {
        guard bytes.count >= LedgerRecord.frameCount else { throw .cutOff }
        let count = Int(bytes.littleEndian(at: 0))
        // Zeros, as a file system may leave them after a power failure, would be any number of good records.
        guard count > 0 else { throw .damaged }
        guard count <= bytes.count - LedgerRecord.frameCount else { throw .cutOff }
        let payload = UnsafeRawBufferPointer(rebasing: bytes[LedgerRecord.frameCount...].prefix(count))
        guard bytes.littleEndian(at: 4) == CRC32.checksum(payload) else { throw .damaged }
        return payload
    }

    private mutating func take(_ payload: UnsafeRawBufferPointer) {
        do throws(MessagePackError) {
            var scanner = MessagePackScanner(
                bytes: payload, offset: 0, depthLimit: MessagePackReader.defaultDepthLimit)
            take(try scanner.readValue(depth: 0))
        } catch {
            misunderstood.append(Flaw(offset: intactCount, reason: .notMessagePack(error)))
        }
    }

    private mutating func take(_ value: Value) {
        do throws(SpecError) {
            if let record = try LedgerRecord.decode(value) { image.apply(record) }
        } catch {
            misunderstood.append(Flaw(offset: intactCount, reason: .malformed(error)))
        }
    }
}

extension LedgerReading.Flaw.Reason: CustomStringConvertible {
    package var description: String {
        switch self {
        case .cutOff: "it is cut off"
        case .damaged: "it is damaged"
        case .notMessagePack(let error): error.description
        case .malformed(let error): error.description
        }
    }
}
