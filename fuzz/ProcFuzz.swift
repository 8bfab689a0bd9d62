/// The texts of `/proc` hold what hostile processes call themselves: whatever
/// stands there is read or refused, and what was read can be written.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let bytes = UnsafeBufferPointer(start: data, count: size).span
    let scale = SystemScale(ticksPerSecond: 100, pageSize: 4096, bootTime: WallTime(nanoseconds: 1_700_000_000))
    let stat = ProcStat(parsing: bytes)
    let status = ProcStatus(parsing: bytes)
    if var stat {
        // A name can't hold more than the line, and a whole line is never read from a part of it.
        precondition(stat.comm.unicodeScalars.count < size)
        precondition(ProcStat(parsing: bytes.extracting(..<(size - 1))) == nil)
        _ = stat.value(scale: scale)
        if let status {
            stat.adoptMasks(of: status)
            _ = RunningUsage(stat: stat, status: status).value(scale: scale)
        }
    }
    if let status {
        _ = (status.memory.value, status.pending.value, status.blocked.value, status.ignored.value, status.caught.value)
    }
    return 0
}
