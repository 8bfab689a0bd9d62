/// What a process has used so far, from `/proc` while it runs: the figures of ``ResourceUsage`` that are there.
///
/// Other than those, these are without its children, and the context switches are those of its main thread: the
/// kernel shows no more while it runs.
package struct RunningUsage: Equatable, Sendable {
    /// CPU time in clock ticks, of all its threads.
    package let utime: UInt64
    package let stime: UInt64
    /// The most memory it had resident since its exec, in bytes; nil when the kernel doesn't say.
    package let maxrss: UInt64?
    package let minflt: UInt64
    package let majflt: UInt64
    package let nvcsw: UInt64
    package let nivcsw: UInt64

    package init(stat: ProcStat, status: ProcStatus) {
        utime = stat.utime
        stime = stat.stime
        maxrss = status.peakResident
        minflt = stat.minflt
        majflt = stat.majflt
        nvcsw = status.voluntarySwitches
        nivcsw = status.involuntarySwitches
    }

    /// CPU time in all, in seconds.
    func cpuSeconds(scale: SystemScale) -> Double { scale.seconds(ticks: utime) + scale.seconds(ticks: stime) }

    /// The result's `usage`.
    package func value(scale: SystemScale) -> Value {
        .map([
            Value.Member("utime", .double(scale.seconds(ticks: utime))),
            Value.Member("stime", .double(scale.seconds(ticks: stime))),
            Value.Member("maxrss", maxrss.map { .integer($0) } ?? .null),
            Value.Member("minflt", .integer(minflt)),
            Value.Member("majflt", .integer(majflt)),
            Value.Member("nvcsw", .integer(nvcsw)),
            Value.Member("nivcsw", .integer(nivcsw)),
        ])
    }
}
