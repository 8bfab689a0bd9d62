/* Why a certificate of the peer isn't accepted. Asked at the first thing that is wrong, with the certificate at hand;
 * when the handshake has failed, OpenSSL only has a number left. */
#include "tls_internal.h"

#include <ctype.h>
#include <openssl/x509v3.h>

static int error_of(int verdict)
{
    switch (verdict) {
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
            return CWS_TLS_ERR_SELF_SIGNED;
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            return CWS_TLS_ERR_UNTRUSTED;
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH:
            return CWS_TLS_ERR_HOST;
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return CWS_TLS_ERR_EXPIRED;
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return CWS_TLS_ERR_NOT_YET_VALID;
        case X509_V_ERR_OUT_OF_MEM:
            return CWS_TLS_ERR_MEMORY;
        default:
            return CWS_TLS_ERR_CERTIFICATE;
    }
}

/* `certificate`, or in the rest of the chain `certificate of "CN=..."`. */
static void append_which(struct cws_tls_text *text, const X509 *certificate, int depth)
{
    cws_tls_append(text, "certificate");
    if (depth == 0)
        return;
    cws_tls_append(text, " of \"");
    cws_tls_append_name(text, X509_get_subject_name(certificate));
    cws_tls_append(text, "\"");
}

/* OpenSSL's words, which begin with a capital now and then. */
static void append_verdict(struct cws_tls_text *text, int verdict)
{
    const char *words = X509_verify_cert_error_string(verdict);
    const bool is_acronym = isupper((unsigned char)words[0]) && isupper((unsigned char)words[1]);
    cws_tls_append(text, " is no good: %c%s", is_acronym ? words[0] : tolower((unsigned char)words[0]), words + 1);
}

static void append_reason(struct cws_tls_text *text, const cws_tls *tls, X509_STORE_CTX *store, int error)
{
    const X509 *certificate = X509_STORE_CTX_get_current_cert(store);
    const int depth = X509_STORE_CTX_get_error_depth(store);
    switch (error) {
        case CWS_TLS_ERR_SELF_SIGNED:
            cws_tls_append(text, "self-signed, not trusted");
            break;
        case CWS_TLS_ERR_UNTRUSTED:
            cws_tls_append(text, "issuer \"");
            cws_tls_append_name(text, X509_get_issuer_name(certificate));
            cws_tls_append(text, "\" not trusted");
            break;
        case CWS_TLS_ERR_HOST:
            cws_tls_append(text, "certificate is for ");
            cws_tls_append_hosts(text, certificate);
            cws_tls_append(text, ", not \"%s\"", tls->host);
            break;
        case CWS_TLS_ERR_EXPIRED:
            append_which(text, certificate, depth);
            cws_tls_append(text, " expired on ");
            cws_tls_append_time(text, X509_get0_notAfter(certificate));
            break;
        case CWS_TLS_ERR_NOT_YET_VALID:
            append_which(text, certificate, depth);
            cws_tls_append(text, " not yet valid until ");
            cws_tls_append_time(text, X509_get0_notBefore(certificate));
            break;
        default:
            append_which(text, certificate, depth);
            append_verdict(text, X509_STORE_CTX_get_error(store));
    }
}

int cws_tls_verify(int is_fine, X509_STORE_CTX *store)
{
    if (is_fine)
        return 1;
    const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    cws_tls *tls = SSL_get_app_data(ssl);
    char reason[CWS_TLS_REASON_MAX];
    struct cws_tls_text text = CWS_TLS_TEXT(reason);
    const int error = error_of(X509_STORE_CTX_get_error(store));
    append_reason(&text, tls, store, error);
    cws_tls_fail(tls, error, "%s", reason);
    return 0;
}
