import CLinux
import Glibc
import ProcCore
import ProcIO
import TestSupport
import Testing

/// A network namespace of one thread's own, which has nothing but a loopback interface (network_namespaces(7)).
enum LonelyNetwork {
    /// Runs `body` in one, with a table of descriptors of its own.
    static func run<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) throws -> Result {
        try withPrivateDescriptors {
            guard let unshare, unshare(0x4000_0000 /* CLONE_NEWNET */) == 0 else { throw SystemError.last("unshare") }
            try bringUpLoopback()
            return try body()
        }
    }

    /// Whether we may: it takes CAP_SYS_ADMIN.
    static let isPermitted = (try? run { true }) ?? false

    private static func bringUpLoopback() throws {
        let (socket, _) = try RawSocket.bound(to: .anyV4)
        // struct ifreq: the name in 16 bytes, then the flags; netdevice(7).
        var request = [UInt8](repeating: 0, count: 40)
        request.replaceSubrange(0..<2, with: "lo".utf8)
        request[16] = 1  // IFF_UP
        let result = request.withUnsafeMutableBytes { bytes in
            bytes.baseAddress.map { ioctl(socket.rawValue, 0x8914 /* SIOCSIFFLAGS */, $0) } ?? -1
        }
        guard result == 0 else { throw SystemError.last("ioctl", on: "lo") }
    }

    /// unshare(2), which Glibc's module hides behind _GNU_SOURCE.
    private static let unshare: (@convention(c) (CInt) -> CInt)? = dlsym(nil, "unshare")
        .map { unsafeBitCast($0, to: (@convention(c) (CInt) -> CInt).self) }
}

@Suite(.enabled(if: LonelyNetwork.isPermitted)) struct LonelyNetworkTests {
    @Test func aMachineWithoutANetworkFindsItselfByName() throws {
        let (peer, text, address) = try LonelyNetwork.run {
            let bed = try NetBed()
            let guests = try bed.listen()
            let outcome = try bed.dial(Endpoint(host: "localhost", port: guests.address.port))
            return (outcome.peer, outcome.errorText, guests.address)
        }
        #expect(peer == address, "\(text ?? "connected")")
    }

    @Test func anAddressElsewhereFailsAtOnce() throws {
        let text = try LonelyNetwork.run {
            try NetBed().dial(Endpoint(host: "2001:db8::1", port: 80)).errorText
        }
        #expect(text == "connect [2001:db8::1]:80: Network is unreachable")
    }

    @Test func aDialThatMeetsItselfIsRefused() throws {
        let (text, isPort) = try LonelyNetwork.run {
            // The kernel has but one port to pick for our end, and it is the one we dial.
            let file = open("/proc/sys/net/ipv4/ip_local_port_range", O_WRONLY | O_CLOEXEC)
            defer { close(file) }
            let range = "40000 40000"
            let isPort = write(file, range, range.utf8.count) == range.utf8.count
            return (try NetBed().dial(Endpoint(host: "127.0.0.1", port: 40000)).errorText, isPort)
        }
        #expect(isPort)
        #expect(text == "connect 127.0.0.1:40000: Connection refused")
    }
}
