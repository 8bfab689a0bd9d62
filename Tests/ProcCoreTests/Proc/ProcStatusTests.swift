import ProcCore
import Testing

@Suite struct ProcStatusTests {
    static func parse(_ text: String) -> ProcStatus? { parse(Array(text.utf8)) }

    static func parse(_ bytes: [UInt8]) -> ProcStatus? { ProcStatus(parsing: bytes.span) }

    @Test func everyLineOfInterestIsRead() throws {
        let status = try #require(Self.parse(KernelText.busyStatus))
        let peak: UInt64 = 42040 * 1024
        #expect(status.peakResident == peak)
        #expect(status.pending.bits == 0x2_0000_0001)
        #expect(status.blocked.bits == 0x8000_0002_0000_0001)
        #expect(status.ignored.bits == 0x0100_1800)
        #expect(status.caught.bits == 0x5_0000_0202)
        #expect(status.voluntarySwitches == 8)
        #expect(status.involuntarySwitches == 35)
    }

    @Test func memoryIsThatOfStatmInBytes() throws {
        let status = try #require(Self.parse(KernelText.busyStatus))
        #expect(
            status.memory.value.text
                == #"{"size":169455616,"resident":12001280,"shared":4210688,"text":4096,"data":26693632}"#)
    }

    @Test func aZombieHasNoMemory() throws {
        let status = try #require(Self.parse(KernelText.zombieStatus))
        #expect(status.peakResident == nil)
        #expect(status.memory == ProcStatm())
        #expect(status.ignored.names == ["SIGPIPE", "SIGXFSZ"])
        #expect(status.voluntarySwitches == 1)
    }

    @Test(arguments: [KernelText.busyStatus, KernelText.zombieStatus])
    func noPrefixPassesForTheWhole(text: String) {
        let bytes = Array(text.utf8)
        for cut in 0..<bytes.count {
            #expect(Self.parse(Array(bytes[..<cut])) == nil, "\(cut) of \(bytes.count) bytes")
        }
    }

    @Test func linesOfLaterKernelsAreLeftAlone() {
        #expect(Self.parse(KernelText.busyStatus + "x86_Thread_features:\t\nnew") == Self.parse(KernelText.busyStatus))
    }

    @Test(arguments: [
        ("42040 kB", "42040 MB"), ("42040 kB", "kB"), ("42040 kB", "-1 kB"), ("165484 kB", "165484 k"),
        ("4112 kB", "x kB"), ("132 kB", " kB"), ("0000000500000202", "00000005000002g2"),
        ("0000000500000202", "10000000500000202"), ("0000000500000202", ""), ("35\n", "35 \n"),
        ("35\n", "18446744073709551616\n"), ("SigBlk", "sigBlk"), ("\nvoluntary", "\nVoluntary"),
    ])
    func aLineThatNoKernelWritesIsRefused(found: String, written: String) {
        let parts = KernelText.busyStatus.split(separator: found, maxSplits: 1, omittingEmptySubsequences: false)
        #expect(parts.count == 2)
        #expect(Self.parse(parts.joined(separator: written)) == nil)
    }

    @Test func hugeNumbersSaturate() throws {
        let lines = ["VmHWM", "VmSize", "RssFile", "RssShmem"].map { "\($0):\t18446744073709551615 kB\n" }
        let status = try #require(Self.parse(KernelText.zombieStatus + lines.joined()))
        #expect(status.peakResident == .max)
        #expect(status.memory.size == .max && status.memory.shared == .max)
    }
}
