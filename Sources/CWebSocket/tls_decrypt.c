/* From the peer: bytes in, plaintext out. */
#include "tls_internal.h"

#include <openssl/err.h>
#include <string.h>

/* Keeps the peer's first bytes, and judges them: a record of a handshake or an alert, of a version 3.x (RFC 8446,
 * section 5.1). OpenSSL's own view is more lenient, and its errors guess. */
static void check_first(cws_tls *tls, const uint8_t *bytes, size_t len)
{
    enum { ALERT = 21, HANDSHAKE = 22, MAJOR = 3, MINOR_MAX = 4 };
    const size_t room = CWS_TLS_FIRST_MAX - (size_t)tls->first_len;
    const size_t more = len < room ? len : room;
    if (more == 0)
        return;
    memcpy(tls->first + tls->first_len, bytes, more);
    tls->first_len = (uint8_t)(tls->first_len + more);

    const uint8_t *first = tls->first;
    if ((first[0] == ALERT || first[0] == HANDSHAKE) && (tls->first_len < 2 || first[1] == MAJOR) &&
        (tls->first_len < 3 || first[2] <= MINOR_MAX))
        return;
    char shown[CWS_TLS_FIRST_MAX * 3 + 1];
    struct cws_tls_text text = CWS_TLS_TEXT(shown);
    /* A line of text is shown as such; its end is none of our business. */
    size_t printable = 0;
    while (printable < tls->first_len && first[printable] >= ' ' && first[printable] < 0x7f)
        printable++;
    if (printable == tls->first_len || (printable > 3 && (first[printable] == '\r' || first[printable] == '\n'))) {
        cws_tls_append(&text, "\"");
        cws_tls_append_bytes(&text, first, printable);
        cws_tls_append(&text, "\"");
    } else {
        for (size_t i = 0; i < tls->first_len; i++)
            cws_tls_append(&text, i ? " %02x" : "%02x", first[i]);
    }
    cws_tls_fail(tls, CWS_TLS_ERR_NOT_TLS, "peer doesn't speak TLS (its first bytes are %s)", shown);
}

/* Lets OpenSSL read until the output is full, the input used up, or it is over. Returns how much plaintext there is. */
static size_t read_all(cws_tls *tls, uint8_t *out, size_t capacity)
{
    size_t total = 0;
    while (total < capacity && tls->error == 0) {
        size_t len = 0;
        const int result = SSL_read_ex(tls->ssl, out + total, capacity - total, &len);
        const int why = SSL_get_error(tls->ssl, result);
        cws_tls_settle(tls);
        if (result == 1) {
            total += len;
            continue;
        }
        if (why == SSL_ERROR_WANT_READ)
            return total;
        if (why != SSL_ERROR_ZERO_RETURN) {
            cws_tls_fail_from_queue(tls);
            return total;
        }
        if (!tls->handshake_done)
            cws_tls_fail_at_end(tls);
        tls->in_len = 0;
        return total;
    }
    return total;
}

ptrdiff_t cws_tls_decrypt(cws_tls *tls, const uint8_t *bytes, size_t len, size_t *taken, uint8_t *out, size_t capacity)
{
    *taken = 0;
    if (tls->error == 0)
        check_first(tls, bytes, len);
    if (tls->error != 0)
        return tls->error;

    ERR_clear_error();
    tls->in = bytes;
    tls->in_len = len;
    const size_t total = read_all(tls, out, capacity);
    *taken = len - tls->in_len;
    tls->in = NULL;
    tls->in_len = 0;
    ERR_clear_error();
    return total > 0 || tls->error == 0 ? (ptrdiff_t)total : tls->error;
}

int cws_tls_eof(cws_tls *tls)
{
    const bool clean = tls->handshake_done && SSL_get_shutdown(tls->ssl) & SSL_RECEIVED_SHUTDOWN;
    if (!clean)
        cws_tls_fail_at_end(tls);
    return tls->error;
}
