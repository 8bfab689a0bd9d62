/// Reading one value as what a spec needs there. The errors say what was found and what would do.
extension Value {
    /// The problem that this value is not `wanted`, such as `a string`.
    func isNot(_ wanted: String) -> SpecError { SpecError("\(Quoted.value(self)) is not \(wanted)") }

    /// The same for what may be secret: errors go into logs, so it is named by its kind.
    func isNotConcealed(_ wanted: String) -> SpecError { SpecError("\(Quoted.kind(self)) is not \(wanted)") }

    func string() throws(SpecError) -> String {
        guard case .string(let string) = self else { throw isNot("a string") }
        return string
    }

    func bool() throws(SpecError) -> Bool {
        guard case .bool(let bool) = self else { throw isNot("true or false") }
        return bool
    }

    /// An integer within `range`; `wanted` names it in the error.
    func integer(_ range: ClosedRange<Int64>, _ wanted: String) throws(SpecError) -> Int64 {
        guard case .int(let number) = self, range.contains(number) else { throw isNot(wanted) }
        return number
    }

    /// An integer from 0 to the end of 64 bits.
    func unsigned() throws(SpecError) -> UInt64 {
        switch self {
        case .int(let number) where number >= 0: return UInt64(number)
        case .uint(let number): return number
        case .null, .bool, .int, .double, .string, .binary, .array, .map, .text, .base64:
            throw isNot("a whole number from 0 up")
        }
    }

    /// A number of seconds; `wanted` names it in the error.
    func seconds(zeroAllowed: Bool, _ wanted: String) throws(SpecError) -> Interval {
        let seconds: Double
        switch self {
        case .int(let number): seconds = Double(number)
        case .uint(let number): seconds = Double(number)
        case .double(let number): seconds = number
        case .null, .bool, .string, .binary, .array, .map, .text, .base64: throw isNot(wanted)
        }
        guard seconds > 0 || (zeroAllowed && seconds == 0) else { throw isNot(wanted) }
        guard let interval = Interval(seconds: seconds) else { throw isNot("\(wanted), at most 500 years") }
        // Below a nanosecond there is no time left to count, but it was not zero that was asked for.
        return seconds > 0 && interval == .zero ? Interval(nanoseconds: 1) : interval
    }

    func absolutePath() throws(SpecError) -> String {
        let path = try string()
        guard path.utf8.first == UInt8(ascii: "/") else { throw isNot("an absolute path") }
        return path
    }

    /// One of the words that a `Choice` knows.
    func choice<Choice>(_: Choice.Type) throws(SpecError) -> Choice
    where Choice: RawRepresentable<String>, Choice: CaseIterable {
        guard case .string(let word) = self, let choice = Choice(rawValue: word) else {
            throw isNot("one of \(Quoted.list(Choice.allCases.map(\.rawValue)))")
        }
        return choice
    }

    /// The elements of an array, each read by `element`.
    func elements<T>(_ wanted: String, _ element: (Value) throws(SpecError) -> T) throws(SpecError) -> [T] {
        guard case .array(let values) = self else { throw isNot(wanted) }
        var result: [T] = []
        result.reserveCapacity(values.count)
        for (index, value) in values.enumerated() {
            result.append(try below(.index(index)) { () throws(SpecError) in try element(value) })
        }
        return result
    }

    /// The members of an object, each value read by `element`.
    func members<T>(_ element: (String, Value) throws(SpecError) -> T) throws(SpecError) -> [T] {
        guard case .map(let members) = self else { throw isNot("an object") }
        var result: [T] = []
        result.reserveCapacity(members.count)
        for member in members {
            result.append(
                try below(.key(member.key)) { () throws(SpecError) in try element(member.key, member.value) })
        }
        return result
    }
}
