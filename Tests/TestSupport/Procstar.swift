internal import Glibc
package import ProcCore

/// The real `procstar` executable, as built beside the tests.
package enum Procstar {
    package static let executable = built("procstar")

    /// The path of a program of this package, as built beside the tests.
    package static func built(_ name: String) -> String {
        var path = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &path, path.count)
        precondition(count > 0, "readlink /proc/self/exe")
        let own = String(decoding: path[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let folder = own.prefix(upTo: own.lastIndex(of: "/") ?? own.endIndex)
        return "\(folder)/\(name)"
    }

    /// Starts it on a spec document, which it reads from standard input.
    package static func start(
        _ document: String, _ options: [String] = ["--print"], environment: [String]? = nil, directory: String? = nil,
        descriptors: [CInt: CInt] = [:], terminal: CInt? = nil
    ) throws -> ProgramRun {
        try ProgramRun(
            [executable] + options + ["-"], input: Array(document.utf8), environment: environment,
            directory: directory, descriptors: descriptors, terminal: terminal)
    }

    /// Runs it to its end.
    package static func run(
        _ document: String, _ options: [String] = ["--print"], environment: [String]? = nil, directory: String? = nil,
        descriptors: [CInt: CInt] = [:]
    ) throws -> ProgramRun.Ended {
        try start(
            document, options, environment: environment, directory: directory, descriptors: descriptors
        ).finish()
    }

    /// Runs it with `--print`; the results it printed.
    package static func results(
        _ document: String, _ options: [String] = [], environment: [String]? = nil, directory: String? = nil,
        descriptors: [CInt: CInt] = [:]
    ) throws -> Value {
        let ended = try run(
            document, ["--print"] + options, environment: environment, directory: directory,
            descriptors: descriptors)
        guard ended.exitCode == 0 else { throw Unexpected(ended) }
        return try JSONReader.read(ended.output)
    }

    /// It didn't end with status 0.
    package struct Unexpected: Error, CustomStringConvertible {
        package let description: String

        package init(_ ended: ProgramRun.Ended) {
            description = "procstar: wait status \(ended.status), standard error: \(ended.errorText)"
        }
    }
}

/// Shorthands that make tests of documents readable.
extension Value {
    package var text: String? {
        switch self {
        case .string(let text): text
        case .text(let bytes): String(decoding: bytes, as: UTF8.self)
        default: nil
        }
    }
    package var number: Int? { if case .int(let number) = self { Int(number) } else { nil } }
    package var real: Double? { if case .double(let number) = self { number } else { nil } }
    package var isNull: Bool { self == .null }
    package var items: [Value]? { if case .array(let items) = self { items } else { nil } }

    /// Looks down a path of keys.
    package subscript(path path: String...) -> Value? {
        path.reduce(Optional(self)) { $0?[$1] }
    }

    /// The captured text of an fd in a result.
    package func captured(_ fd: String) -> String? { self["fds"]?[fd]?["text"]?.text }
}
