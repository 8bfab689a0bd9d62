/// What a process used, from its start to its end, with those of its children that it waited for; see getrusage(2).
package struct ResourceUsage: Equatable, Sendable {
    /// CPU time as the kernel gives it: whole seconds and microseconds.
    package struct CPUTime: Equatable, Sendable {
        package var seconds: Int64
        package var microseconds: Int64

        package init(seconds: Int64, microseconds: Int64) {
            self.seconds = seconds
            self.microseconds = microseconds
        }

        /// In seconds, as near as a Double comes: the sum is exact and only the division rounds, where adding
        /// `microseconds * 1e-6` gives such things as 0.0021579999999999998.
        package var inSeconds: Double { (Double(seconds) * 1e6 + Double(microseconds)) / 1e6 }
    }

    package var utime: CPUTime
    package var stime: CPUTime
    /// In KiB, as the kernel gives it; ``value`` has bytes.
    package var maxrssKiB: Int64
    package var minflt: Int64
    package var majflt: Int64
    package var nswap: Int64
    package var inblock: Int64
    package var oublock: Int64
    package var nvcsw: Int64
    package var nivcsw: Int64

    package init(
        utime: CPUTime, stime: CPUTime, maxrssKiB: Int64, minflt: Int64, majflt: Int64, nswap: Int64, inblock: Int64,
        oublock: Int64, nvcsw: Int64, nivcsw: Int64
    ) {
        self.utime = utime
        self.stime = stime
        self.maxrssKiB = maxrssKiB
        self.minflt = minflt
        self.majflt = majflt
        self.nswap = nswap
        self.inblock = inblock
        self.oublock = oublock
        self.nvcsw = nvcsw
        self.nivcsw = nivcsw
    }

    /// The most memory it had resident, in bytes. (This includes what procstar had before the exec: until then
    /// the child is in its memory.)
    package var maxrss: Int64 {
        let (bytes, overflow) = maxrssKiB.multipliedReportingOverflow(by: 1024)
        return overflow ? .max : bytes
    }

    /// The result's `rusage`.
    package var value: Value {
        .map([
            Value.Member("utime", .double(utime.inSeconds)),
            Value.Member("stime", .double(stime.inSeconds)),
            Value.Member("maxrss", .int(maxrss)),
            Value.Member("minflt", .int(minflt)),
            Value.Member("majflt", .int(majflt)),
            Value.Member("nswap", .int(nswap)),
            Value.Member("inblock", .int(inblock)),
            Value.Member("oublock", .int(oublock)),
            Value.Member("nvcsw", .int(nvcsw)),
            Value.Member("nivcsw", .int(nivcsw)),
        ])
    }
}
