/// How a process ended, as wait4(2) reports it.
package struct WaitStatus: Equatable, Sendable {
    /// The status as the kernel gives it; wait(2) lists the macros that take it apart.
    package let raw: CInt

    package init(raw: CInt) { self.raw = raw }

    /// What clients expect of a process that was never started: as if it had exited with 63.
    package static let notStarted = WaitStatus(raw: 63 << 8)

    /// From 0 to 255; nil unless it exited by itself (WIFEXITED).
    package var exitCode: CInt? { raw & 0x7f == 0 ? raw >> 8 & 0xff : nil }

    /// The signal that ended it; nil unless one did (WIFSIGNALED: 0x7f is a stop, which is no end).
    package var signal: Signal? { raw & 0x7f == 0x7f ? nil : Signal(raw & 0x7f) }

    /// Whether the kernel dumped its core.
    package var dumpedCore: Bool { signal != nil && raw & 0x80 != 0 }

    /// The result's `status`.
    package var value: Value {
        let signal = signal
        return .map([
            Value.Member("status", .int(Int64(raw))),
            Value.Member("exit_code", exitCode.map { .int(Int64($0)) } ?? .null),
            Value.Member("signum", signal.map { .int(Int64($0.number)) } ?? .null),
            Value.Member("signal", signal.map { .string($0.name) } ?? .null),
            Value.Member("core_dump", .bool(dumpedCore)),
        ])
    }
}
