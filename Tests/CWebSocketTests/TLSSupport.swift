import CWebSocket
import Testing
import TestSupport

/// Why a context could not be made.
struct TLSProblem: Error, Equatable {
    let code: cws_tls_error
    let text: String
}

/// Lends exactly these bytes as PEM, without a NUL behind them; nothing for nil.
private func withPEM<Result>(_ text: String?, _ body: (cws_tls_pem) throws -> Result) rethrows -> Result {
    guard let text else { return try body(cws_tls_pem(text: nil, len: 0)) }
    return try withExactCopy(Array(text.utf8)) { copy, count in
        try copy.withMemoryRebound(to: CChar.self, capacity: count) { try body(cws_tls_pem(text: $0, len: count)) }
    }
}

/// Owns a context. The handle goes with the object; sessions have their own hold on what is behind it.
final class TLSContext {
    let handle: OpaquePointer

    /// A client's.
    init(
        trusting anchors: String?, systemRoots: Bool = false, certificate: String? = nil, key: String? = nil,
        alpn: Bool = false, atMost12: Bool = false
    ) throws {
        handle = try withPEM(anchors) { anchors in
            try withPEM(certificate) { certificate in
                try withPEM(key) { key in
                    var config = cws_tls_client_config(
                        system_roots: systemRoots, anchors: anchors, certificate: certificate, key: key, alpn: alpn,
                        no_tls13: atMost12)
                    return try Self.make { cws_tls_client_context_new(&config, $0, $1) }
                }
            }
        }
    }

    /// A server's.
    init(
        certificate: String?, key: String?, clients: cws_tls_client_certificates = CWS_TLS_CLIENTS_NOT_ASKED,
        anchors: String? = nil, atMost12: Bool = false
    ) throws {
        handle = try withPEM(anchors) { anchors in
            try withPEM(certificate) { certificate in
                try withPEM(key) { key in
                    var config = cws_tls_server_config(
                        certificate: certificate, key: key, client_certificates: clients, client_anchors: anchors,
                        no_tls13: atMost12)
                    return try Self.make { cws_tls_server_context_new(&config, $0, $1) }
                }
            }
        }
    }

    convenience init(
        server: TestCertificate, clients: cws_tls_client_certificates = CWS_TLS_CLIENTS_NOT_ASKED,
        anchors: String? = nil, atMost12: Bool = false
    ) throws {
        try self.init(
            certificate: server.certificate, key: server.key, clients: clients, anchors: anchors, atMost12: atMost12)
    }

    deinit { cws_tls_context_free(handle) }

    private static func make(
        _ new: (UnsafeMutablePointer<OpaquePointer?>, UnsafeMutablePointer<CChar>) -> CInt
    ) throws -> OpaquePointer {
        var made: OpaquePointer?
        return try withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(CWS_TLS_PROBLEM_MAX)) { problem in
            problem.initialize(repeating: 1)
            // Never nil: it has a capacity.
            let result = new(&made, problem.baseAddress!)
            if let made, result == 0 { return made }
            throw TLSProblem(code: cws_tls_error(result), text: String(cString: problem.baseAddress!))
        }
    }
}

/// One end of a connection, and all that came out of it.
final class TLSEnd {
    let handle: OpaquePointer
    /// What was decrypted.
    private(set) var plain: [UInt8] = []
    /// The first error.
    private(set) var failure: cws_tls_error?

    init(_ context: TLSContext, host: String? = nil) throws {
        var made: OpaquePointer?
        let result = cws_tls_new(context.handle, host, &made)
        guard let made, result == 0 else { throw TLSProblem(code: cws_tls_error(result), text: "") }
        handle = made
    }

    deinit { cws_tls_free(handle) }

    var state: cws_tls_state { cws_tls_state_of(handle) }
    var reason: String { String(cString: cws_tls_reason(handle)) }
    var version: String? { cws_tls_version(handle).map { String(cString: $0) } }
    var cipher: String? { cws_tls_cipher(handle).map { String(cString: $0) } }
    var outputSize: Int { cws_tls_output_size(handle) }
    var size: Int { cws_tls_size(handle) }

    func subject(capacity: Int = 200) -> String {
        var text = [CChar](repeating: 1, count: max(capacity, 1))
        let length = cws_tls_peer_subject(handle, &text, capacity)
        return String(decoding: text[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Takes bytes as the contract has it, until a call returns 0 or an error.
    func feed(_ bytes: some Collection<UInt8>, capacity: Int = 20_000) {
        withExactCopy(bytes) { copy, count in
            let out = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: capacity)
            defer { out.deallocate() }
            var at = 0
            while true {
                var taken = 0
                // Never nil: it has a capacity.
                let got = cws_tls_decrypt(handle, copy + at, count - at, &taken, out.baseAddress!, capacity)
                at += taken
                precondition(at <= count && got <= capacity)
                guard got > 0 else {
                    precondition(got < 0 || at == count, "0 was returned, and not all taken")
                    if got < 0, failure == nil { failure = cws_tls_error(CInt(got)) }
                    return
                }
                plain += UnsafeBufferPointer(rebasing: out[..<got])
            }
        }
    }

    /// How much of it was taken.
    func send(_ bytes: some Collection<UInt8>) -> Int {
        withExactCopy(bytes) { copy, count in cws_tls_encrypt(handle, copy, count) }
    }

    func send(_ text: String) -> Int { send(Array(text.utf8)) }

    /// Fetches at most `limit` bytes of output.
    func output(limit: Int = .max) -> [UInt8] {
        var fetched: [UInt8] = []
        while fetched.count < limit {
            var bytes: UnsafePointer<UInt8>?
            let count = min(cws_tls_output(handle, &bytes), limit - fetched.count)
            guard count > 0, let bytes else { break }
            fetched += UnsafeBufferPointer(start: bytes, count: count)
            cws_tls_wrote(handle, count)
        }
        return fetched
    }

    func close() { cws_tls_close(handle) }

    func end() -> cws_tls_error? {
        let result = cws_tls_eof(handle)
        return result == 0 ? nil : cws_tls_error(result)
    }

    func takeBytes() -> [UInt8] {
        defer { plain = [] }
        return plain
    }

    func takePlain() -> String { String(decoding: takeBytes(), as: UTF8.self) }
}

/// Both ends of a connection, without one between them.
struct TLSPair {
    let client: TLSEnd
    let server: TLSEnd

    init(_ client: TLSContext, _ server: TLSContext, host: String = "localhost") throws {
        self.client = try TLSEnd(client, host: host)
        self.server = try TLSEnd(server)
    }

    /// Carries bytes until neither end has any, at most `piece` at a time.
    func exchange(piece: Int = .max, capacity: Int = 20_000) {
        var moved = true
        while moved {
            moved = false
            for (from, to) in [(client, server), (server, client)] {
                let bytes = from.output(limit: piece)
                guard !bytes.isEmpty else { continue }
                to.feed(bytes, capacity: capacity)
                moved = true
            }
        }
    }

    func shaken() -> TLSPair {
        exchange()
        return self
    }
}

/// Certificates that many tests use and none changes.
struct TLSCertificates: Sendable {
    let root: TestAuthority
    let server: TestCertificate
    let client: TestCertificate

    var anchor: String { root.own.certificate }

    private static let made = Result<TLSCertificates, any Error> {
        let root = try TestAuthority()
        return TLSCertificates(
            root: root,
            server: try root.issue(
                .init(subject: "/CN=server", names: ["DNS:localhost", "DNS:*.wild.example", "IP:127.0.0.1", "IP:::1"])),
            client: try root.issue(.init(subject: "/O=Example/CN=agent 7", purpose: .client)))
    }

    static func shared() throws -> TLSCertificates { try made.get() }
}
