import Glibc
import ProcCore
import Testing

/// Messages that the reference agent and a server really exchanged, raw and decoded.
@Suite struct WireReferenceTests {
    struct UnreadableFixture: Error {}

    struct Message {
        let name: String
        let decoded: Value
        let bytes: [UInt8]
    }

    static func messages(file: String = #filePath) throws -> [Message] {
        let folder = file.split(separator: "/").dropLast(2).joined(separator: "/")
        let document = try JSONReader.read(try contents(of: "/\(folder)/Fixtures/wire-reference.json"))
        guard case .array(let entries) = document else { throw UnreadableFixture() }
        return try entries.enumerated().compactMap { index, entry in
            // Some entries only note that nothing was sent.
            if entry["note"] != nil { return nil }
            guard case .string(let name) = entry["case"], case .string(let hexadecimal) = entry["hex"],
                let message = entry["msg"]
            else { throw UnreadableFixture() }
            return Message(name: "\(index) \(name)", decoded: try revived(message), bytes: try bytes(of: hexadecimal))
        }
    }

    @Test func everyMessageDecodesToWhatWasRecorded() throws {
        let messages = try Self.messages()
        #expect(messages.count == 74)
        for message in messages {
            #expect(try MessagePackReader.read(message.bytes) == message.decoded, "\(message.name)")
        }
    }

    @Test func everyMessageEncodesToTheSameBytes() throws {
        for message in try Self.messages() {
            #expect(MessagePackWriter.bytes(of: message.decoded) == message.bytes, "\(message.name)")
        }
    }

    @Test func everyPrefixOfAMessageIsTruncated() throws {
        for message in try Self.messages().prefix(4) {
            for cut in 0..<message.bytes.count {
                let error = #expect(throws: MessagePackError.self) {
                    try MessagePackReader.read(Array(message.bytes[..<cut]))
                }
                guard case .truncated = error?.reason else {
                    Issue.record("\(message.name), \(cut) bytes: \(String(describing: error))")
                    continue
                }
            }
        }
    }

    /// Turns `{"$bytes": base64}` back into the binary that it stands for.
    private static func revived(_ value: Value) throws -> Value {
        switch value {
        case .array(let elements): return .array(try elements.map(revived))
        case .map(let members):
            if members.count == 1, case .string(let text) = value["$bytes"] {
                return .binary(try decoded(base64: text))
            }
            return .map(try members.map { Value.Member($0.key, try revived($0.value)) })
        case .null, .bool, .int, .uint, .double, .string, .binary, .text, .base64: return value
        }
    }

    private static func decoded(base64 text: String) throws -> [UInt8] {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var bytes: [UInt8] = []
        var bits = 0
        var count = 0
        for character in text.utf8 where character != UInt8(ascii: "=") {
            guard let sextet = alphabet.firstIndex(of: character) else { throw UnreadableFixture() }
            bits = bits << 6 | sextet
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> count))
            }
        }
        return bytes
    }

    private static func bytes(of hexadecimal: String) throws -> [UInt8] {
        let digits = Array(hexadecimal)
        return try stride(from: 0, to: digits.count, by: 2).map {
            guard let byte = UInt8(String(digits[$0...($0 + 1)]), radix: 16) else { throw UnreadableFixture() }
            return byte
        }
    }

    private static func contents(of path: String) throws -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw SystemError.last("open", on: path) }
        defer { close(file) }
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(file, &block, block.count)
            guard count >= 0 else { throw SystemError.last("read", on: path) }
            if count == 0 { return bytes }
            bytes += block[..<count]
        }
    }
}
