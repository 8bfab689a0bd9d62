/// The part of an fd's output that a client asks for.
///
/// Its bounds count bytes from the beginning of what was written. A negative start counts from the present end, as far
/// back as there is anything. Stop never counts from the end, so it can't be negative.
package struct OutputRange: Equatable, Sendable {
    package let start: Int64
    /// Nil for the end.
    package let stop: UInt64?

    /// MessagePack's binary ends at 4 GiB, and a client must hold an answer as a whole.
    package static let largestAnswer: UInt64 = 1 << 30

    /// Refuses a stop before the start, as far as that can be told without the length.
    package init(start: Int64, stop: UInt64?) throws(SpecError) {
        if start >= 0, let stop, stop < UInt64(start) { throw Self.backwards(from: UInt64(start), to: stop) }
        self.start = start
        self.stop = stop
    }

    init(_ fields: MessageFields) throws(SpecError) {
        try self.init(
            start: try fields.require("start") { value throws(SpecError) in
                try value.integer(.min ... .max, "a whole number of 64 bits")
            },
            stop: try fields.readNullable("stop") { value throws(SpecError) in
                guard let stop = try? value.unsigned() else { throw value.isNot("a whole number from 0 up, or null") }
                return stop
            })
    }

    /// What the answer holds when `length` bytes have been written: its `start` and `stop`.
    ///
    /// Start is the one asked for, even beyond the end, where nothing follows it. Stop falls short of what was asked
    /// for at the end of the output, and after ``largestAnswer`` bytes. A negative start that turns out to be behind
    /// the stop makes the range backwards.
    package func resolved(length: UInt64) throws(SpecError) -> Range<UInt64> {
        let start = start >= 0 ? UInt64(start) : length - min(length, start.magnitude)
        if let stop, stop < start { throw Self.backwards(from: start, to: stop) }
        let available = min(stop ?? length, length)
        guard available > start else { return start..<start }
        return start..<(start + min(available - start, Self.largestAnswer))
    }

    private static func backwards(from start: UInt64, to stop: UInt64) -> SpecError {
        SpecError.verbatim("backwards range: \(start) to \(stop)")
    }
}
