import CWebSocket
import Glibc
import TestSupport
import Testing

/// One end of ours on a real socket.
final class TLSSocket {
    let end: TLSEnd
    private let fd: CInt
    private(set) var hasEnded = false
    /// How many encrypted bytes have come.
    private(set) var bytesSeen = 0
    /// What ``TLSEnd/end()`` said when the peer's bytes ended.
    private(set) var endError: cws_tls_error?

    /// Owns `fd` from now on.
    init(_ end: TLSEnd, fd: CInt) {
        self.end = end
        self.fd = fd
    }

    deinit { Glibc.close(fd) }

    /// Connects to a port of this machine.
    convenience init(_ end: TLSEnd, connectingTo port: UInt16) {
        let fd = socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        let result = TLSListener.withAddress(port: port) { connect(fd, $0, $1) }
        precondition(result == 0, "connect: \(String(cString: strerror(errno)))")
        self.init(end, fd: fd)
    }

    /// Carries bytes until `done`; false when the peer's end before that.
    @discardableResult
    func run(until done: () -> Bool) -> Bool {
        while !done() {
            flush()
            if hasEnded { return done() }
            var target = pollfd(fd: fd, events: Int16(POLLIN), revents: 0)
            guard poll(&target, 1, 60_000) > 0 else { return false }
            var block = [UInt8](repeating: 0, count: 1 << 16)
            let count = recv(fd, &block, block.count, 0)
            if count > 0 {
                bytesSeen += count
                end.feed(block[..<count])
            } else {
                hasEnded = true
                endError = end.end()
            }
        }
        flush()
        return true
    }

    /// Carries bytes until the peer's end.
    func runToEnd() { run(until: { hasEnded }) }

    /// The next bytes that come, not given to our end; none at the peer's end.
    func receive(flushing: Bool = true) -> [UInt8] {
        if flushing { flush() }
        var block = [UInt8](repeating: 0, count: 1 << 16)
        let count = recv(fd, &block, block.count, 0)
        return Array(block[..<max(count, 0)])
    }

    private func flush() {
        var bytes = end.output()[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.send(fd, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
            // The peer is gone; reading tells how.
            guard count > 0 else { return }
            bytes = bytes.dropFirst(count)
        }
    }

    func endSending() { shutdown(fd, CInt(SHUT_WR)) }
}

/// Listens at a free port of this machine.
final class TLSListener {
    private let fd: CInt
    let port: UInt16

    init() {
        let fd = socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        let bound = Self.withAddress(port: 0) { bind(fd, $0, $1) }
        precondition(bound == 0 && listen(fd, 5) == 0, "listen: \(String(cString: strerror(errno)))")
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(fd, $0, &size) }
        }
        self.fd = fd
        port = UInt16(bigEndian: address.sin_port)
    }

    deinit { close(fd) }

    func accept(_ end: TLSEnd) -> TLSSocket {
        let accepted = Glibc.accept(fd, nil, nil)
        precondition(accepted >= 0, "accept: \(String(cString: strerror(errno)))")
        return TLSSocket(end, fd: accepted)
    }

    static func withAddress<Result>(port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}

/// `openssl s_server` at a free port, for one connection.
final class OpenSSLServer {
    let program: ProgramRun
    let port: UInt16
    private let folder = TemporaryDirectory()

    init(_ own: TestCertificate, anchor: String? = nil, _ options: [String]) throws {
        var argv = [OpenSSL.path, "s_server", "-accept", "127.0.0.1:0", "-naccept", "1"]
        let chain = folder.write(own.certificate, to: "chain.pem")
        argv += ["-cert", chain, "-cert_chain", chain, "-key", folder.write(own.key, to: "key.pem")]
        if let anchor { argv += ["-CAfile", folder.write(anchor, to: "anchor.pem")] }
        program = try ProgramRun(argv + options, keepsInputOpen: true)
        guard let port = program.outputLine(after: "ACCEPT 127.0.0.1:").flatMap({ UInt16($0) }) else {
            throw OpenSSL.Failure(description: program.finish().errorText)
        }
        self.port = port
    }
}

extension TLSListener {
    /// Starts `openssl s_client`, which connects to here.
    func startClient(
        _ options: [String], own: TestCertificate? = nil, anchor: String? = nil, in folder: TemporaryDirectory
    ) throws -> ProgramRun {
        var argv = [OpenSSL.path, "s_client", "-connect", "127.0.0.1:\(port)", "-servername", "localhost"]
        if let anchor { argv += ["-CAfile", folder.write(anchor, to: "anchor.pem"), "-verify_return_error"] }
        if let own {
            argv += [
                "-cert", folder.write(own.certificate, to: "own.pem"), "-key", folder.write(own.key, to: "own.key"),
            ]
        }
        return try ProgramRun(argv + options, keepsInputOpen: true)
    }
}
