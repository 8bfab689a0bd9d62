/* What is known about a session. */
#include "tls_internal.h"

#include <openssl/err.h>
#include <string.h>

enum cws_tls_state cws_tls_state_of(const cws_tls *tls)
{
    if (tls->error != 0)
        return CWS_TLS_FAILED;
    if (!tls->handshake_done)
        return CWS_TLS_HANDSHAKE;
    const bool peer_closed = SSL_get_shutdown(tls->ssl) & SSL_RECEIVED_SHUTDOWN;
    if (tls->close_asked)
        return peer_closed ? CWS_TLS_CLOSED : CWS_TLS_WE_CLOSED;
    return peer_closed ? CWS_TLS_PEER_CLOSED : CWS_TLS_OPEN;
}

const char *cws_tls_reason(const cws_tls *tls)
{
    return tls->reason;
}

const char *cws_tls_version(const cws_tls *tls)
{
    return tls->handshake_done ? SSL_get_version(tls->ssl) : NULL;
}

const char *cws_tls_cipher(const cws_tls *tls)
{
    return tls->handshake_done ? SSL_get_cipher_name(tls->ssl) : NULL;
}

bool cws_tls_alpn_agreed(const cws_tls *tls)
{
    const unsigned char *name = NULL;
    unsigned int len = 0;
    /* There is but one that we'd agree to. */
    SSL_get0_alpn_selected(tls->ssl, &name, &len);
    return tls->handshake_done && len > 0;
}

/* NULL unless it was verified. */
static const X509 *peer_certificate(const cws_tls *tls)
{
    const bool verified = tls->handshake_done && SSL_get_verify_result(tls->ssl) == X509_V_OK;
    return verified ? SSL_get0_peer_certificate(tls->ssl) : NULL;
}

bool cws_tls_peer_is_verified(const cws_tls *tls)
{
    return peer_certificate(tls) != NULL;
}

size_t cws_tls_peer_subject(const cws_tls *tls, char *out, size_t capacity)
{
    if (capacity == 0)
        return 0;
    out[0] = '\0';
    const X509 *certificate = peer_certificate(tls);
    if (!certificate)
        return 0;
    struct cws_tls_text text = {.buf = out, .size = capacity};
    cws_tls_append_name(&text, X509_get_subject_name(certificate));
    ERR_clear_error();
    return text.len;
}

size_t cws_tls_size(const cws_tls *tls)
{
    return sizeof *tls + strlen(tls->host) + 1 + tls->output.capacity;
}
