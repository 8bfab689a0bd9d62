/* The BIO through which OpenSSL sees a session's transport: it reads the bytes that are lent for this call where they
 * lie, and writes to the output. */
#include "tls_internal.h"

#include <string.h>

static int transport_read(BIO *bio, char *out, size_t capacity, size_t *len)
{
    cws_tls *tls = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    *len = capacity < tls->in_len ? capacity : tls->in_len;
    if (*len == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    memcpy(out, tls->in, *len);
    tls->in += *len;
    tls->in_len -= *len;
    return 1;
}

static int transport_write(BIO *bio, const char *bytes, size_t len, size_t *written)
{
    cws_tls *tls = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    /* It fails here, since OpenSSL doesn't mind when a warning can't be written. */
    if (len > CWS_TLS_OUTPUT_MAX - tls->output.len) {
        cws_tls_fail(tls, CWS_TLS_ERR_FLOOD, "peer asks for answers and doesn't read them");
        return 0;
    }
    if (!cws_tls_ring_append(&tls->output, (const uint8_t *)bytes, len)) {
        cws_tls_fail(tls, CWS_TLS_ERR_MEMORY, "out of memory");
        return 0;
    }
    *written = len;
    return 1;
}

static long transport_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    /* All is written already. */
    return command == BIO_CTRL_FLUSH;
}

BIO_METHOD *cws_tls_transport_new(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "cws_tls");
    if (method) {
        BIO_meth_set_read_ex(method, transport_read);
        BIO_meth_set_write_ex(method, transport_write);
        BIO_meth_set_ctrl(method, transport_control);
    }
    return method;
}
