internal import CWebSocket

/// One TLS connection as bytes in and bytes out.
package final class TLSSession {
    private let handle: OpaquePointer

    /// - Parameter host: Of a client: the name or address that the server's certificate has to be for.
    package init(_ context: TLSContext, host: String? = nil) throws(TLSFailure) {
        var out: OpaquePointer?
        let result = cws_tls_new(context.handle, host, &out)
        guard let out, result == 0 else { throw TLSFailure(code: result, reason: "") }
        handle = out
    }

    deinit { cws_tls_free(handle) }

    /// Whether the handshake is done.
    var isOpen: Bool {
        switch cws_tls_state_of(handle) {
        case CWS_TLS_HANDSHAKE, CWS_TLS_FAILED: false
        default: true
        }
    }

    /// Whether the peer has said that it sends no more.
    var peerHasClosed: Bool {
        let state = cws_tls_state_of(handle)
        return state == CWS_TLS_PEER_CLOSED || state == CWS_TLS_CLOSED
    }

    /// Such as `TLSv1.3`.
    package var version: String? { cws_tls_version(handle).map { String(cString: $0) } }

    /// The subject of the peer's verified certificate as RFC 2253 writes it; nil when it has shown none.
    package var peerSubject: String? {
        guard cws_tls_peer_is_verified(handle) else { return nil }
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 1024) { buffer in
            buffer.baseAddress.flatMap { text in
                cws_tls_peer_subject(handle, text, buffer.count) > 0 ? String(cString: text) : nil
            }
        }
    }

    /// Decrypts into `plain` until that is full or `bytes` are used up; drops what it used from the front of `bytes`.
    /// At 0 all is used and nothing left inside.
    func decrypt(
        _ bytes: inout UnsafeMutableBufferPointer<UInt8>, into plain: UnsafeMutableBufferPointer<UInt8>
    ) throws(TLSFailure) -> Int {
        guard let out = plain.baseAddress else { preconditionFailure("no room to decrypt to") }
        var taken = 0
        let count = cws_tls_decrypt(handle, bytes.baseAddress, bytes.count, &taken, out, plain.count)
        bytes = .init(rebasing: bytes[taken...])
        guard count >= 0 else { throw failure(CInt(count)) }
        return count
    }

    /// How many of `bytes` were taken: fewer when the output is full, none before the handshake is done.
    func encrypt(_ bytes: UnsafeBufferPointer<UInt8>) throws(TLSFailure) -> Int {
        let count = cws_tls_encrypt(handle, bytes.baseAddress, bytes.count)
        guard count >= 0 else { throw failure(CInt(count)) }
        return count
    }

    /// What is to be written to the transport; lent until the next call.
    var output: UnsafeBufferPointer<UInt8> {
        var bytes: UnsafePointer<UInt8>?
        let count = cws_tls_output(handle, &bytes)
        return UnsafeBufferPointer(start: bytes, count: count)
    }

    func wrote(_ count: Int) { cws_tls_wrote(handle, count) }

    /// Says to the peer, after what was encrypted, that nothing follows.
    func close() { cws_tls_close(handle) }

    /// The transport ended. An error unless the peer said so before.
    func transportEnded() throws(TLSFailure) {
        let result = cws_tls_eof(handle)
        guard result == 0 else { throw failure(result) }
    }

    private func failure(_ code: CInt) -> TLSFailure {
        TLSFailure(code: code, reason: String(cString: cws_tls_reason(handle)))
    }
}
