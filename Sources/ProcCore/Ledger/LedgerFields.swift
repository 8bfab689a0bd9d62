/// The elements of an array that stands for a structure, taken one after the other.
///
/// Behind the last there are nulls, and whoever has all that it knows leaves the rest: so what a later version has added
/// is no obstacle to an earlier one, nor the other way round where it may be missing.
struct LedgerFields {
    private let elements: [Value]
    private var position = 0

    init(_ value: Value) throws(SpecError) {
        guard case .array(let elements) = value else { throw value.isNot("an array") }
        self.elements = elements
    }

    mutating func read<T>(_ decode: (Value) throws(SpecError) -> T) throws(SpecError) -> T {
        defer { position += 1 }
        let value = position < elements.count ? elements[position] : .null
        return try below(.index(position)) { () throws(SpecError) in try decode(value) }
    }

    mutating func readNullable<T>(_ decode: (Value) throws(SpecError) -> T) throws(SpecError) -> T? {
        try read { value throws(SpecError) in value == .null ? nil : try decode(value) }
    }

    mutating func string() throws(SpecError) -> String {
        try read { value throws(SpecError) in try value.string() }
    }

    mutating func bool() throws(SpecError) -> Bool {
        try read { value throws(SpecError) in
            guard case .bool(let flag) = value else { throw value.isNot("true or false") }
            return flag
        }
    }

    mutating func choice<Choice>(_: Choice.Type = Choice.self) throws(SpecError) -> Choice
    where Choice: RawRepresentable<String>, Choice: CaseIterable {
        try read { value throws(SpecError) in try value.choice(Choice.self) }
    }

    mutating func number<Number: FixedWidthInteger>(_: Number.Type = Number.self) throws(SpecError) -> Number {
        try read { value throws(SpecError) in try value.number() }
    }

    /// One that can't be negative, in a type that could.
    mutating func count<Number: FixedWidthInteger & SignedInteger>(
        _: Number.Type = Number.self
    ) throws(SpecError) -> Number {
        try read { value throws(SpecError) in
            let number = try value.number(Number.self)
            guard number >= 0 else { throw value.isNot("a number from 0 up") }
            return number
        }
    }
}

extension Value {
    func number<Number: FixedWidthInteger>(_: Number.Type = Number.self) throws(SpecError) -> Number {
        let number: Number? =
            switch self {
            case .int(let number): Number(exactly: number)
            case .uint(let number): Number(exactly: number)
            case .null, .bool, .double, .string, .binary, .array, .map, .text, .base64: nil
            }
        guard let number else {
            throw isNot("a number of \(Number.isSigned ? "" : "un")signed \(Number.bitWidth) bits")
        }
        return number
    }
}
