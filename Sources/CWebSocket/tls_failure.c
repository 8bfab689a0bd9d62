/* From what OpenSSL notes about a failure to an error and its reason. */
#include "tls_internal.h"

#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>

/* RFC 8446, section 6, and RFC 5246, section 7.2. */
enum alert {
    ALERT_CLOSE_NOTIFY = 0,
    ALERT_HANDSHAKE_FAILURE = 40,
    ALERT_BAD_CERTIFICATE = 42,
    ALERT_UNSUPPORTED_CERTIFICATE = 43,
    ALERT_CERTIFICATE_REVOKED = 44,
    ALERT_CERTIFICATE_EXPIRED = 45,
    ALERT_CERTIFICATE_UNKNOWN = 46,
    ALERT_UNKNOWN_CA = 48,
    ALERT_PROTOCOL_VERSION = 70,
    ALERT_INSUFFICIENT_SECURITY = 71,
    ALERT_CERTIFICATE_REQUIRED = 116,
    ALERT_NO_APPLICATION_PROTOCOL = 120,
};

void cws_tls_fail(cws_tls *tls, int error, const char *format, ...)
{
    if (tls->error != 0)
        return;
    tls->error = error;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(tls->reason, sizeof tls->reason, format, arguments);
    va_end(arguments);
}

/* What a server that misses our certificate answers with: required since TLS 1.3; before that, whatever its author
 * liked. */
static bool may_miss_certificate(int alert)
{
    return alert == ALERT_CERTIFICATE_REQUIRED || alert == ALERT_HANDSHAKE_FAILURE || alert == ALERT_BAD_CERTIFICATE ||
           alert == ALERT_CERTIFICATE_UNKNOWN;
}

static void fail_from_alert(cws_tls *tls, int alert)
{
    /* OpenSSL 3.0 has no name for one of its own. */
    const char *name = alert == ALERT_CERTIFICATE_REQUIRED ? "certificate required" : SSL_alert_desc_string_long(alert);
    const bool owes_certificate = tls->certificate_wanted && !tls->context->has_certificate;
    if (owes_certificate && may_miss_certificate(alert)) {
        cws_tls_fail(tls, CWS_TLS_ERR_CERTIFICATE_WANTED, "peer requires a client certificate");
        return;
    }
    switch (alert) {
        case ALERT_BAD_CERTIFICATE:
        case ALERT_UNSUPPORTED_CERTIFICATE:
        case ALERT_CERTIFICATE_REVOKED:
        case ALERT_CERTIFICATE_EXPIRED:
        case ALERT_CERTIFICATE_UNKNOWN:
        case ALERT_UNKNOWN_CA:
        case ALERT_CERTIFICATE_REQUIRED:
            cws_tls_fail(tls, CWS_TLS_ERR_CERTIFICATE_REJECTED, "peer rejected our certificate (alert %d, %s)", alert,
                         name);
            break;
        case ALERT_PROTOCOL_VERSION:
            cws_tls_fail(tls, CWS_TLS_ERR_VERSION, "peer accepts none of our TLS versions (alert %d, %s)", alert, name);
            break;
        case ALERT_HANDSHAKE_FAILURE:
        case ALERT_INSUFFICIENT_SECURITY:
        case ALERT_NO_APPLICATION_PROTOCOL:
            cws_tls_fail(tls, CWS_TLS_ERR_NO_SHARED, "peer found no parameters in common with us (alert %d, %s)", alert,
                         name);
            break;
        case ALERT_CLOSE_NOTIFY:
            cws_tls_fail_at_end(tls);
            break;
        default:
            cws_tls_fail(tls, CWS_TLS_ERR_ALERT, "peer sent alert %d (%s)", alert, name);
    }
}

static void fail_from_reason(cws_tls *tls, int reason, const char *words)
{
    switch (reason) {
        case SSL_R_UNSUPPORTED_PROTOCOL:
        case SSL_R_VERSION_TOO_LOW:
        case SSL_R_WRONG_SSL_VERSION:
            cws_tls_fail(tls, CWS_TLS_ERR_VERSION, "peer speaks TLS 1.1 or older only");
            break;
        case SSL_R_NO_SHARED_CIPHER:
        case SSL_R_NO_SHARED_GROUPS:
        case SSL_R_NO_SUITABLE_GROUPS:
        case SSL_R_NO_SUITABLE_KEY_SHARE:
        case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
        case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
        case SSL_R_NO_APPLICATION_PROTOCOL:
            cws_tls_fail(tls, CWS_TLS_ERR_NO_SHARED, "nothing in common with the peer: %s", words);
            break;
        case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
            cws_tls_fail(tls, CWS_TLS_ERR_NO_CERTIFICATE, "peer sent no client certificate, which is required");
            break;
        case ERR_R_MALLOC_FAILURE:
            cws_tls_fail(tls, CWS_TLS_ERR_MEMORY, "out of memory");
            break;
        default:
            cws_tls_fail(tls, CWS_TLS_ERR_PROTOCOL, "peer broke the protocol: %s", words);
    }
}

void cws_tls_fail_from_queue(cws_tls *tls)
{
    /* What libssl says first is the cause; errors of the layers below come before it, its own consequences after. */
    unsigned long code = ERR_get_error();
    for (unsigned long next = code; next != 0; next = ERR_get_error()) {
        if (ERR_GET_LIB(next) == ERR_LIB_SSL) {
            code = next;
            break;
        }
    }
    const char *words = ERR_reason_error_string(code);
    const int reason = ERR_GET_REASON(code);
    if (reason >= SSL_AD_REASON_OFFSET && reason <= SSL_AD_REASON_OFFSET + UINT8_MAX)
        fail_from_alert(tls, reason - SSL_AD_REASON_OFFSET);
    else
        fail_from_reason(tls, reason, words ? words : "OpenSSL doesn't say how");
}

void cws_tls_fail_at_end(cws_tls *tls)
{
    if (tls->handshake_done)
        cws_tls_fail(tls, CWS_TLS_ERR_TRUNCATED,
                     "connection ended without the peer's close_notify: data may be missing");
    else
        cws_tls_fail(tls, CWS_TLS_ERR_TRUNCATED, "connection ended within the handshake%s",
                     tls->first_len ? "" : ", before the peer had sent a byte");
}
