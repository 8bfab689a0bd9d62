internal import CLinux
package import ProcCore

extension Instant {
    /// CLOCK_MONOTONIC, read now.
    package static var now: Instant { Instant(nanoseconds: UInt64(clinux_clock_ns(CLOCK_MONOTONIC))) }
}

extension WallTime {
    /// CLOCK_REALTIME, read now.
    package static var now: WallTime { WallTime(nanoseconds: clinux_clock_ns(CLOCK_REALTIME)) }

    /// When the machine was started, by the clocks as they stand now.
    package static var boot: WallTime {
        WallTime(nanoseconds: clinux_clock_ns(CLOCK_REALTIME) - clinux_clock_ns(CLOCK_BOOTTIME))
    }
}
