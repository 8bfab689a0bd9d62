internal import CWebSocket
internal import ProcCore

/// Why TLS could not begin or go on.
package struct TLSFailure: Error, Equatable, CustomStringConvertible {
    /// One of `cws_tls_error`.
    package let code: CInt
    /// A lower-case clause, such as `self-signed, not trusted`.
    package let reason: String

    init(code: CInt, reason: String) {
        self.code = code
        self.reason = reason.isEmpty ? String(cString: cws_tls_error_reason(code)) : reason
    }

    package var description: String { reason }

    /// What the failure is about.
    package enum Subject: Equatable, Sendable {
        /// The peer's certificate, which no trust anchor stands behind.
        case trust
        /// The peer's certificate in any other way.
        case certificate
        case connection
    }

    package var subject: Subject {
        switch cws_tls_error(rawValue: code) {
        case CWS_TLS_ERR_SELF_SIGNED, CWS_TLS_ERR_UNTRUSTED: .trust
        case CWS_TLS_ERR_HOST, CWS_TLS_ERR_EXPIRED, CWS_TLS_ERR_NOT_YET_VALID, CWS_TLS_ERR_CERTIFICATE: .certificate
        default: .connection
        }
    }
}
