internal import Glibc
package import ProcCore

extension SystemScale {
    /// This system's, with the clocks as they stand now. Take it once: the wall clock may be set later, and a process's
    /// start time would seem to move.
    package static var current: SystemScale {
        SystemScale(
            ticksPerSecond: UInt64(max(sysconf(CInt(_SC_CLK_TCK)), 1)),
            pageSize: UInt64(max(sysconf(CInt(_SC_PAGESIZE)), 1)), bootTime: .boot)
    }
}
