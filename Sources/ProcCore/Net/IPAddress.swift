internal import Glibc

/// An IPv4 or IPv6 address.
package enum IPAddress: Hashable, Sendable {
    /// In the machine's byte order: 127.0.0.1 is 0x7f000001.
    case v4(UInt32)
    /// Both halves in the machine's byte order; `scope` is the index of the interface that a link-local address
    /// belongs to (RFC 4007), 0 for none.
    case v6(high: UInt64, low: UInt64, scope: UInt32 = 0)

    /// Which of the two; connections are tried in both.
    package enum Family: Hashable, Sendable { case v4, v6 }

    package var family: Family {
        switch self {
        case .v4: .v4
        case .v6: .v6
        }
    }

    package static let anyV4 = IPAddress.v4(0)
    package static let anyV6 = IPAddress.v6(high: 0, low: 0)
    package static let loopbackV4 = IPAddress.v4(0x7f00_0001)
    package static let loopbackV6 = IPAddress.v6(high: 0, low: 1)

    /// Parses `127.0.0.1`, `::1` or `fe80::1%2`, as inet_pton(3) takes them: no `127.1`, no brackets.
    ///
    /// The name of an interface after the `%` means something on one machine only; that is left to getaddrinfo(3).
    package init?(parsing text: String) {
        // inet_pton would stop there and take what comes before it for the whole.
        guard !text.utf8.contains(0) else { return nil }
        var v4 = in_addr()
        if inet_pton(AF_INET, text, &v4) == 1 {
            self = .v4(UInt32(bigEndian: v4.s_addr))
            return
        }
        let parts = text.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
        var scope: UInt32 = 0
        if parts.count == 2 {
            guard parts[1].utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
                let number = UInt32(parts[1])
            else { return nil }
            scope = number
        }
        var v6 = in6_addr()
        guard let first = parts.first, inet_pton(AF_INET6, String(first), &v6) == 1 else { return nil }
        self = withUnsafeBytes(of: &v6) { bytes in
            .v6(
                high: UInt64(bigEndian: bytes.load(as: UInt64.self)),
                low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)), scope: scope)
        }
    }
}

extension IPAddress: CustomStringConvertible {
    /// `127.0.0.1`, `::1`, `fe80::1%2`: IPv6 in the form of RFC 5952.
    package var description: String {
        switch self {
        case .v4(let number):
            return [24, 16, 8, 0].map { String(number >> UInt32($0) & 0xff) }.joined(separator: ".")
        case .v6(let high, let low, let scope):
            var halves = (high.bigEndian, low.bigEndian)
            let text = withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { buffer in
                inet_ntop(AF_INET6, &halves, buffer.baseAddress, socklen_t(buffer.count)).map(String.init(cString:))
            }
            guard let text else { preconditionFailure("inet_ntop of 16 bytes into \(INET6_ADDRSTRLEN)") }
            return scope == 0 ? text : "\(text)%\(scope)"
        }
    }
}
