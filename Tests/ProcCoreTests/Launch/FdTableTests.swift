import ProcCore
import Testing

@Suite struct FdTableTests {
    struct Case: Sendable {
        var fds: [(CInt, FdSpec)]
        var inherited: Set<CInt> = [0, 1, 2]
        var limit: CInt = 1024
        var sources: [CInt: FdTable.Source]
        var failures: [String] = []
    }

    static let standard: [CInt: FdTable.Source] = [0: .inherited(0), 1: .inherited(1), 2: .inherited(2)]
    static let capture = FdSpec.capture(CaptureSpec())
    static let file = FdSpec.file(path: "/x", flags: .read, mode: 0o666)

    static let cases: [Case] = [
        Case(fds: [], sources: standard),
        // What procstar doesn't have stays closed; what else it has isn't inherited unasked.
        Case(fds: [], inherited: [1, 5], sources: [1: .inherited(1)]),
        // A number that the child can't have isn't copied either.
        Case(fds: [], limit: 2, sources: [0: .inherited(0), 1: .inherited(1)]),
        Case(fds: [(0, .close), (2, .close)], sources: [1: .inherited(1)]),
        Case(
            fds: [(0, .null(.standard)), (1, capture), (2, file)],
            sources: [0: .opened(0), 1: .opened(1), 2: .opened(2)]),
        Case(
            fds: [(5, .inherit), (1, .inherit)], inherited: [0, 1, 2, 5],
            sources: standard.merging([5: .inherited(5)]) { $1 }),
        Case(
            fds: [(5, .inherit)], sources: standard, failures: ["failed to set up fd 5: Bad file descriptor"]),
        Case(
            fds: [(0, .inherit)], inherited: [], sources: [:],
            failures: ["failed to set up fd 0: Bad file descriptor"]),
        // A dup sees what stands at that moment: before stdout is captured, and after.
        Case(
            fds: [(2, .dup(1)), (1, capture), (3, .dup(1))],
            sources: [0: .inherited(0), 1: .opened(1), 2: .inherited(1), 3: .opened(1)]),
        // Swapping needs a third number.
        Case(
            fds: [(3, .dup(1)), (1, .dup(2)), (2, .dup(3))],
            sources: [0: .inherited(0), 1: .inherited(2), 2: .inherited(1), 3: .inherited(1)]),
        Case(fds: [(1, .dup(2)), (2, .dup(1))], sources: [0: .inherited(0), 1: .inherited(2), 2: .inherited(2)]),
        Case(fds: [(1, .dup(1))], sources: standard),
        Case(
            fds: [(1, .close), (2, .dup(1)), (4, .dup(4)), (6, .dup(-1)), (7, .dup(5000))],
            sources: [0: .inherited(0), 2: .inherited(2)],
            failures: [2, 4, 6, 7].map { "failed to set up fd \($0): Bad file descriptor" }),
        // Open in procstar, but not in the child.
        Case(
            fds: [(4, .dup(9))], inherited: [0, 1, 2, 9], sources: standard,
            failures: ["failed to set up fd 4: Bad file descriptor"]),
        Case(
            fds: [(9, capture), (10, capture), (8, .pipeWrite)], limit: 10,
            sources: standard.merging([9: .opened(0), 8: .opened(2)]) { $1 },
            failures: ["failed to set up fd 10: Bad file descriptor"]),
        Case(
            fds: [(CInt.max, .close)], sources: standard,
            failures: ["failed to set up fd 2147483647: Bad file descriptor"]),
        Case(
            fds: [
                (1, .file(path: "/x\0y", flags: .read, mode: 0)),
                (0, .pipeRead(from: .init(process: "w", fd: .init(1)))),
            ],
            sources: [0: .opened(1), 1: .inherited(1), 2: .inherited(2)],
            failures: ["failed to set up fd 1: a NUL byte in it"]),
    ]

    @Test(arguments: cases.indices)
    func entriesActInOrder(index: Int) {
        let given = Self.cases[index]
        let table = FdTable(
            fds: given.fds.map { FdEntry(FdName($0.0), $0.1) }, inherited: given.inherited, limit: given.limit)
        #expect(table.sources == given.sources)
        #expect(table.failures.map(\.description) == given.failures)
    }

    @Test func nothingIsToBeOpenedForAnFdThatIsKnownToFail() {
        let nul = FdSpec.file(path: "/tmp/a\0b", flags: .standard, mode: 0o666)
        let table = FdTable(
            fds: [FdEntry(FdName(1), nul), FdEntry(FdName(2), Self.file), FdEntry(FdName(1024), Self.file)],
            inherited: [0], limit: 1024)
        #expect(table.hasFailed(1) && table.hasFailed(1024) && !table.hasFailed(2) && !table.hasFailed(0))
    }
}
