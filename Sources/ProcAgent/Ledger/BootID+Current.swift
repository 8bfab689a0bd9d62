package import ProcCore

extension BootID {
    /// That of the kernel that runs; nil where it can't be read.
    package static func current() -> BootID? {
        ProcFile.read("/proc/sys/kernel/random/boot_id").flatMap { BootID(parsing: $0) }
    }
}
