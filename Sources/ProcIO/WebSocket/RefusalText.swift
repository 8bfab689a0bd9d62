/// What a server says for people when it answers with another status than 101: the first line of the body.
enum RefusalText {
    /// At most this much is passed on.
    private static let limit = 200

    /// Nil unless it is a line of text, or the part of one that has come.
    static func text(_ head: HTTPHead, _ body: ArraySlice<UInt8>) -> String? {
        guard isText(head) else { return nil }
        let line = body.prefix(expected(head) ?? limit).prefix(limit).prefix { !isLineEnd($0) }
        guard !line.isEmpty, line.first != UInt8(ascii: "<"), line.allSatisfy({ (0x20..<0x7f).contains($0) }) else {
            return nil
        }
        return String(decoding: line, as: UTF8.self)
    }

    /// Whether there is nothing to wait for. Where the server doesn't say how much will come, it is what came at once.
    static func isComplete(_ head: HTTPHead, _ body: ArraySlice<UInt8>) -> Bool {
        guard isText(head), let expected = expected(head) else { return true }
        return body.count >= min(expected, limit) || body.contains(where: isLineEnd)
    }

    /// A body in chunks is none to look at as it is, nor one of another type than text.
    private static func isText(_ head: HTTPHead) -> Bool {
        let type = head.value(of: "content-type")
        return head.value(of: "transfer-encoding") == nil && head.value(of: "content-encoding") == nil
            && (type == nil || type?.lowercased().hasPrefix("text/plain") == true)
    }

    private static func expected(_ head: HTTPHead) -> Int? {
        head.value(of: "content-length").flatMap { Int($0) }.map { max($0, 0) }
    }

    private static func isLineEnd(_ byte: UInt8) -> Bool { byte == 0x0a || byte == 0x0d }
}
