/// What children can inherit: procstar's own environment, less its secrets, looked through once.
package struct ChildEnvironment: Sendable {
    /// What no child inherits, whatever its spec says: procstar's access token, and where that, its certificate, its key
    /// and its state are found. A path is no secret, but nor is it a child's business.
    ///
    /// `CREDENTIALS_DIRECTORY` isn't among them: a systemd unit may have credentials that are meant for its processes.
    private static let secrets: Set<[UInt8]> = [
        Array("PROCSTAR_AGENT_CERT".utf8), Array("PROCSTAR_AGENT_KEY".utf8), Array("PROCSTAR_AGENT_TOKEN".utf8),
        Array("PROCSTAR_AGENT_TOKEN_FILE".utf8), Array("PROCSTAR_STATE_DIR".utf8),
    ]

    /// The whole of it, shared by all processes that inherit it as it is.
    private let everything: CStringBlock
    /// Where the entries of each name stand; several when a name is there more than once.
    private let places: [[UInt8]: [Int]]

    /// - Parameter inherited: The entries of environ(7). Nobody guarantees that they are UTF-8, hold a `=`, or differ
    ///   in name; they are passed on as they are.
    package init(inherited: [[UInt8]]) {
        var everything = CStringBlock()
        var places: [[UInt8]: [Int]] = [:]
        for entry in inherited {
            if let name = Self.name(of: entry[...]).map({ Array($0) }) {
                if Self.secrets.contains(name) { continue }
                places[name, default: []].append(everything.count)
            }
            everything.append(entry)
        }
        self.everything = everything
        self.places = places
    }

    /// The environment of a process: what it inherits, in the order of procstar's own, then its spec's `vars`.
    ///
    /// A variable that replaces an inherited one takes its place (the first, when there are several, and the others
    /// are dropped). The names in `vars` have passed ``LaunchCheck``.
    package func block(for spec: EnvironmentSpec) -> CStringBlock {
        if spec.inherit == .all && spec.vars.isEmpty { return everything }
        var selection = Selection(spec.inherit, everything.count, places)
        for variable in spec.vars { selection.apply(variable, at: places[Array(variable.name.utf8)] ?? []) }

        var block = CStringBlock()
        block.reserve(everything.count + spec.vars.count, bytes: 0)
        for (index, fate) in selection.fates.enumerated() {
            switch fate {
            case .dropped: break
            case .kept: block.append(everything[index])
            case .replaced(let entry): block.append(entry)
            }
        }
        for entry in selection.added { block.append(entry) }
        return block
    }

    /// The names and values of a block, as results show them: repaired where they are not UTF-8, and of several
    /// entries with one name only the first, which is the one that getenv(3) finds.
    package static func pairs(_ block: CStringBlock) -> [(name: String, value: String)] {
        var seen: Set<[UInt8]> = []
        var pairs: [(name: String, value: String)] = []
        for index in 0..<block.count {
            let entry = block[index]
            let name = name(of: entry) ?? entry
            let text = String(decoding: name, as: UTF8.self)
            // Compared after the repair: names that look the same can't be two keys of one object.
            guard seen.insert(Array(text.utf8)).inserted else { continue }
            pairs.append((text, String(decoding: entry.dropFirst(name.count + 1), as: UTF8.self)))
        }
        return pairs
    }

    /// What stands before the first `=`; nil when there is none.
    private static func name(of entry: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        entry.firstIndex(of: UInt8(ascii: "=")).map { entry[..<$0] }
    }

    /// What becomes of each inherited entry, and what is added.
    private struct Selection {
        enum Fate {
            case dropped
            case kept
            case replaced([UInt8])
        }

        private(set) var fates: [Fate]
        private(set) var added: [[UInt8]] = []

        init(_ inherit: EnvironmentSpec.Inheritance, _ count: Int, _ places: [[UInt8]: [Int]]) {
            switch inherit {
            case .all:
                fates = Array(repeating: .kept, count: count)
            case .none:
                fates = Array(repeating: .dropped, count: count)
            case .only(let names):
                fates = Array(repeating: .dropped, count: count)
                for name in names {
                    for place in places[Array(name.utf8)] ?? [] { fates[place] = .kept }
                }
            }
        }

        mutating func apply(_ variable: EnvironmentSpec.Variable, at places: [Int]) {
            var entry = variable.value.map { Array("\(variable.name)=\($0)".utf8) }
            for place in places {
                guard case .kept = fates[place] else { continue }
                fates[place] = entry.map { .replaced($0) } ?? .dropped
                entry = nil
            }
            if let entry { added.append(entry) }
        }
    }
}
