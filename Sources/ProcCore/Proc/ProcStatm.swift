/// A process's memory as `/proc/PID/statm` has it, in bytes; see proc_pid_statm(5). All zero once it has ended.
///
/// Read from `/proc/PID/status`, which says the same in other words: each file that is opened for a new process takes
/// longer than all that is made of it.
package struct ProcStatm: Equatable, Sendable {
    package internal(set) var size: UInt64 = 0
    package internal(set) var resident: UInt64 = 0
    package internal(set) var shared: UInt64 = 0
    package internal(set) var text: UInt64 = 0
    package internal(set) var data: UInt64 = 0

    package init() {}

    /// The result's `proc_statm`.
    package var value: Value {
        .map([
            Value.Member("size", .integer(size)),
            Value.Member("resident", .integer(resident)),
            Value.Member("shared", .integer(shared)),
            Value.Member("text", .integer(text)),
            Value.Member("data", .integer(data)),
        ])
    }
}
