/// Notices a key that an object or map holds twice, at little cost for the
/// usual handful of members and without growing quadratic for thousands.
///
/// Keys are the same when they are equal as Swift strings, that is by canonical
/// equivalence, because ``Value``'s lookup compares them so.
struct UniqueKeys {
    /// Above this many members, a set takes over from looking through them.
    private static let scanned = 24

    /// The marks of the keys so far; an ASCII key with a new mark is new, as long as all were ASCII.
    private var marks: UInt64 = 0
    private var allASCII = true
    private var set: Set<String> = []

    /// Whether `key` is new beside those of `members`, which have all been asked about here before.
    ///
    /// - Parameter spelling: The key's bytes, if they are at hand.
    @inline(__always)
    mutating func insert(
        _ key: String, spelling: UnsafeRawBufferPointer?, beside members: some Collection<Value.Member>
    ) -> Bool {
        let mark = spelling.flatMap(Self.mark) ?? 0
        let isNew = marks & mark == 0
        marks |= mark
        allASCII = allASCII && mark != 0
        if isNew, allASCII, members.count < Self.scanned { return true }
        return search(key, members)
    }

    @inline(never)
    private mutating func search(_ key: String, _ members: some Collection<Value.Member>) -> Bool {
        if members.count < Self.scanned { return !members.contains { $0.key == key } }
        if set.isEmpty {
            set.reserveCapacity(members.count * 2)
            for member in members { set.insert(member.key) }
        }
        return set.insert(key).inserted
    }

    /// One of 64 bits, from the length and the ends of an ASCII key; nil for others, which may equal a key of
    /// different bytes.
    @inline(__always)
    private static func mark(of key: UnsafeRawBufferPointer) -> UInt64? {
        let count = key.count
        var ends: UInt64 = 0
        if count >= 8 {
            ends = ByteLanes.load(key, at: count - 8)
            guard ends & ByteLanes.topBits == 0, ByteLanes.areASCII(key, before: count - 8) else { return nil }
            ends ^= ByteLanes.load(key, at: 0) &* 3
        } else {
            for byte in key { ends = ends << 8 | UInt64(byte) }
            guard ends & ByteLanes.topBits == 0 else { return nil }
        }
        return 1 << (((ends ^ UInt64(count)) &* 0x9e37_79b9_7f4a_7c15) >> 58)
    }
}
