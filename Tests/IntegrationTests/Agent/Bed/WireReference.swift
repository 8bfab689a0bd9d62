import ProcCore
import TestSupport
import Testing

/// The recorded session of the reference agent, case by case.
enum WireReference {
    struct Case: CustomTestStringConvertible {
        let name: String
        var requests: [[UInt8]] = []
        var answers: [Value] = []

        var testDescription: String { name }
    }

    /// In the order of the session.
    static func cases() throws -> [Case] {
        let tests = #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
        let path = "/\(tests)/ProcCoreTests/Fixtures/wire-reference.json"
        let text = try #require(contents(of: path), "\(path)")
        let entries = try #require(try JSONReader.read(text).items)
        var cases: [Case] = []
        for entry in entries {
            let name = try #require(entry["case"]?.text)
            if cases.last?.name != name { cases.append(Case(name: name)) }
            // Some entries only note that nothing was sent.
            guard let digits = entry["hex"]?.text.map({ Array($0.utf8) }) else { continue }
            let bytes = stride(from: 0, to: digits.count, by: 2).compactMap {
                UInt8(String(decoding: digits[$0..<($0 + 2)], as: UTF8.self), radix: 16)
            }
            if entry["dir"]?.text == "to-agent" {
                cases[cases.count - 1].requests.append(bytes)
            } else {
                cases[cases.count - 1].answers.append(try MessagePackReader.read(bytes))
            }
        }
        return cases
    }
}

/// The shape of a message: each path in it, with what stands there.
///
/// Of what is another each day it is the kind only: a whole number, a fraction, a string, null.
struct MessageShape {
    /// By path, such as `res.status.exit_code`.
    private(set) var leaves: [String: String] = [:]

    /// - Parameter outputGrows: How much of it there is in a result is chance.
    init(_ message: Value, outputGrows: Bool) {
        add(message, at: "") { path in
            let parts = path.split(separator: ".").map(String.init)
            switch parts.first {
            case "proc": return true
            case "res":
                switch parts.dropFirst().first {
                case "pid", "proc_stat", "proc_statm", "times", "rusage": return true
                case "fds": return outputGrows && ["text", "data", "length"].contains(parts.last)
                default: return false
                }
            default: return false
            }
        }
    }

    private mutating func add(_ value: Value, at path: String, isOfTheDay: (String) -> Bool) {
        func below(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }
        switch value {
        case .map(let members):
            leaves[path] = "object"
            for member in members { add(member.value, at: below(member.key), isOfTheDay: isOfTheDay) }
        // In any order: nobody said which.
        case .array(let ids) where path == "proc_ids": leaves[path] = "\(ids.compactMap(\.text).sorted())"
        case .array(let elements):
            let kinds = Set(elements.map(\.kind)).subtracting(["string"])
            if isOfTheDay(path), kinds.isEmpty {
                // Sets of signals, of whatever size.
                leaves[path] = "array of strings"
            } else {
                leaves[path] = "array of \(elements.count)"
                for (index, element) in elements.enumerated() {
                    add(element, at: below("\(index)"), isOfTheDay: isOfTheDay)
                }
            }
        default: leaves[path] = isOfTheDay(path) ? Self.kind(value) : "\(value)"
        }
    }

    private static func kind(_ value: Value) -> String {
        switch value {
        case .int, .uint: "whole number"
        case .double: "fraction"
        default: value.kind
        }
    }

    enum Change: String { case added, missing, changed }

    /// What is different here from a reference.
    func changes(from reference: MessageShape) -> [(path: String, change: Change, detail: String)] {
        let paths = Set(leaves.keys).union(reference.leaves.keys).sorted()
        return paths.compactMap { path in
            switch (reference.leaves[path], leaves[path]) {
            case (nil, let ours): (path, .added, ours ?? "")
            case (let theirs, nil): (path, .missing, theirs ?? "")
            case (let theirs, let ours): theirs == ours ? nil : (path, .changed, "\(theirs ?? "") → \(ours ?? "")")
            }
        }
    }
}
