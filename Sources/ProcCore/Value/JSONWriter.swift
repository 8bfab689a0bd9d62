/// Writes values as JSON (RFC 8259), a block at a time, so that a document of
/// any size takes little memory beyond the values themselves.
///
/// A document can be written at once, or as an object whose members come one
/// after the other: ``beginObject()``, then ``key(_:)`` and a value for each,
/// ``endObject()``. Nothing is written to the sink but full blocks before
/// ``finish()``; after an error of the sink, the writer is of no use.
///
/// Doubles that aren't finite become null, since JSON has no word for them.
package struct JSONWriter: ~Copyable {
    /// What a block holds unless told otherwise: enough that the cost of a write(2) doesn't matter.
    package static let defaultBlockSize = 256 << 10

    private var block: OutputBlock
    private let isPretty: Bool
    /// Objects and arrays that are open.
    private var depth = 0
    /// Whether the innermost of them is still empty.
    private var isEmpty = true

    /// - Parameters:
    ///   - pretty: One member or element a line, indented by two spaces.
    ///   - blockSize: Bytes that gather before `sink` is called.
    ///   - sink: Takes the text piece by piece; the bytes are lent for the call.
    package init(
        pretty: Bool = false, blockSize: Int = defaultBlockSize,
        sink: @escaping (UnsafeRawBufferPointer) throws -> Void
    ) {
        block = OutputBlock(capacity: blockSize, sink: sink)
        isPretty = pretty
    }

    /// The text of `value`, without a line feed at its end.
    package static func bytes(of value: Value, pretty: Bool = false) -> [UInt8] {
        var text: [UInt8] = []
        // Small, because most results are, and a fresh large block costs more than filling it.
        let blockSize = 8 << 10
        var writer = JSONWriter(pretty: pretty, blockSize: blockSize) {
            if text.isEmpty, $0.count > blockSize / 2 { text.reserveCapacity(contentCount(of: value)) }
            text.append(contentsOf: $0)
        }
        do {
            try writer.write(value)
            try writer.finish()
        } catch {
            preconditionFailure("a sink that doesn't throw has thrown: \(error)")
        }
        return text
    }

    /// Roughly the bytes that the strings in `value` take, with some escapes in captured text.
    private static func contentCount(of value: Value) -> Int {
        switch value {
        case .null, .bool, .int, .uint, .double: 0
        case .string(let text): text.utf8.count
        case .text(let bytes): bytes.count + bytes.count / 16
        case .binary(let bytes), .base64(let bytes): Base64.encodedCount(of: bytes.count)
        case .array(let elements): elements.reduce(0) { $0 + contentCount(of: $1) }
        case .map(let members): members.reduce(0) { $0 + $1.key.utf8.count + contentCount(of: $1.value) }
        }
    }

    /// Hands over what is left in the block. The document must be complete.
    package mutating func finish() throws {
        precondition(depth == 0, "finished inside an object")
        try block.flush()
    }

    /// Writes a line feed, which JSON allows between documents and at their end.
    package mutating func newline() throws {
        try block.reserve(1)
        block.put(UInt8(ascii: "\n"))
    }
}

// MARK: - Values

extension JSONWriter {
    /// Writes a whole value: the document, or the one that the last ``key(_:)`` names.
    package mutating func write(_ value: Value) throws {
        try block.reserve(32)
        switch value {
        case .null: block.put("null")
        case .bool(let flag): block.put(flag ? "true" : "false")
        case .int(let number):
            if number < 0 { block.put(UInt8(ascii: "-")) }
            block.put(decimal: number.magnitude)
        case .uint(let number): block.put(decimal: number)
        case .double(let number): try write(number)
        case .string(let string): try write(string)
        case .text(let bytes): try write(text: bytes)
        case .binary(let bytes), .base64(let bytes): try write(base64: bytes)
        case .array(let elements):
            try open(UInt8(ascii: "["))
            for element in elements {
                try separate()
                try write(element)
            }
            try close(UInt8(ascii: "]"))
        case .map(let members):
            try beginObject()
            for member in members {
                try key(member.key)
                try write(member.value)
            }
            try endObject()
        }
    }

    private mutating func write(_ number: Double) throws {
        guard number.isFinite else { return block.put("null") }
        // The commonest doubles are counters and times that are whole, often zero.
        if number > 0 || number.bitPattern == 0, let whole = UInt64(exactly: number), whole < 1 << 53 {
            block.put(decimal: whole)
            block.put(".0")
        } else {
            try write(verbatim: number.description)
        }
    }

    @inline(__always)
    private mutating func write(verbatim text: String) throws {
        try withBytes(of: text) { bytes, block in
            try block.reserve(bytes.count)
            block.put(bytes)
        }
    }

    @inline(__always)
    private mutating func write(_ string: String) throws {
        try withBytes(of: string) { bytes, block in
            try block.reserve(1)
            block.put(UInt8(ascii: "\""))
            try block.writeJSONCharacters(bytes, repairing: false)
            try block.reserve(1)
            block.put(UInt8(ascii: "\""))
        }
    }

    private mutating func write(text: [UInt8]) throws {
        block.put(UInt8(ascii: "\""))
        try text.withUnsafeBytes { try block.writeJSONCharacters($0, repairing: true) }
        try block.reserve(1)
        block.put(UInt8(ascii: "\""))
    }

    private mutating func write(base64 bytes: [UInt8]) throws {
        block.put(UInt8(ascii: "\""))
        try bytes.withUnsafeBytes { try block.writeBase64($0) }
        try block.reserve(1)
        block.put(UInt8(ascii: "\""))
    }

    /// Lends the string's UTF-8. Native strings have it at hand; others don't occur on Linux, but are copied.
    @inline(__always)
    private mutating func withBytes(
        of string: String, _ body: (UnsafeRawBufferPointer, inout OutputBlock) throws -> Void
    ) throws {
        let done: Void? = try string.utf8.withContiguousStorageIfAvailable {
            try body(UnsafeRawBufferPointer($0), &block)
        }
        if done == nil { try Array(string.utf8).withUnsafeBytes { try body($0, &block) } }
    }
}

// MARK: - Structure

extension JSONWriter {
    /// Starts an object, as the document or as the value of the last ``key(_:)``.
    package mutating func beginObject() throws { try open(UInt8(ascii: "{")) }

    /// Starts a member of the innermost object; its value must follow.
    package mutating func key(_ key: String) throws {
        precondition(depth > 0, "a key outside of an object")
        try separate()
        try write(key)
        try block.reserve(1)
        block.put(UInt8(ascii: ":"))
        if isPretty { try space(1) }
    }

    /// Ends the innermost object.
    package mutating func endObject() throws {
        precondition(depth > 0, "no object to end")
        try close(UInt8(ascii: "}"))
    }

    @inline(__always)
    private mutating func open(_ bracket: UInt8) throws {
        try block.reserve(1)
        block.put(bracket)
        depth += 1
        isEmpty = true
    }

    @inline(__always)
    private mutating func separate() throws {
        try block.reserve(1)
        if !isEmpty { block.put(UInt8(ascii: ",")) }
        isEmpty = false
        if isPretty { try startLine() }
    }

    @inline(__always)
    private mutating func close(_ bracket: UInt8) throws {
        depth -= 1
        if isPretty, !isEmpty { try startLine() }
        try block.reserve(1)
        block.put(bracket)
        isEmpty = false
    }

    private mutating func startLine() throws {
        try newline()
        try space(2 * depth)
    }

    private mutating func space(_ count: Int) throws {
        for _ in 0..<count {
            try block.reserve(1)
            block.put(UInt8(ascii: " "))
        }
    }
}
