import CLinux
import ProcAgent
import ProcCore
import ProcIO
import TestSupport
import Testing

/// A loop with a table on it, for tests that ask while processes run.
final class Engine {
    let loop: EventLoop
    let table: ProcessTable
    let directory = TemporaryDirectory()
    private(set) var events: [ProcessTable.Event] = []

    /// Changes of the test process itself (limits, close-on-exec marks) happen once.
    private static let inheritance = Result { try Inheritance.takeOver() }

    init(_ adjust: (inout ProcessTable.Settings) -> Void = { _ in }) throws {
        loop = try EventLoop()
        let log = Logger(level: .error, format: .text)
        var settings = ProcessTable.Settings(capture: CaptureSettings(directory: directory.path))
        // Suites run side by side in one process, and each table would take the others' children for orphans.
        settings.reapsOrphans = false
        adjust(&settings)
        table = try ProcessTable(loop: loop, log: log, inheritance: Self.inheritance.get(), settings: settings)
        table.onEvent = { [unowned self] in events.append($0) }
    }

    deinit {
        table.onEvent = { _ in }
        table.killAll()
        loop.run { table.isQuiet }
    }

    /// Starts the processes of a JSON object ID → SPEC.
    func start(_ specs: String) throws {
        let table = table
        let request = try StartRequest(specs: try JSONReader.read(Array(specs.utf8))) { table.contains($0) }
        table.start(request)
    }

    /// Runs the loop until `condition` holds; fails the test if it doesn't within 20 s.
    func run(
        _ expectation: Comment, sourceLocation: SourceLocation = #_sourceLocation, until condition: () -> Bool
    ) {
        var isLate = false
        let limit = loop.at(loop.now + .seconds(20)) { isLate = true }
        // The condition may depend on what no descriptor tells of, such as a file that a process writes.
        var ticker: (() -> Void)?
        ticker = { [loop] in
            loop.at(loop.now + .milliseconds(5)) { ticker?() }
        }
        ticker?()
        loop.run { isLate || condition() }
        ticker = nil
        loop.cancel(limit)
        if isLate { Issue.record("\(expectation): not within 20 s; events: \(events)", sourceLocation: sourceLocation) }
    }

    func runUntilEnded(_ id: String, sourceLocation: SourceLocation = #_sourceLocation) {
        run("\(id) ends", sourceLocation: sourceLocation) { events.contains(.ended(id: id)) }
    }

    func result(_ id: String) throws -> Value {
        try #require(table.snapshot(id)).completed().value(scale: .current)
    }
}
