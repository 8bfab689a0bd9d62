/// What the numbers of `/proc` are counted in on this system.
package struct SystemScale: Equatable, Sendable {
    /// `sysconf(_SC_CLK_TCK)`.
    package let ticksPerSecond: UInt64
    /// `sysconf(_SC_PAGESIZE)`, in bytes.
    package let pageSize: UInt64
    /// CLOCK_REALTIME less CLOCK_BOOTTIME: the kernel counts the start of a process by the latter, which goes on
    /// while the machine sleeps.
    package let bootTime: WallTime

    package init(ticksPerSecond: UInt64, pageSize: UInt64, bootTime: WallTime) {
        precondition(ticksPerSecond > 0 && ticksPerSecond <= 1_000_000_000, "no clock ticks so often")
        self.ticksPerSecond = ticksPerSecond
        self.pageSize = pageSize
        self.bootTime = bootTime
    }

    func seconds(ticks: UInt64) -> Double { Double(ticks) / Double(ticksPerSecond) }

    func seconds(ticks: Int64) -> Double { Double(ticks) / Double(ticksPerSecond) }

    /// Saturates, so that no number read from outside can stop us.
    func bytes(pages: UInt64) -> UInt64 {
        let (bytes, overflow) = pages.multipliedReportingOverflow(by: pageSize)
        return overflow ? .max : bytes
    }

    /// The instant at which a process was started; saturates at the end of time.
    package func time(ticksAfterBoot ticks: UInt64) -> WallTime {
        let (seconds, rest) = ticks.quotientAndRemainder(dividingBy: ticksPerSecond)
        let (nanoseconds, tooLarge) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, stillTooLarge) = nanoseconds.addingReportingOverflow(rest * 1_000_000_000 / ticksPerSecond)
        guard !tooLarge, !stillTooLarge, let sinceBoot = Int64(exactly: sum) else { return WallTime(nanoseconds: .max) }
        let (time, beyond) = bootTime.nanoseconds.addingReportingOverflow(sinceBoot)
        return WallTime(nanoseconds: beyond ? .max : time)
    }
}
