/// Reads MessagePack values, one after the other, from bytes at hand.
///
/// All formats of the specification but extensions. Strictly: strings are
/// UTF-8, keys are strings, and none is repeated in a map. Lengths are
/// believed only as far as there are bytes to fill them.
package struct MessagePackReader {
    /// How deep arrays and maps may nest; see ``JSONReader/defaultDepthLimit``.
    package static let defaultDepthLimit = JSONReader.defaultDepthLimit

    private let bytes: [UInt8]
    private let depthLimit: Int
    private let valueLimit: Int
    /// Bytes read so far.
    package private(set) var offset = 0

    /// - Parameter valueLimit: How many elements of arrays and members of maps a value may hold in all.
    package init(_ bytes: [UInt8], depthLimit: Int = defaultDepthLimit, valueLimit: Int = .max) {
        self.bytes = bytes
        self.depthLimit = depthLimit
        self.valueLimit = valueLimit
    }

    /// The one value that `bytes` hold, with nothing after it.
    package static func read(
        _ bytes: [UInt8], depthLimit: Int = defaultDepthLimit, valueLimit: Int = .max
    ) throws(MessagePackError) -> Value {
        var reader = MessagePackReader(bytes, depthLimit: depthLimit, valueLimit: valueLimit)
        let value = try reader.next()
        guard reader.isAtEnd else {
            throw MessagePackError(reason: .trailingBytes(bytes.count - reader.offset), offset: reader.offset)
        }
        return value
    }

    /// Whether every byte has been read.
    package var isAtEnd: Bool { offset == bytes.count }

    /// Reads the value that starts at ``offset``, which stays where it is if that fails.
    package mutating func next() throws(MessagePackError) -> Value {
        let start = offset
        let (value, end) = try bytes.withUnsafeBufferPointer { (buffer) throws(MessagePackError) in
            var scanner = MessagePackScanner(
                bytes: UnsafeRawBufferPointer(buffer), offset: start, depthLimit: depthLimit,
                valueLimit: valueLimit)
            let value = try scanner.readValue(depth: 0)
            return (value, scanner.offset)
        }
        offset = end
        return value
    }
}
