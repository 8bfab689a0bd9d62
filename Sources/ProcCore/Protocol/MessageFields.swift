/// A map of which some keys are known, and the others somebody else's.
struct MessageFields {
    private let document: Value

    init(_ document: Value) { self.document = document }

    /// What stands under `key`, read by `decode`; nil when the key is left out or null.
    func readNullable<T>(_ key: String, _ decode: (Value) throws(SpecError) -> T) throws(SpecError) -> T? {
        guard let value = document[key], value != .null else { return nil }
        return try below(.key(key)) { () throws(SpecError) in try decode(value) }
    }

    /// Like ``readNullable(_:_:)``, for keys without a default; null is then as wrong as any other value.
    func require<T>(_ key: String, _ decode: (Value) throws(SpecError) -> T) throws(SpecError) -> T {
        guard let value = document[key] else { throw SpecError("\(Quoted.text(key)) is missing") }
        return try below(.key(key)) { () throws(SpecError) in try decode(value) }
    }

    func procID() throws(SpecError) -> String {
        try require("proc_id") { value throws(SpecError) in try value.string() }
    }

    func fd() throws(SpecError) -> FdName {
        try require("fd") { value throws(SpecError) in try FdName(parsing: try value.string()) }
    }
}
