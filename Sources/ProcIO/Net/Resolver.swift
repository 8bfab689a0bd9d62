internal import CLinux
internal import Glibc
package import ProcCore

/// Finds the addresses of hosts, without making the loop wait for name servers.
///
/// Each lookup asks the system anew, on a thread of its own: nothing is cached here, and glibc reads `/etc/resolv.conf`
/// again when it has changed.
///
/// glibc gives no means to end a getaddrinfo(3) early; with dead name servers it takes half a minute or more. So a
/// lookup that is cancelled or out of time is abandoned: its thread goes on until it ends by itself. At most `limit`
/// threads exist, abandoned ones included; further lookups wait for one of them, within their own limit of time.
package final class Resolver {
    package typealias Answer = Result<[SocketAddress], ResolveError>
    /// Asks for the addresses of a host, best first; may block.
    package typealias Question = @Sendable (Endpoint) -> Answer

    fileprivate let loop: EventLoop
    fileprivate let calls: BlockingCalls
    private let ask: Question

    /// - Parameters:
    ///   - limit: How many lookups may be under way. One that is tried every ten seconds and hangs for two minutes
    ///     needs twelve.
    ///   - ask: Tests give their own.
    package init(
        loop: EventLoop, limit: Int = 16, ask: @escaping Question = Resolver.askSystem
    ) throws(SystemError) {
        self.loop = loop
        self.ask = ask
        // The stack that programs usually have: modules of all sorts run on it (nsswitch.conf(5)).
        calls = try BlockingCalls(loop: loop, limit: limit, stack: .large)
    }

    /// Calls `then` once, on the loop and never before this returns, unless the lookup is cancelled.
    ///
    /// A literal address needs no thread. The lookup keeps itself alive; nobody has to hold on to it.
    package func resolve(_ endpoint: Endpoint, within limit: Interval, then: @escaping (Answer) -> Void) -> Lookup {
        let lookup = Lookup(self, then)
        if let ip = IPAddress(parsing: endpoint.host) {
            loop.soon { lookup.finish(.success([SocketAddress(ip, port: endpoint.port)])) }
            return lookup
        }
        lookup.timer = loop.at(loop.now + limit) {
            lookup.finish(.failure(ResolveError(endpoint.host, .noAnswer(within: limit))))
        }
        let ask = ask
        lookup.call = calls.run({ ask(endpoint) }) { answer in
            if case .success(let addresses) = answer, addresses.isEmpty {
                lookup.finish(.failure(ResolveError(endpoint.host, .noAddress)))
            } else {
                lookup.finish(answer)
            }
        }
        return lookup
    }

    /// getaddrinfo(3), which sorts the addresses by RFC 6724.
    ///
    /// Without AI_ADDRCONFIG: it leaves out a family that has no address but the loopback's, so that on a machine
    /// without a network, or with IPv4 only, `ip6-localhost` and a name for `::1` don't resolve. What it would save,
    /// attempts at a family that isn't there, fails at once anyway (ENETUNREACH), and such addresses are sorted last.
    package static let askSystem: Question = { endpoint in
        // It would be cut there, and another host be asked for.
        guard !endpoint.host.utf8.contains(0) else {
            return .failure(ResolveError(endpoint.host, .failed(code: EAI_NONAME, errno: 0)))
        }
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        // One answer for each address; otherwise they come again for UDP.
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        hints.ai_protocol = CInt(IPPROTO_TCP)
        var first: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(endpoint.host, nil, &hints, &first)
        let number = errno
        guard code == 0 else {
            return .failure(ResolveError(endpoint.host, .failed(code: code, errno: code == EAI_SYSTEM ? number : 0)))
        }
        defer { freeaddrinfo(first) }
        var addresses: [SocketAddress] = []
        var entry = first
        while let found = entry {
            entry = found.pointee.ai_next
            // Several lines of hosts(5) may give a name the same address.
            guard let address = address(of: found.pointee, port: endpoint.port), !addresses.contains(address) else {
                continue
            }
            addresses.append(address)
        }
        return .success(addresses)
    }

    private static func address(of entry: addrinfo, port: UInt16) -> SocketAddress? {
        guard let source = entry.ai_addr else { return nil }
        var storage = sockaddr_storage()
        withUnsafeMutableBytes(of: &storage) { bytes in
            bytes.copyMemory(
                from: UnsafeRawBufferPointer(start: source, count: min(Int(entry.ai_addrlen), bytes.count)))
        }
        guard var address = SocketAddress(storage) else { return nil }
        address.port = port
        return address
    }
}

/// A search for a host's addresses that is under way.
package final class Lookup {
    private let resolver: Resolver
    /// Nil when it is over.
    private var then: ((Resolver.Answer) -> Void)?
    fileprivate var call: BlockingCalls.Call?
    fileprivate var timer: EventLoop.TimerID?

    fileprivate init(_ resolver: Resolver, _ then: @escaping (Resolver.Answer) -> Void) {
        self.resolver = resolver
        self.then = then
    }

    /// Gives it up, at any time: nothing will be called. One that is over is no error.
    package func cancel() {
        then = nil
        if let timer { resolver.loop.cancel(timer) }
        timer = nil
        // One that has just ended is no error there.
        if let call { resolver.calls.abandon(call) }
        call = nil
    }

    fileprivate func finish(_ answer: Resolver.Answer) {
        guard let then else { return }
        cancel()
        then(answer)
    }
}
