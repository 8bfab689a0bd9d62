extension ProcStat {
    /// The result's `proc_stat`, in the key order that clients have always seen.
    ///
    /// `delayacct_blkio_ticks` is seconds despite its name, and `cguest_time` ticks despite its neighbour's kind: so
    /// they are known to clients.
    package func value(scale: SystemScale) -> Value {
        let terminal = terminal
        return .map([
            Value.Member("pid", .int(Int64(pid))),
            Value.Member("comm", .string(comm)),
            Value.Member("state", .string(String(UnicodeScalar(state)))),
            Value.Member("ppid", .int(Int64(ppid))),
            Value.Member("pgrp", .int(Int64(pgrp))),
            Value.Member("session", .int(Int64(session))),
            Value.Member("tty_nr", .array([.int(Int64(terminal.major)), .int(Int64(terminal.minor))])),
            Value.Member("tpgid", tpgid == -1 ? .null : .int(Int64(tpgid))),
            Value.Member("flags", .integer(flags)),
            Value.Member("minflt", .integer(minflt)),
            Value.Member("cminflt", .integer(cminflt)),
            Value.Member("majflt", .integer(majflt)),
            Value.Member("cmajflt", .integer(cmajflt)),
            Value.Member("utime", .double(scale.seconds(ticks: utime))),
            Value.Member("stime", .double(scale.seconds(ticks: stime))),
            Value.Member("cutime", .double(scale.seconds(ticks: cutime))),
            Value.Member("cstime", .double(scale.seconds(ticks: cstime))),
            Value.Member("priority", .int(priority)),
            Value.Member("nice", .int(nice)),
            Value.Member("num_threads", .int(threads)),
            Value.Member("starttime", .string(scale.time(ticksAfterBoot: starttime).rfc3339)),
            Value.Member("vsize", .integer(vsize)),
            Value.Member("rss", .integer(scale.bytes(pages: rss))),
            Value.Member("rsslim", .integer(rsslim)),
            Value.Member("signal", signal.value),
            Value.Member("blocked", blocked.value),
            Value.Member("sigignore", sigignore.value),
            Value.Member("sigcatch", sigcatch.value),
            Value.Member("wchan", .integer(wchan)),
            Value.Member("exit_signal", Signal(exitSignal).map { .string($0.name) } ?? .null),
            Value.Member("processor", .int(Int64(processor))),
            Value.Member("rt_priority", .integer(rtPriority)),
            Value.Member("policy", .integer(policy)),
            Value.Member("delayacct_blkio_ticks", .double(scale.seconds(ticks: delayacctBlkioTicks))),
            Value.Member("guest_time", .double(scale.seconds(ticks: guestTime))),
            Value.Member("cguest_time", .int(cguestTime)),
            Value.Member("exit_code", .int(Int64(exitCode))),
        ])
    }
}
