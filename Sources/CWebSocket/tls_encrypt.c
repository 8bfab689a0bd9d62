/* To the peer: plaintext in, bytes out. */
#include "tls_internal.h"

#include <openssl/err.h>

/* The largest payload of a record, and more than its header, padding and tag take. */
enum { RECORD_PLAIN = 16384, RECORD_OVERHEAD = 64 };

/* Room for what is about to be encrypted, at once rather than by doubling. */
static bool reserve_for(cws_tls *tls, size_t len)
{
    const size_t limit = CWS_TLS_OUTPUT_LIMIT - tls->output.len + RECORD_PLAIN;
    const size_t plain = len < limit ? len : limit;
    return cws_tls_ring_reserve(&tls->output, plain + (plain / RECORD_PLAIN + 1) * RECORD_OVERHEAD);
}

/* OpenSSL writes a record and returns, so the output is looked at after each. */
static size_t write_all(cws_tls *tls, const uint8_t *plain, size_t len)
{
    size_t taken = 0;
    while (taken < len && tls->output.len < CWS_TLS_OUTPUT_LIMIT) {
        size_t written = 0;
        const int result = SSL_write_ex(tls->ssl, plain + taken, len - taken, &written);
        if (result == 1) {
            taken += written;
            continue;
        }
        /* It waits for the rest of a message that has begun to arrive, such as a key update. */
        if (SSL_get_error(tls->ssl, result) != SSL_ERROR_WANT_READ)
            cws_tls_fail_from_queue(tls);
        return taken;
    }
    return taken;
}

ptrdiff_t cws_tls_encrypt(cws_tls *tls, const uint8_t *plain, size_t len)
{
    if (tls->error != 0)
        return tls->error;
    if (tls->close_asked)
        return CWS_TLS_ERR_CLOSED;
    if (!tls->handshake_done || len == 0 || tls->output.len >= CWS_TLS_OUTPUT_LIMIT)
        return 0;
    if (!reserve_for(tls, len)) {
        cws_tls_fail(tls, CWS_TLS_ERR_MEMORY, "out of memory");
        return tls->error;
    }
    ERR_clear_error();
    const size_t taken = write_all(tls, plain, len);
    ERR_clear_error();
    return taken > 0 || tls->error == 0 ? (ptrdiff_t)taken : tls->error;
}

void cws_tls_settle(cws_tls *tls)
{
    if (tls->error != 0 || !SSL_is_init_finished(tls->ssl))
        return;
    tls->handshake_done = true;
    const bool close_queued = SSL_get_shutdown(tls->ssl) & SSL_SENT_SHUTDOWN;
    if (tls->close_asked && !close_queued && SSL_shutdown(tls->ssl) < 0)
        cws_tls_fail_from_queue(tls);
}

void cws_tls_close(cws_tls *tls)
{
    tls->close_asked = true;
    ERR_clear_error();
    cws_tls_settle(tls);
    ERR_clear_error();
}

size_t cws_tls_output(const cws_tls *tls, const uint8_t **bytes)
{
    return cws_tls_ring_front(&tls->output, bytes);
}

void cws_tls_wrote(cws_tls *tls, size_t len)
{
    cws_tls_ring_drop(&tls->output, len);
}

size_t cws_tls_output_size(const cws_tls *tls)
{
    return tls->output.len;
}
