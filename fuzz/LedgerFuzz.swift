// Reads ledgers that no agent has written: the input as it is, and, since a damaged record goes no further than its
// checksum, the input in pieces that are framed as records.

/// Whatever stands in a ledger, reading it ends; what was intact is the same without what follows; and what it says, it
/// says again when it is written anew.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>, _ size: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    check(bytes)
    check(framed(bytes))
    _ = BootID(parsing: bytes)
    return 0
}

/// A ledger of records whose lengths the input says, in a byte before each.
private func framed(_ input: [UInt8]) -> [UInt8] {
    var ledger = LedgerHeader(bootID: nil).bytes
    var rest = input[...]
    while let count = rest.popFirst() {
        let payload = Array(rest.prefix(Int(count)))
        rest = rest.dropFirst(payload.count)
        append(littleEndian: UInt32(payload.count), to: &ledger)
        append(littleEndian: payload.withUnsafeBytes { CRC32.checksum($0) }, to: &ledger)
        ledger += payload
    }
    return ledger
}

private func append(littleEndian number: UInt32, to bytes: inout [UInt8]) {
    withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
}

private func check(_ bytes: [UInt8]) {
    guard let reading = try? LedgerReading(bytes) else { return }
    precondition((reading.tear == nil) == (reading.intactCount == bytes.count), "a tear that isn't at the end")
    precondition(reading.misunderstood.allSatisfy { !$0.description.isEmpty && $0.offset < reading.intactCount })
    // Compared as bytes, since a number that is none equals nothing.
    let written = LedgerRecord.encoded(reading.image.records)

    guard let intact = try? LedgerReading(Array(bytes[..<reading.intactCount])) else { preconditionFailure() }
    precondition(intact.tear == nil && intact.misunderstood == reading.misunderstood, "what follows matters")
    precondition(LedgerRecord.encoded(intact.image.records) == written, "what follows matters")

    guard let again = try? LedgerReading(LedgerHeader(bootID: nil).bytes + written) else { preconditionFailure() }
    precondition(again.tear == nil && again.misunderstood.isEmpty, "its own records are rejected")
    precondition(LedgerRecord.encoded(again.image.records) == written, "its own records mean something else")
}
