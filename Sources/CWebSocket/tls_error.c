#include "cws_tls.h"

const char *cws_tls_error_reason(int error)
{
    switch ((enum cws_tls_error)error) {
        case CWS_TLS_ERR_MEMORY:
            return "out of memory";
        case CWS_TLS_ERR_ANCHORS:
            return "the trust anchors can't be used";
        case CWS_TLS_ERR_CHAIN:
            return "the own certificate can't be used";
        case CWS_TLS_ERR_KEY:
            return "the private key can't be used";
        case CWS_TLS_ERR_KEY_MISMATCH:
            return "the private key doesn't belong to the certificate";
        case CWS_TLS_ERR_CONFIG:
            return "TLS can't be set up";
        case CWS_TLS_ERR_HOST_NAME:
            return "the host is neither a DNS name nor an IP address";
        case CWS_TLS_ERR_SELF_SIGNED:
            return "the certificate is self-signed and not trusted";
        case CWS_TLS_ERR_UNTRUSTED:
            return "the certificate's issuer is not trusted";
        case CWS_TLS_ERR_HOST:
            return "the certificate is for another host";
        case CWS_TLS_ERR_EXPIRED:
            return "the certificate has expired";
        case CWS_TLS_ERR_NOT_YET_VALID:
            return "the certificate is not yet valid";
        case CWS_TLS_ERR_CERTIFICATE:
            return "the certificate is no good";
        case CWS_TLS_ERR_NO_CERTIFICATE:
            return "the peer sent no certificate";
        case CWS_TLS_ERR_VERSION:
            return "the peer speaks neither TLS 1.2 nor TLS 1.3";
        case CWS_TLS_ERR_NO_SHARED:
            return "there is no cipher in common with the peer";
        case CWS_TLS_ERR_NOT_TLS:
            return "the peer doesn't speak TLS";
        case CWS_TLS_ERR_CERTIFICATE_WANTED:
            return "the peer requires a client certificate";
        case CWS_TLS_ERR_CERTIFICATE_REJECTED:
            return "the peer rejected our certificate";
        case CWS_TLS_ERR_ALERT:
            return "the peer sent an alert";
        case CWS_TLS_ERR_PROTOCOL:
            return "the peer broke the protocol";
        case CWS_TLS_ERR_TRUNCATED:
            return "the connection ended too early";
        case CWS_TLS_ERR_CLOSED:
            return "the connection is closed for sending";
        case CWS_TLS_ERR_FLOOD:
            return "the peer asks for answers and doesn't read them";
    }
    return "unknown TLS error";
}
