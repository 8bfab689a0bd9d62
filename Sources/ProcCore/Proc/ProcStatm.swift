/// What `/proc/PID/statm` says of a process's memory, in pages; see proc_pid_statm(5).
package struct ProcStatm: Equatable, Sendable {
    package let size: UInt64
    package let resident: UInt64
    package let shared: UInt64
    package let text: UInt64
    package let data: UInt64

    /// Parses the file's bytes. Nil when they aren't what the kernel writes, or only a part of it.
    package init?(parsing bytes: Span<UInt8>) {
        do throws(ProcCursor.Malformed) {
            var cursor = ProcCursor(at: 0)
            size = try cursor.decimal(in: bytes)
            resident = try cursor.field(in: bytes)
            shared = try cursor.field(in: bytes)
            text = try cursor.field(in: bytes)
            try cursor.passFields(1, in: bytes)  // lib: always 0
            data = try cursor.field(in: bytes)
            try cursor.passFields(1, in: bytes)  // dt: always 0
            try cursor.endLine(in: bytes)
        } catch {
            return nil
        }
    }

    /// The result's `proc_statm`, in bytes.
    package func value(scale: SystemScale) -> Value {
        .map([
            Value.Member("size", .integer(scale.bytes(pages: size))),
            Value.Member("resident", .integer(scale.bytes(pages: resident))),
            Value.Member("shared", .integer(scale.bytes(pages: shared))),
            Value.Member("text", .integer(scale.bytes(pages: text))),
            Value.Member("data", .integer(scale.bytes(pages: data))),
        ])
    }
}
