/// An object of which every key is known, read by key.
struct SpecFields {
    private let members: [Value.Member]

    /// Refuses what is no object, and a key that isn't among `keys`.
    init(_ value: Value, keys: [String]) throws(SpecError) {
        guard case .map(let members) = value else {
            throw value.isNot("an object with keys among \(Quoted.list(keys))")
        }
        for member in members where !keys.contains(member.key) {
            throw SpecError("unknown key \(Quoted.text(member.key)); known are \(Quoted.list(keys))")
        }
        self.members = members
    }

    /// What stands under `key`, read by `decode`; nil when the key is left out.
    func read<T>(_ key: String, _ decode: (Value) throws(SpecError) -> T) throws(SpecError) -> T? {
        guard let member = members.first(where: { $0.key == key }) else { return nil }
        return try below(.key(key)) { () throws(SpecError) in try decode(member.value) }
    }

    /// Like ``read(_:_:)``, for keys under which null means the same as leaving them out.
    func readNullable<T>(_ key: String, _ decode: (Value) throws(SpecError) -> T) throws(SpecError) -> T? {
        guard let member = members.first(where: { $0.key == key }), member.value != .null else { return nil }
        return try below(.key(key)) { () throws(SpecError) in try decode(member.value) }
    }

    /// Like ``read(_:_:)``, for keys without a default.
    func require<T>(_ key: String, _ decode: (Value) throws(SpecError) -> T) throws(SpecError) -> T {
        guard let value = try read(key, decode) else { throw SpecError("\(Quoted.text(key)) is missing") }
        return value
    }

    /// A truth value; nil when the key is left out.
    func bool(_ key: String) throws(SpecError) -> Bool? {
        try read(key) { value throws(SpecError) in try value.bool() }
    }

    /// One of the words of `Choice`; nil when the key is left out.
    func choice<Choice>(_ key: String) throws(SpecError) -> Choice?
    where Choice: RawRepresentable<String>, Choice: CaseIterable {
        try read(key) { value throws(SpecError) in try value.choice(Choice.self) }
    }
}
