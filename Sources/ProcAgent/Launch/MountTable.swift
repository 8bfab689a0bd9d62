internal import CLinux
internal import Glibc
internal import ProcIO

/// Which devices hold file systems whose answers come from this machine.
///
/// A network or FUSE file system may answer late or never, so whatever touches
/// one is kept off the loop. The list is of those known to be local: a name that
/// is missing costs a thread, one too many could cost the loop.
final class MountTable {
    private static let localTypes: Set<String> = [
        "bcachefs", "btrfs", "cgroup", "cgroup2", "devpts", "devtmpfs", "erofs", "exfat", "ext2", "ext3",
        "ext4", "f2fs", "hugetlbfs", "iso9660", "jfs", "mqueue", "overlay", "proc", "ramfs", "reiserfs", "rootfs",
        "squashfs", "sysfs", "tmpfs", "vfat", "xfs", "zfs",
    ]

    private struct Device: Hashable {
        let major: UInt32
        let minor: UInt32
    }

    private var descriptor: SharedFD?
    private var localDevices: Set<Device> = []

    init() {
        let fd = clinux_open(clinux_at_cwd, "/proc/self/mountinfo", O_RDONLY, 0)
        if fd >= 0 { descriptor = SharedFD(OwnedFD(adopting: fd)) }
        load()
    }

    /// Whether the file system on this device is a local one, as far as is known.
    func isLocal(major: UInt32, minor: UInt32) -> Bool {
        if hasChanged() { load() }
        return localDevices.contains(Device(major: major, minor: minor))
    }

    /// The kernel marks an open mountinfo after each change of the mounts (proc(5)).
    private func hasChanged() -> Bool {
        guard let descriptor else { return false }
        var poll = pollfd(fd: descriptor.rawValue, events: Int16(POLLPRI), revents: 0)
        return Glibc.poll(&poll, 1, 0) > 0 && poll.revents & Int16(POLLPRI | POLLERR) != 0
    }

    private func load() {
        localDevices = Self.localDevices(in: ProcFile.read("/proc/self/mountinfo") ?? [])
    }

    /// Lines such as `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw`: the third field
    /// is the device, the one after the separator `-` the type.
    private static func localDevices(in mountinfo: [UInt8]) -> Set<Device> {
        var local: Set<Device> = []
        for line in String(decoding: mountinfo, as: UTF8.self).split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count > 6, let separator = fields[6...].firstIndex(of: "-"), separator + 1 < fields.count,
                localTypes.contains(String(fields[separator + 1]))
            else { continue }
            let numbers = fields[2].split(separator: ":").compactMap { UInt32($0) }
            if numbers.count == 2 { local.insert(Device(major: numbers[0], minor: numbers[1])) }
        }
        return local
    }
}
