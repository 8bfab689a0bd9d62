internal import CWebSocket

/// The certificates and trust of one end of TLS connections.
///
/// It never changes. To renew certificates, make a new one for new connections; those that are open go on with theirs.
package final class TLSContext: @unchecked Sendable {
    // Unchecked: OpenSSL's contexts are made to be shared by threads as long as nobody changes them.
    /// Certificates or keys in PEM.
    package struct PEM: Sendable {
        package let text: [UInt8]
        /// Where the text comes from, for messages.
        package let source: String

        package init(_ text: [UInt8], from source: String) {
            self.text = text
            self.source = source
        }
    }

    /// A certificate with those that lead to its CA, and its key, not encrypted.
    package struct Identity: Sendable {
        package let certificate: PEM
        package let key: PEM

        package init(certificate: PEM, key: PEM) {
            self.certificate = certificate
            self.key = key
        }
    }

    /// Which certificates a server asks its clients for.
    package enum ClientCertificates: Sendable {
        case notAsked
        /// A client may send none; one that it sends must come from these anchors.
        case optional(anchors: PEM)
        case required(anchors: PEM)
    }

    /// Certificates or keys that can't be used: `agent.pem: no certificate in it`.
    package struct ConfigurationError: Error, CustomStringConvertible {
        package let description: String
    }

    let handle: OpaquePointer

    deinit { cws_tls_context_free(handle) }

    /// A client's.
    ///
    /// - Parameters:
    ///   - systemRoots: Whether the system's trust anchors count.
    ///   - anchors: More of them; a server's own certificate, self-signed or not, may be one.
    ///   - identity: What the client shows when it is asked for a certificate.
    package init(systemRoots: Bool = true, anchors: PEM? = nil, identity: Identity? = nil) throws(ConfigurationError) {
        handle = try Self.make([.anchors: anchors, .certificate: identity?.certificate, .key: identity?.key]) {
            pem, out, problem in
            var config = cws_tls_client_config()
            config.system_roots = systemRoots
            config.anchors = pem(.anchors)
            config.certificate = pem(.certificate)
            config.key = pem(.key)
            return cws_tls_client_context_new(&config, out, problem)
        }
    }

    /// A server's.
    package init(server identity: Identity, clients: ClientCertificates = .notAsked) throws(ConfigurationError) {
        let asked: cws_tls_client_certificates
        let anchors: PEM?
        switch clients {
        case .notAsked: (asked, anchors) = (CWS_TLS_CLIENTS_NOT_ASKED, nil)
        case .optional(let pem): (asked, anchors) = (CWS_TLS_CLIENTS_OPTIONAL, pem)
        case .required(let pem): (asked, anchors) = (CWS_TLS_CLIENTS_REQUIRED, pem)
        }
        handle = try Self.make([.anchors: anchors, .certificate: identity.certificate, .key: identity.key]) {
            pem, out, problem in
            var config = cws_tls_server_config()
            config.certificate = pem(.certificate)
            config.key = pem(.key)
            config.client_certificates = asked
            config.client_anchors = pem(.anchors)
            return cws_tls_server_context_new(&config, out, problem)
        }
    }

    private enum Part: Hashable { case anchors, certificate, key }

    private typealias Make = (
        _ pem: (Part) -> cws_tls_pem, _ out: UnsafeMutablePointer<OpaquePointer?>,
        _ problem: UnsafeMutablePointer<CChar>
    ) -> CInt

    /// Lends the texts to `body`, and puts what it says into words.
    private static func make(_ parts: [Part: PEM?], _ body: Make) throws(ConfigurationError) -> OpaquePointer {
        let copies = parts.compactMapValues { pem in pem.map { UnsafeMutableBufferPointer.copy(of: $0.text) } }
        defer {
            for copy in copies.values {
                // Keys among them.
                copy.wipe()
                copy.deallocate()
            }
        }
        var out: OpaquePointer?
        var problem = [CChar](repeating: 0, count: Int(CWS_TLS_PROBLEM_MAX))
        let result = body(
            { part in
                copies[part].map { cws_tls_pem(text: UnsafePointer($0.baseAddress), len: $0.count) } ?? cws_tls_pem()
            }, &out, &problem)
        if let out, result == 0 { return out }
        let text = String(decoding: problem.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let culprit: Part? =
            switch cws_tls_error(rawValue: result) {
            case CWS_TLS_ERR_ANCHORS: .anchors
            case CWS_TLS_ERR_CHAIN: .certificate
            case CWS_TLS_ERR_KEY, CWS_TLS_ERR_KEY_MISMATCH: .key
            default: nil
            }
        let source = culprit.flatMap { parts[$0]??.source }
        throw ConfigurationError(description: (source.map { "\($0): " } ?? "TLS: ") + text)
    }
}

extension UnsafeMutableBufferPointer<CChar> {
    fileprivate static func copy(of bytes: [UInt8]) -> Self {
        // One more, so that an empty text has a place in memory, too.
        let copy = Self.allocate(capacity: bytes.count + 1)
        copy.initialize(repeating: 0)
        for (index, byte) in bytes.enumerated() { copy[index] = CChar(bitPattern: byte) }
        return Self(rebasing: copy[..<bytes.count])
    }
}
