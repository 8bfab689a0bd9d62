/// Where a TCP socket is bound or connected to: an address and a port.
package struct SocketAddress: Hashable, Sendable {
    package var ip: IPAddress
    package var port: UInt16

    package init(_ ip: IPAddress, port: UInt16) {
        self.ip = ip
        self.port = port
    }

    /// Parses what ``description`` writes: `127.0.0.1:80`, `[::1]:80`.
    package init?(parsing text: String) {
        guard let endpoint = Endpoint(parsing: text), let ip = IPAddress(parsing: endpoint.host),
            // A bare IPv6 address can't be told from its port.
            (ip.family == .v6) == text.hasPrefix("[")
        else { return nil }
        self.init(ip, port: endpoint.port)
    }
}

extension SocketAddress: CustomStringConvertible {
    package var description: String { Endpoint(host: ip.description, port: port).description }
}

/// A port on a host that goes by a name or a literal address.
package struct Endpoint: Hashable, Sendable {
    /// A name, an IPv4 address, or an IPv6 address without brackets.
    package var host: String
    package var port: UInt16

    package init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Parses `HOST:PORT` or `[IPV6]:PORT`. The port is in decimal digits; the host isn't looked at further.
    package init?(parsing text: String) {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let digits = text[text.index(after: colon)...]
        guard digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let port = UInt16(digits)
        else { return nil }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty else { return nil }
        self.init(host: String(host), port: port)
    }
}

extension Endpoint: CustomStringConvertible {
    /// `scheduler.example:59789`, `[::1]:80`.
    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
