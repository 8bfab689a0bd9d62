/// What can still be said of a message that can't be understood: enough for a client to tell which it was.
enum MessageSalvage {
    /// Whether a client can tell whose message this is: clients look for `proc_id`, or the keys of `specs`.
    static func isRoutable(_ document: Value) -> Bool {
        if case .string? = document["proc_id"] { return true }
        if case .map(let specs)? = document["specs"] { return !specs.isEmpty }
        return false
    }

    /// What there is to send back of `bytes`, which aren't MessagePack as we read it; nil when that is no use.
    ///
    /// Not the bytes themselves: what we can't read may well be more than the peer's reader takes, such as 100,000
    /// arrays in one another. Instead, each field that can be read, and null for any other; of the processes in
    /// `specs`, too. Behind what isn't even well-formed there is nothing to be found.
    static func echo(of bytes: [UInt8], valueLimit: Int) -> Value? {
        let document = bytes.withUnsafeBytes { buffer in
            var scanner = MessagePackScanner(
                bytes: buffer, offset: 0, depthLimit: ReceivedMessage.depthLimit, valueLimit: valueLimit)
            return members(at: &scanner, depth: 1, opening: ["specs"]).members.map { Value.map($0) }
        }
        return document.flatMap { isRoutable($0) ? $0 : nil }
    }

    /// The members of the map that begins here, as far as they can be made out; nil if it isn't one.
    ///
    /// - Parameters:
    ///   - depth: In how many maps its members are.
    ///   - opened: Keys of maps that are looked into where they can't be read as a whole.
    /// - Returns: Also whether the scanner has come to the end of the map.
    private static func members(
        at scanner: inout MessagePackScanner, depth: Int, opening opened: [String]
    ) -> (members: [Value.Member]?, isComplete: Bool) {
        guard let count = try? scanner.enterMap() else { return (nil, false) }
        var members: [Value.Member] = []
        var known: Set<String> = []
        for _ in 0..<count {
            let start = scanner.offset
            guard let key = key(at: &scanner) else {
                // Not a string, or not UTF-8: left out, with what belongs to it.
                scanner.offset = start
                guard skip(at: &scanner), skip(at: &scanner) else { return (members, false) }
                continue
            }
            let (value, isComplete) = value(at: &scanner, depth: depth, opening: opened.contains(key))
            // A second field of a name can't be sent in one map with the first.
            if known.insert(key).inserted { members.append(Value.Member(key, value)) }
            if !isComplete { return (members, false) }
        }
        return (members, true)
    }

    private static func value(
        at scanner: inout MessagePackScanner, depth: Int, opening isOpened: Bool
    ) -> (value: Value, isComplete: Bool) {
        let start = scanner.offset
        if let value = try? scanner.readValue(depth: depth) { return (value, true) }
        scanner.offset = start
        if isOpened {
            let (members, isComplete) = members(at: &scanner, depth: depth + 1, opening: [])
            if let members { return (.map(members), isComplete) }
        }
        scanner.offset = start
        return (.null, skip(at: &scanner))
    }

    private static func key(at scanner: inout MessagePackScanner) -> String? { try? scanner.readKey().text }

    /// Whether the value here is well-formed, so that the scanner is behind it now.
    private static func skip(at scanner: inout MessagePackScanner) -> Bool { (try? scanner.skipValue()) != nil }
}
