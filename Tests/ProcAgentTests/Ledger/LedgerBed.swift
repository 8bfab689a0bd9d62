import CLinux
import Glibc
import ProcCore
import ProcIO
import TestSupport
import Testing

@testable import ProcAgent

/// A loop and a worker for a ledger, and what the ledger ought to say.
final class LedgerBed {
    let loop: EventLoop
    let worker: Worker
    private(set) var expected = LedgerImage()
    private final class Warned {
        var list: [String] = []
    }
    private let warned = Warned()

    var warnings: [String] { warned.list }

    init() throws {
        loop = try EventLoop()
        worker = try Worker(loop: loop, name: "ledger")
    }

    var warn: (String) -> Void { { [warned] in warned.list.append($0) } }

    func makeLedger() throws -> Ledger { try Ledger(bootID: .current(), worker: worker, warn: warn) }

    func open(_ file: SharedFD) throws -> (ledger: Ledger, reading: LedgerReading) {
        try Ledger.open(file, worker: worker, warn: warn)
    }

    /// Appends records, one by one or several at once.
    func append(_ records: [LedgerRecord], to ledger: Ledger, atOnce: Bool = false) throws {
        if atOnce {
            try ledger.append(framed: LedgerRecord.encoded(records))
        } else {
            for record in records { try ledger.append(record) }
        }
        for record in records { expected.apply(record) }
    }

    /// Whether a file says, to its last byte, what was appended.
    func isComplete(_ file: SharedFD) throws -> Bool {
        let reading = try Ledger.read(file, name: "the file")
        return reading.tear == nil && reading.misunderstood.isEmpty && reading.image.records == expected.records
    }

    /// Runs the loop until `condition` holds; fails the test when that takes absurdly long.
    func run(
        _ what: String, seen: () -> String = { "nothing" }, until condition: () throws -> Bool,
        sourceLocation: SourceLocation = #_sourceLocation
    ) rethrows {
        let end = loop.now + .seconds(60)
        while try !condition() {
            guard loop.now < end else {
                Issue.record("waited 60 s for \(what); last seen: \(seen())", sourceLocation: sourceLocation)
                return
            }
            var hasTicked = false
            loop.at(loop.now + .milliseconds(2)) { hasTicked = true }
            loop.run { hasTicked }
        }
    }

    static func size(_ file: SharedFD) -> Int {
        var status = stat()
        return fstat(file.rawValue, &status) == 0 ? Int(status.st_size) : -1
    }
}
