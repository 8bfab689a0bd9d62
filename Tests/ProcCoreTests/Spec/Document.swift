import ProcCore

/// A document written as a Swift literal, in the order it is written.
struct Document: Sendable {
    // Written out, since the members of a dictionary literal have a type of that name too.
    let value: ProcCore.Value

    init(_ value: ProcCore.Value) { self.value = value }

    /// An array without elements, which the compiler would rather take for a dictionary.
    static let emptyArray = Document(.array([]))
}

extension Document: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByStringLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    init(nilLiteral: ()) { self.init(.null) }
    init(booleanLiteral value: Bool) { self.init(.bool(value)) }
    init(integerLiteral value: Int64) { self.init(.int(value)) }
    init(floatLiteral value: Double) { self.init(.double(value)) }
    init(stringLiteral value: String) { self.init(.string(value)) }
    init(arrayLiteral elements: Document...) { self.init(.array(elements.map(\.value))) }
    init(dictionaryLiteral members: (String, Document)...) {
        self.init(.map(members.map { ProcCore.Value.Member($0.0, $0.1.value) }))
    }
}

/// The text of the error that `body` throws; nil when it throws none.
func text(of body: () throws -> Void) -> String? {
    do {
        try body()
        return nil
    } catch {
        return "\(error)"
    }
}
