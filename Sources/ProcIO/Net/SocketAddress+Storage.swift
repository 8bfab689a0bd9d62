internal import CLinux
internal import Glibc
internal import ProcCore

/// The kernel's form of an address.
extension SocketAddress {
    /// Nil for an address that is neither IPv4 nor IPv6.
    init?(_ storage: sockaddr_storage) {
        switch CInt(storage.ss_family) {
        case AF_INET:
            let v4 = withUnsafeBytes(of: storage) { $0.load(as: sockaddr_in.self) }
            self.init(.v4(UInt32(bigEndian: v4.sin_addr.s_addr)), port: UInt16(bigEndian: v4.sin_port))
        case AF_INET6:
            let v6 = withUnsafeBytes(of: storage) { $0.load(as: sockaddr_in6.self) }
            let ip = withUnsafeBytes(of: v6.sin6_addr) { bytes in
                IPAddress.v6(
                    high: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
                    low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)),
                    scope: v6.sin6_scope_id)
            }
            self.init(ip, port: UInt16(bigEndian: v6.sin6_port))
        default: return nil  // A number of the kernel's, not an enum of ours.
        }
    }

    /// Lends the address to a system call: the pointer is good inside `body` only.
    func withSockaddr<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        switch ip {
        case .v4(let number):
            var v4 = sockaddr_in()
            v4.sin_family = sa_family_t(AF_INET)
            v4.sin_port = port.bigEndian
            v4.sin_addr.s_addr = number.bigEndian
            return Self.lend(v4, to: body)
        case .v6(let high, let low, let scope):
            var v6 = sockaddr_in6()
            v6.sin6_family = sa_family_t(AF_INET6)
            v6.sin6_port = port.bigEndian
            v6.sin6_scope_id = scope
            withUnsafeMutableBytes(of: &v6.sin6_addr) { bytes in
                bytes.storeBytes(of: high.bigEndian, as: UInt64.self)
                bytes.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
            }
            return Self.lend(v6, to: body)
        }
    }

    private static func lend<Form, Result>(
        _ form: Form, to body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        withUnsafePointer(to: form) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<Form>.size))
            }
        }
    }

    /// A new socket that can be bound or connected to this address.
    func makeSocket() throws(SystemError) -> OwnedFD {
        switch ip.family {
        case .v4: try OwnedFD(result: clinux_tcp_socket(AF_INET), "socket")
        case .v6: try OwnedFD(result: clinux_tcp_socket(AF_INET6), "socket")
        }
    }
}
