/// A version of a document, by a name that the server gave it (RFC 9110, section 8.8.3).
package struct EntityTag: Hashable, Sendable {
    /// Between the quotes.
    package let name: String
    /// Its documents mean the same, but their bytes may differ.
    package let isWeak: Bool

    /// - Parameter name: Of printable ASCII without quotes.
    package init(_ name: String, isWeak: Bool = false) {
        precondition(name.utf8.allSatisfy(Self.isPart), "an entity tag with something in it that can't be")
        self.name = name
        self.isWeak = isWeak
    }

    /// Parses `"name"` or `W/"name"`, and nothing besides.
    package init?(parsing text: String) {
        guard let (tag, rest) = Self.read(Array(text.utf8)[...].trimmed), rest.isEmpty else { return nil }
        self = tag
    }

    /// The same bytes.
    package func isSame(as other: EntityTag) -> Bool { !isWeak && !other.isWeak && name == other.name }

    /// Whether a part may be sent, by the value of `If-Range`: what the client has is a part of the same bytes. There
    /// are no dates that we would answer for, so one never holds, and the client gets the whole document.
    package static func ifRangeHolds(_ field: String?, for current: EntityTag?) -> Bool {
        guard let field else { return true }
        guard let current, let tag = EntityTag(parsing: field) else { return false }
        return tag.isSame(as: current)
    }

    fileprivate static func isPart(_ byte: UInt8) -> Bool { byte == 0x21 || (0x23...0x7e).contains(byte) }

    /// The tag at the front, and what comes behind it.
    fileprivate static func read(_ text: ArraySlice<UInt8>) -> (EntityTag, ArraySlice<UInt8>)? {
        let isWeak = text.starts(with: "W/".utf8)
        let quoted = isWeak ? text.dropFirst(2) : text
        guard quoted.first == UInt8(ascii: "\"") else { return nil }
        let inner = quoted.dropFirst()
        guard let end = inner.firstIndex(of: UInt8(ascii: "\"")), inner[..<end].allSatisfy(isPart) else { return nil }
        return (EntityTag(String(decoding: inner[..<end], as: UTF8.self), isWeak: isWeak), inner[(end + 1)...])
    }
}

extension EntityTag: CustomStringConvertible {
    /// As the `ETag` field has it.
    package var description: String { "\(isWeak ? "W/" : "")\"\(name)\"" }
}

/// The versions that `If-Match` or `If-None-Match` name (RFC 9110, section 13.1).
package enum EntityTagList: Equatable, Sendable {
    /// `*`
    case any
    case these([EntityTag])

    /// Nil for what is no such list: the field is to be ignored.
    package init?(parsing text: String) {
        var rest = Array(text.utf8)[...].trimmed
        if rest.elementsEqual("*".utf8) {
            self = .any
            return
        }
        var tags: [EntityTag] = []
        while !rest.isEmpty {
            if rest.first != UInt8(ascii: ",") {
                guard let (tag, behind) = EntityTag.read(rest) else { return nil }
                tags.append(tag)
                rest = behind.trimmed
                guard rest.isEmpty || rest.first == UInt8(ascii: ",") else { return nil }
            }
            rest = rest.dropFirst().trimmed
        }
        guard !tags.isEmpty else { return nil }
        self = .these(tags)
    }

    /// Whether a document of that version is among them, for `If-None-Match`: what means the same need not be sent.
    package func includes(_ tag: EntityTag) -> Bool {
        switch self {
        case .any: true
        case .these(let tags): tags.contains { $0.name == tag.name }
        }
    }

    /// The same for `If-Match`, where the bytes count.
    package func includesExactly(_ tag: EntityTag) -> Bool {
        switch self {
        case .any: true
        case .these(let tags): tags.contains { $0.isSame(as: tag) }
        }
    }
}
