package import ProcCore
import TestSupport

// So that messages in tests read as they are: `["type": "ProcResultRequest", "proc_id": "a"]`. Without one for nil,
// which would change what a comparison of optional values means.
extension Value: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    package init(stringLiteral text: String) { self = .string(text) }
    package init(integerLiteral number: Int64) { self = .int(number) }
    package init(floatLiteral number: Double) { self = .double(number) }
    package init(booleanLiteral flag: Bool) { self = .bool(flag) }
    package init(arrayLiteral elements: Value...) { self = .array(elements) }
    package init(dictionaryLiteral members: (String, Value)...) { self = .map(members.map { Member($0, $1) }) }
}

extension Value {
    var bytes: [UInt8]? { if case .binary(let bytes) = self { bytes } else { nil } }
    var type: String? { self["type"]?.text }
    var procID: String? { self["proc_id"]?.text }

    /// The keys of a map, whatever their order.
    var keySet: Set<String>? { keys.map(Set.init) }

    /// A map with one more member, or a changed one.
    func with(_ key: String, _ value: Value) -> Value {
        guard case .map(let members) = self else { return self }
        return .map(members.filter { $0.key != key } + [Member(key, value)])
    }

    func without(_ key: String) -> Value {
        guard case .map(let members) = self else { return self }
        return .map(members.filter { $0.key != key })
    }

    /// Specs from their JSON texts, in order.
    static func specs(_ processes: [(String, String)]) throws -> Value {
        try JSONReader.read(Array(SpecText.specs(processes).utf8))
    }
}
