import ProcCore
import TestSupport
import Testing

@Suite struct LedgerReadingTests {
    /// Records, their bytes, and where each ends.
    private static func ledger(of count: Int, seed: UInt64) -> (bytes: [UInt8], records: [LedgerRecord], ends: [Int]) {
        var history = LedgerHistory(seed: seed)
        let records = (0..<count).map { _ in history.next() }
        var bytes = LedgerHeader(bootID: nil).bytes
        var ends = [bytes.count]
        for record in records {
            record.append(to: &bytes)
            ends.append(bytes.count)
        }
        return (bytes, records, ends)
    }

    private static func image(_ records: some Sequence<LedgerRecord>) -> [LedgerRecord] {
        var image = LedgerImage()
        for record in records { image.apply(record) }
        return image.records
    }

    @Test func aLedgerCutAnywhereSaysWhatItsWholeRecordsSay() throws {
        let (bytes, records, ends) = Self.ledger(of: 25, seed: 2)
        for cut in 0...bytes.count {
            guard cut >= LedgerHeader.count else {
                #expect(throws: LedgerFormatError.notALedger) { try LedgerReading(Array(bytes[..<cut])) }
                continue
            }
            let reading = try LedgerReading(Array(bytes[..<cut]))
            let whole = ends.lastIndex { $0 <= cut } ?? 0
            #expect(reading.intactCount == ends[whole])
            #expect(reading.tear?.reason == (ends[whole] == cut ? nil : .cutOff))
            #expect(reading.image.records == Self.image(records[..<whole]))
        }
    }

    @Test func noFlippedBitIsBelieved() throws {
        let (bytes, records, ends) = Self.ledger(of: 12, seed: 3)
        for place in bytes.indices {
            for bit in 0..<8 {
                var flipped = bytes
                flipped[place] ^= 1 << UInt8(bit)
                guard place >= LedgerHeader.count else {
                    #expect(throws: LedgerFormatError.self) { try LedgerReading(flipped) }
                    continue
                }
                let reading = try LedgerReading(flipped)
                let whole = ends.lastIndex { $0 <= place } ?? 0
                #expect(reading.intactCount == ends[whole], "bit \(bit) of byte \(place)")
                #expect(reading.tear != nil && reading.image.records == Self.image(records[..<whole]))
            }
        }
    }

    @Test func zerosAtTheEndAreNoRecords() throws {
        let (bytes, _, _) = Self.ledger(of: 3, seed: 4)
        let reading = try LedgerReading(bytes + [UInt8](repeating: 0, count: 4096))
        #expect(reading.tear?.reason == .damaged && reading.intactCount == bytes.count)
    }

    @Test func aLengthThatCannotBeIsATear() throws {
        let reading = try LedgerReading(header() + [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 1])
        #expect(reading.tear?.description == "record at byte 32: it is cut off")
    }

    @Test(arguments: [0, 1, 2] as [UInt32])
    func aFormatOneApartIsRead(version: UInt32) throws {
        let bytes = header(version: version) + framed([.int(1), .int(0), .int(5), .string("1"), .int(6)])
        let reading = try LedgerReading(bytes)
        #expect(reading.header.version == version && reading.image.agent?.pid == 5)
    }

    @Test(arguments: [3, 4, 0xffff_ffff] as [UInt32])
    func aFormatFurtherApartIsRefusedAndBothAreNamed(version: UInt32) {
        #expect(throws: LedgerFormatError.version(version)) { try LedgerReading(header(version: version)) }
        #expect(
            LedgerFormatError.version(version).description
                == "the ledger's format is \(version), and this procstar's is 1: only a format one apart can be read")
    }

    @Test func theHeaderNamesTheRunOfTheKernel() throws {
        let text = "0a31c5b2-9c5e-4a3b-8b5e-2f6d1c0e7a94"
        let bootID = try #require(BootID(parsing: Array((text + "\n").utf8)))
        #expect(bootID.bytes.map { String($0, radix: 16) }.joined() == "a31c5b29c5e4a3b8b5e2f6d1ce7a94")
        #expect(try LedgerReading(LedgerHeader(bootID: bootID).bytes).header.bootID == bootID)
        #expect(try LedgerReading(LedgerHeader(bootID: nil).bytes).header.bootID == nil)
        #expect(LedgerHeader(bootID: bootID).bytes == header(bootID: bootID.bytes))
    }

    @Test(arguments: ["", "\n", "0a31c5b2-9c5e-4a3b-8b5e-2f6d1c0e7a9", "0a31c5b2-9c5e-4a3b-8b5e-2f6d1c0e7a9g"])
    func whatIsNoBootIDIsNone(text: String) {
        #expect(BootID(parsing: Array(text.utf8)) == nil)
    }
}
