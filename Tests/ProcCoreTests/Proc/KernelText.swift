import Glibc

/// Text as kernels have written it (Linux 6.18, x86-64), and the files themselves.
enum KernelText {
    /// A process that did something for every field: own session on a pseudo-terminal, nice 5, three threads, a
    /// reaped child, scheduled round-robin at 7, signals blocked, ignored, caught and pending, and a hostile name.
    static let busyStat = """
        8927 (evil) R 9 (x) R 8886 8927 8927 34816 8927 4194624 8269 1933 0 0 46 6 31 0 -8 5 3 0 146000 169455616 2906 \
        18446744073709551615 94117603987456 94117603987797 140733133818528 0 0 1 1 16783360 514 0 0 0 17 0 7 2 0 0 0 \
        94117603999152 94117603999768 94118182641664 140733133822177 140733133822230 140733133822230 140733133823951 0

        """

    /// The same process at the same time, with some lines of no interest left out.
    static let busyStatus = """
        Name:\tevil) R 9 (x
        Umask:\t0022
        State:\tR (running)
        Tgid:\t8927
        Pid:\t8927
        VmPeak:\t  231004 kB
        VmSize:\t  165484 kB
        VmHWM:\t   42040 kB
        VmRSS:\t   11720 kB
        RssAnon:\t    7608 kB
        RssFile:\t    4112 kB
        RssShmem:\t       0 kB
        VmData:\t   25936 kB
        VmStk:\t     132 kB
        VmExe:\t       4 kB
        VmSwap:\t       0 kB
        CoreDumping:\t0
        Threads:\t3
        SigQ:\t3/96365
        SigPnd:\t0000000200000001
        ShdPnd:\t0000000000000001
        SigBlk:\t8000000200000001
        SigIgn:\t0000000001001800
        SigCgt:\t0000000500000202
        CapInh:\t0000000000000000
        CapEff:\t000001fffeffffff
        NoNewPrivs:\t0
        Seccomp:\t0
        Speculation_Store_Bypass:\tvulnerable
        Cpus_allowed:\t3
        Mems_allowed_list:\t0
        voluntary_ctxt_switches:\t8
        nonvoluntary_ctxt_switches:\t35

        """

    /// A child that exited with 3 and wasn't reaped yet.
    static let zombieStat = """
        5748 (python3) Z 5707 5660 2256 0 -1 4227148 224 0 0 0 0 0 0 0 20 0 1 0 109511 0 0 18446744073709551615 0 0 0 \
        0 0 0 0 16781312 2 1 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 768

        """

    /// The same zombie: its memory is gone.
    static let zombieStatus = """
        Name:\tpython3
        State:\tZ (zombie)
        Threads:\t1
        SigQ:\t0/96365
        SigPnd:\t0000000000000000
        ShdPnd:\t0000000000000000
        SigBlk:\t0000000000000000
        SigIgn:\t0000000001001000
        SigCgt:\t0000000000000002
        voluntary_ctxt_switches:\t1
        nonvoluntary_ctxt_switches:\t0

        """

    /// The busy line with another name.
    static func stat(comm: [UInt8]) -> [UInt8] {
        Array("8927 (".utf8) + comm + Array(busyStat.utf8.dropFirst("8927 (evil) R 9 (x".utf8.count))
    }

    /// The busy line with `text` as the field that the man page gives this number, from 3 up.
    static func stat(field number: Int, _ text: String) -> [UInt8] {
        let head = "8927 (evil) R 9 (x) "
        var fields = busyStat.dropFirst(head.count).dropLast().split(separator: " ").map(String.init)
        fields[number - 3] = text
        return Array((head + fields.joined(separator: " ") + "\n").utf8)
    }

    /// What a file of `/proc` holds now; nil when it can't be read.
    static func file(_ path: String) -> [UInt8]? {
        let fd = open(path, O_RDONLY | O_CLOEXEC)
        guard fd >= 0 else { return nil }
        defer { close(fd) }
        var content: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = read(fd, &block, block.count)
            guard count > 0 else { return count == 0 ? content : nil }
            content += block[..<count]
        }
    }
}
