import ProcCore
import Testing

@Suite struct StartRequestTests {
    @Test func processesComeInDocumentOrder() throws {
        let request = try start(["z": ["argv": ["1"]], "a": ["argv": ["2"]], "m b": ["argv": ["3"]]])
        #expect(request.processes.map(\.id) == ["z", "a", "m b"])
        #expect(request.processes.map(\.spec.argv) == [["1"], ["2"], ["3"]])
        #expect(request.pipes.isEmpty)
    }

    @Test func eachProcessHasItsSpecAsItCame() throws {
        let spec: Document = ["argv": ["make", "-j"], "timeout": 5, "fds": [["stdout", ["capture": [:]]]]]
        let request = try start(["build": spec])
        #expect(request.processes.map(\.document) == [spec.value])
    }

    @Test func noProcessesAtAllAreARequestToo() throws {
        #expect(try start([:]).processes.isEmpty)
    }

    @Test func aPipeJoinsAWriterToItsReaderHoweverTheFdIsSpelled() throws {
        let request = try start([
            "r": ["argv": ["cat"], "fds": [["0", ["pipe-read": ["proc_id": "w", "fd": "stdout"]]]]],
            "w": ["argv": ["echo"], "fds": [["1", "pipe-write"], ["stderr", "pipe-write"]]],
            "e": ["argv": ["cat"], "fds": ["5": ["pipe-read": ["proc_id": "w", "fd": "2"]]]],
        ])
        #expect(
            request.pipes == [
                .init(writer: .init(process: 1, fd: 1), reader: .init(process: 0, fd: 0)),
                .init(writer: .init(process: 1, fd: 2), reader: .init(process: 2, fd: 5)),
            ])
    }

    @Test func aProcessMayReadWhatItWrites() throws {
        let request = try start([
            "x": ["argv": ["x"], "fds": [["3", ["pipe-read": ["proc_id": "x", "fd": "4"]]], ["4", "pipe-write"]]]
        ])
        #expect(request.pipes == [.init(writer: .init(process: 0, fd: 4), reader: .init(process: 0, fd: 3))])
    }

    static func spec(_ fds: Document) -> Document { ["argv": ["/bin/true"], "fds": fds] }

    static func read(_ id: String, _ fd: String) -> Document {
        ["pipe-read": ["proc_id": .init(.string(id)), "fd": .init(.string(fd))]]
    }

    /// Specs, and the text that clients know; it stands alone, without a place.
    static let refused: [(specs: Document, error: String)] = [
        (["text": ["argv": ["/bin/true"]]], "duplicate proc id: text"),
        (["x": spec([["1", "inherit"], ["stdout", "inherit"]])], "duplicate fd: stdout"),
        (["x": spec([["stdout", "inherit"], ["1", "inherit"]])], "duplicate fd: 1"),
        (["x": spec(["0": "inherit", "stdin": "close"])], "duplicate fd: stdin"),
        (["x": spec([["7", "close"], ["7", "close"]])], "duplicate fd: 7"),
        (["x": spec([["bogus", "inherit"]])], "bad fd: bogus"),
        (["x": spec(["-1": "inherit"])], "bad fd: -1"),
        (["x": spec([["0", read("y", "err")]])], "bad fd: err"),
        (["x": spec([["0", read("y", "1")]])], "unmatched read pipe: y 1"),
        (
            ["x": spec([["0", read("y", "stdout")]]), "y": spec([["1", ["capture": [:]]]])],
            "unmatched read pipe: y stdout"
        ),
        (["x": spec([["0", read("x", "0")]])], "unmatched read pipe: x 0"),
        (["x": spec([["1", "pipe-write"]])], "unmatched write pipe: x 1"),
        (["x": spec([["stdout", "pipe-write"]])], "unmatched write pipe: x stdout"),
        (
            ["x": spec([["1", "pipe-write"], ["2", "pipe-write"]]), "y": spec([["0", read("x", "1")]])],
            "unmatched write pipe: x 2"
        ),
        (
            [
                "x": spec([["1", "pipe-write"]]), "y": spec([["stdin", read("x", "1")]]),
                "z": spec([["0", read("x", "stdout")]]),
            ],
            "unmatched read pipe: x stdout (y stdin reads it already)"
        ),
    ]

    @Test(arguments: refused.indices)
    func aRequestThatCannotBeStartedAsAWholeIsRefused(index: Int) {
        #expect(text { _ = try start(Self.refused[index].specs) } == Self.refused[index].error)
    }

    static let documents: [(document: Document, error: String)] = [
        (.emptyArray, #"an array is not an object {"specs": {ID: SPEC, …}}"#),
        (nil, #"null is not an object {"specs": {ID: SPEC, …}}"#),
        ([:], #""specs" is missing"#),
        (["specs": [:], "version": 1], #"unknown key "version"; known are "specs""#),
        (["specs": [["argv": ["/bin/true"]]]], "specs: an array is not an object from process id to spec"),
        (["specs": nil], "specs: null is not an object from process id to spec"),
    ]

    @Test(arguments: documents.indices)
    func aDocumentHoldsSpecsAndNothingElse(index: Int) {
        let (document, error) = Self.documents[index]
        #expect(text { _ = try StartRequest(document: document.value) { _ in false } } == error)
    }

    @Test func theSpecsOfAMessageAreReadByThemselves() {
        let error = text { _ = try StartRequest(specs: .array([])) { _ in false } }
        #expect(error == "specs: an array is not an object from process id to spec")
    }

    @Test func anIdThatStandsTwiceInARequestIsRefused() {
        // No reader of ours lets such a document through; nothing here relies on that.
        func argv(_ program: String) -> Document { ["argv": [Document(.string(program))]] }
        let twice = Value.map([
            .init("a", argv("x").value), .init("a", argv("y").value),
        ])
        #expect(text { _ = try StartRequest(specs: twice) { _ in false } } == "duplicate proc id: a")
    }

    private func start(_ specs: Document) throws -> StartRequest {
        try StartRequest(document: (["specs": specs] as Document).value) { $0 == "text" }
    }
}
