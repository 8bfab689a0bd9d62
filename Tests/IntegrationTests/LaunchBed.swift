import ProcCore
import TestSupport
import Testing

/// Shorthands of the tests that run the real program on documents of their own.

/// A JSON document of one value.
func json(_ value: Value) -> String { String(decoding: JSONWriter.bytes(of: value), as: UTF8.self) }
func json(_ text: String) -> String { json(.string(text)) }
func json(_ texts: [String]) -> String { json(.array(texts.map { .string($0) })) }

/// A document of one process, `p`, of which `members` are its spec's.
func document(_ members: String) -> String { #"{"specs": {"p": {\#(members)}}}"# }

/// The members of a spec that runs `command` by `/bin/sh`, its output captured as text after what `fds` set up.
func shell(_ command: String, fds: [String] = []) -> String {
    let list = fds + [#"["stdout", {"capture": {"encoding": "utf-8"}}]"#]
    return #""command": \#(json(command)), "fds": [\#(list.joined(separator: ", "))]"#
}

extension Procstar {
    /// The result of one process.
    static func result(
        of members: String, _ options: [String] = [], environment: [String]? = nil, directory: String? = nil,
        descriptors: [CInt: CInt] = [:]
    ) throws -> Value {
        try #require(
            results(
                document(members), options, environment: environment, directory: directory, descriptors: descriptors
            )["p"])
    }

    /// Runs it by `/bin/sh`, whose `script` ends in `exec "$0" "$@"`, and so under limits and the like.
    static func run(
        by script: String, _ document: String, _ options: [String] = ["--print"], descriptors: [CInt: CInt] = [:]
    ) throws -> ProgramRun.Ended {
        try start(by: script, document, options, descriptors: descriptors).finish()
    }

    static func start(
        by script: String, _ document: String, _ options: [String] = ["--print"], descriptors: [CInt: CInt] = [:]
    ) throws -> ProgramRun {
        try ProgramRun(
            ["/bin/sh", "-c", script, executable] + options + ["-"], input: Array(document.utf8),
            descriptors: descriptors)
    }

    /// The results of a run by `/bin/sh`.
    static func results(
        by script: String, _ document: String, _ options: [String] = [], descriptors: [CInt: CInt] = [:]
    ) throws -> Value {
        let ended = try run(by: script, document, ["--print"] + options, descriptors: descriptors)
        try #require(ended.exitCode == 0, "\(ended.errorText)")
        return try JSONReader.read(ended.output)
    }
}

extension ProgramRun.Ended {
    /// What was printed, as JSON.
    var results: Value { get throws { try JSONReader.read(output) } }
}

extension Value {
    /// The texts of an array.
    var texts: [String]? { items?.compactMap(\.text) }
    var errors: [String] { self["errors"]?.texts ?? ["no errors in the result"] }
    var state: String? { self["state"]?.text }
    var exitCode: Int? { self["status"]?["exit_code"]?.number }
    var cause: String? { self["cause"]?["type"]?.text }
}
