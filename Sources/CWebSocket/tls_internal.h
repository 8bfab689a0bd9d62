/* What the TLS sources share. */
#ifndef TLS_INTERNAL_H
#define TLS_INTERNAL_H

#include "cws_tls.h"

#include <openssl/ssl.h>
#include <stdatomic.h>

/* ---- text (tls_text.c) ---- */

/* A text that is put together in a buffer, and cut where that is full. */
struct cws_tls_text {
    char *_Nonnull buf;
    size_t size; /* at least 1 */
    size_t len;
};

/* An empty one in an array. */
#define CWS_TLS_TEXT(array) ((struct cws_tls_text){.buf = (array), .size = sizeof(array)})

__attribute__((format(printf, 2, 3))) void cws_tls_append(struct cws_tls_text *_Nonnull text,
                                                          const char *_Nonnull format, ...);

/* Foreign bytes: what isn't printable ASCII, and the quote, become `?`. */
void cws_tls_append_bytes(struct cws_tls_text *_Nonnull text, const uint8_t *_Nonnull bytes, size_t len);

/* A distinguished name as RFC 2253 has it, in ASCII. */
void cws_tls_append_name(struct cws_tls_text *_Nonnull text, const X509_NAME *_Nonnull name);

/* `2026-01-02 03:04:05 UTC` */
void cws_tls_append_time(struct cws_tls_text *_Nonnull text, const ASN1_TIME *_Nonnull time);

/* The hosts that a certificate is for, each in quotes, but for those beyond the third. */
void cws_tls_append_hosts(struct cws_tls_text *_Nonnull text, const X509 *_Nonnull certificate);

/* ---- PEM (tls_pem.c) ---- */

/* Reads the certificates, at least one. 0, or CWS_TLS_ERR_MEMORY, or `error` with `problem` said. */
int cws_tls_pem_certificates(struct cws_tls_pem pem, int error, STACK_OF(X509) *_Nullable *_Nonnull out,
                             struct cws_tls_text *_Nonnull problem);

/* Reads the first private key. */
int cws_tls_pem_key(struct cws_tls_pem pem, EVP_PKEY *_Nullable *_Nonnull out, struct cws_tls_text *_Nonnull problem);

/* ---- what a context is made of (tls_credentials.c); 0, or an error with `problem` said ---- */

/* Trusts them; a server also names them to its clients, which then choose by that. */
int cws_tls_add_anchors(SSL_CTX *_Nonnull ssl, struct cws_tls_pem pem, bool name_them_to_clients,
                        struct cws_tls_text *_Nonnull problem);

/* Shows the certificates, and proves to own the first by the key. */
int cws_tls_use_pair(SSL_CTX *_Nonnull ssl, struct cws_tls_pem certificate, struct cws_tls_pem key,
                     struct cws_tls_text *_Nonnull problem);

/* Says `what`, then why, as OpenSSL has it; returns `error`. */
int cws_tls_say_openssl(int error, const char *_Nonnull what, struct cws_tls_text *_Nonnull problem);

/* ---- output (tls_ring.c) ---- */

/* What waits for the transport, in a ring, so that nothing is moved when a part of it has gone. Owns no memory when it
 * is empty. */
struct cws_tls_ring {
    uint8_t *_Nullable bytes;
    size_t capacity;
    size_t at; /* of the first byte */
    size_t len;
};

/* Makes room for `len` more. False when out of memory. */
bool cws_tls_ring_reserve(struct cws_tls_ring *_Nonnull ring, size_t len);
/* Appends at least one byte. */
bool cws_tls_ring_append(struct cws_tls_ring *_Nonnull ring, const uint8_t *_Nonnull bytes, size_t len);
/* The bytes at its beginning that lie in one piece. */
size_t cws_tls_ring_front(const struct cws_tls_ring *_Nonnull ring, const uint8_t *_Nullable *_Nonnull bytes);
/* Drops at most `len` bytes from its beginning. */
void cws_tls_ring_drop(struct cws_tls_ring *_Nonnull ring, size_t len);
void cws_tls_ring_clear(struct cws_tls_ring *_Nonnull ring);

/* ---- contexts and sessions ---- */

struct cws_tls_context {
    SSL_CTX *_Nonnull ssl;
    BIO_METHOD *_Nonnull transport;
    bool is_server;
    bool has_certificate;
    atomic_uint references;
};

cws_tls_context *_Nonnull cws_tls_context_retain(cws_tls_context *_Nonnull context);

#define CWS_TLS_REASON_MAX 384
/* Enough to tell TLS from what isn't, and to show the latter. */
#define CWS_TLS_FIRST_MAX 16

struct cws_tls {
    SSL *_Nonnull ssl;
    cws_tls_context *_Nonnull context;
    const uint8_t *_Nullable in; /* lent during one cws_tls_decrypt */
    size_t in_len;
    struct cws_tls_ring output;
    int error;               /* why it failed, or 0 */
    bool handshake_done;     /* stays set */
    bool close_asked;        /* by cws_tls_close */
    bool certificate_wanted; /* the server has asked for one */
    uint8_t first_len;
    uint8_t first[CWS_TLS_FIRST_MAX]; /* the peer's first bytes */
    char reason[CWS_TLS_REASON_MAX];
    char host[]; /* empty in a server */
};

/* OpenSSL's way to the bytes of a session (tls_transport.c). NULL when out of memory. */
BIO_METHOD *_Nullable cws_tls_transport_new(void);

/* Notices the end of the handshake, and queues the close_notify that was asked for. OpenSSL refuses to do that in the
 * middle of a handshake, or of a later message such as a key update. */
void cws_tls_settle(cws_tls *_Nonnull tls);

/* ---- failures (tls_failure.c) ---- */

/* Makes it fail, unless it has already. */
__attribute__((format(printf, 3, 4))) void cws_tls_fail(cws_tls *_Nonnull tls, int error, const char *_Nonnull format,
                                                        ...);

/* The same, for what OpenSSL has left in its queue of errors. */
void cws_tls_fail_from_queue(cws_tls *_Nonnull tls);

/* The transport has ended without a close_notify, or there was one within the handshake. */
void cws_tls_fail_at_end(cws_tls *_Nonnull tls);

/* OpenSSL asks about a certificate of the peer: notes why it doesn't like it (tls_verify.c). */
int cws_tls_verify(int is_fine, X509_STORE_CTX *_Nonnull store);

#endif
