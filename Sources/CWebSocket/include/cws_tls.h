/* TLS 1.2 and 1.3 (RFC 5246, RFC 8446) over OpenSSL: encrypted bytes in, plaintext out, and the other way round.
 *
 * No socket, no callback. What comes from the peer is lent for one call; what has to go there is fetched with
 * cws_tls_output. The only files that are read are the system's roots, where they are asked for, and the only clock is
 * the one OpenSSL judges certificates by. openssl.cnf and OPENSSL_CONF are not read.
 *
 * The peer's certificate is always verified; there is no switch for that. No renegotiation, no compression, no early
 * data. Nor is a session ever resumed: agents stay connected for days, so there is little to save, tickets would
 * cost memory on both sides, and a resumed session isn't asked for its certificate again. */
#ifndef CWS_TLS_H
#define CWS_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- errors ---- */

/* Negative returns. The numbers are stable and apart from the other errors of the library. */
enum cws_tls_error {
    CWS_TLS_ERR_MEMORY = -301,

    /* What a context or session was to be made of. */
    CWS_TLS_ERR_ANCHORS = -302,      /* the trust anchors: no certificate in them, damaged, ... */
    CWS_TLS_ERR_CHAIN = -303,        /* the own certificates */
    CWS_TLS_ERR_KEY = -304,          /* the private key: none there, encrypted, damaged, ... */
    CWS_TLS_ERR_KEY_MISMATCH = -305, /* key and first certificate are not of a pair */
    CWS_TLS_ERR_CONFIG = -306,       /* parts that make no sense together, or a library that doesn't work */
    CWS_TLS_ERR_HOST_NAME = -307,    /* neither a DNS name nor an IP address */

    /* The peer's certificate. */
    CWS_TLS_ERR_SELF_SIGNED = -308,
    CWS_TLS_ERR_UNTRUSTED = -309, /* it leads to no trust anchor */
    CWS_TLS_ERR_HOST = -310,      /* it is for another host */
    CWS_TLS_ERR_EXPIRED = -311,
    CWS_TLS_ERR_NOT_YET_VALID = -312,
    CWS_TLS_ERR_CERTIFICATE = -313,    /* anything else: purpose, signature, weak key, ... */
    CWS_TLS_ERR_NO_CERTIFICATE = -314, /* a client sent none, and one is required */

    /* The handshake. */
    CWS_TLS_ERR_VERSION = -315,   /* no version in common */
    CWS_TLS_ERR_NO_SHARED = -316, /* no cipher, group, signature algorithm or application protocol in common */
    CWS_TLS_ERR_NOT_TLS = -317,   /* the peer's first bytes can't begin a TLS connection */

    /* What the peer says. */
    CWS_TLS_ERR_CERTIFICATE_WANTED = -318,   /* it requires a client certificate, and there is none */
    CWS_TLS_ERR_CERTIFICATE_REJECTED = -319, /* it doesn't accept ours */
    CWS_TLS_ERR_ALERT = -320,                /* any other fatal alert */

    CWS_TLS_ERR_PROTOCOL = -321,  /* a record was forged or damaged, or a message isn't allowed where it came */
    CWS_TLS_ERR_TRUNCATED = -322, /* the transport ended without close_notify */
    CWS_TLS_ERR_CLOSED = -323,    /* cws_tls_encrypt after cws_tls_close */
    CWS_TLS_ERR_FLOOD = -324,     /* answers that the peer asks for and doesn't read fill CWS_TLS_OUTPUT_MAX */
};

/* What the number means, in English: a lower-case clause without full stop, for the life of the program. A session's
 * cws_tls_reason knows more. */
const char *_Nonnull cws_tls_error_reason(int error);

/* ---- contexts ---- */

/* A configuration. It never changes, and may be used from several threads.
 *
 * A session keeps its context alive, so the maker may free it as soon as no new session shall have it. That is how
 * certificates are renewed without a restart: make a new context from the new files, use it for new sessions, free the
 * old one. Sessions that are open go on with what they have. */
typedef struct cws_tls_context cws_tls_context;

/* Text in PEM, only read while the context is made. Text around the blocks is skipped, as are blocks of other kinds. */
struct cws_tls_pem {
    const char *_Nullable text; /* NULL for nothing */
    size_t len;
};

struct cws_tls_client_config {
    bool system_roots; /* trust the system's, of OpenSSL's default paths or of SSL_CERT_FILE and SSL_CERT_DIR */
    /* Certificates to trust besides. One needn't be of a CA: a server's own certificate, put here, is trusted as
     * itself, if it is for the right host and not expired. */
    struct cws_tls_pem anchors;
    struct cws_tls_pem certificate; /* the client's own, then those that lead to its CA; optional */
    struct cws_tls_pem key;         /* not encrypted; may be the same text */
    bool alpn;                      /* offer http/1.1 by ALPN (RFC 7301) */
    bool no_tls13;                  /* at most TLS 1.2 */
};

enum cws_tls_client_certificates {
    CWS_TLS_CLIENTS_NOT_ASKED,
    CWS_TLS_CLIENTS_OPTIONAL, /* may send none; one that is sent has to be good */
    CWS_TLS_CLIENTS_REQUIRED,
};

/* A server takes http/1.1 when a client offers application protocols, and refuses one that offers only others. */
struct cws_tls_server_config {
    struct cws_tls_pem certificate; /* the server's own, then those that lead to its CA */
    struct cws_tls_pem key;         /* not encrypted; may be the same text */
    enum cws_tls_client_certificates client_certificates;
    struct cws_tls_pem
        client_anchors; /* whom client certificates have to come from; exactly where they are asked for */
    bool no_tls13;
};

/* Room for any text about a configuration. */
#define CWS_TLS_PROBLEM_MAX 256

/* Makes a context. 0, or an error of the first two groups (never CWS_TLS_ERR_HOST_NAME), with `problem` saying what is
 * wrong, such as `no certificate in it`, fit to stand after the name of the file that the code is about. */
int cws_tls_client_context_new(const struct cws_tls_client_config *_Nonnull config,
                               cws_tls_context *_Nullable *_Nonnull out, char problem[_Nonnull CWS_TLS_PROBLEM_MAX]);
int cws_tls_server_context_new(const struct cws_tls_server_config *_Nonnull config,
                               cws_tls_context *_Nullable *_Nonnull out, char problem[_Nonnull CWS_TLS_PROBLEM_MAX]);
void cws_tls_context_free(cws_tls_context *_Nullable context);

/* ---- sessions ---- */

/* One connection. It belongs to one thread at a time. */
typedef struct cws_tls cws_tls;

/* Begins a connection in the role of the context. A client's first bytes are at once there for cws_tls_output.
 *
 * `host`: of a client, whom the server has to be: a DNS name (its certificate must name it; wildcards count for a whole
 * label only, the common name never) or an IPv4 or IPv6 address without brackets (the certificate must name the
 * address). Of a server, NULL.
 *
 * 0, CWS_TLS_ERR_MEMORY, CWS_TLS_ERR_HOST_NAME, or CWS_TLS_ERR_CONFIG when the system's OpenSSL can't begin. */
int cws_tls_new(cws_tls_context *_Nonnull context, const char *_Nullable host, cws_tls *_Nullable *_Nonnull out);
void cws_tls_free(cws_tls *_Nullable tls);

enum cws_tls_state {
    CWS_TLS_HANDSHAKE,
    CWS_TLS_OPEN,
    CWS_TLS_PEER_CLOSED, /* its close_notify has come; we may still send */
    CWS_TLS_WE_CLOSED,   /* our close_notify is queued or sent; the peer may still send */
    CWS_TLS_CLOSED,      /* both */
    CWS_TLS_FAILED,      /* cws_tls_reason says why */
};

enum cws_tls_state cws_tls_state_of(const cws_tls *_Nonnull tls);

/* Takes bytes from the transport; the handshake goes on by them, too. Writes at most `capacity` (at least 1) bytes of
 * plaintext to `out`, says in `*taken` how many of the `len` bytes it has used, and returns how many it has written.
 *
 * Above 0: call it again with the rest, maybe none, before waiting for the transport: there may be more plaintext
 * inside. 0: all bytes are taken and no plaintext is left inside. Below 0: an error, for good. Its alert may be waiting
 * in cws_tls_output; get it to the peer, which else doesn't learn why. Plaintext from before the error comes first.
 *
 * What follows a close_notify is taken and dropped (RFC 8446, section 6.1); cws_tls_state_of tells when it has come.
 * Look for output after each call. In TLS 1.3 a client is through with the handshake before the server has judged its
 * certificate: the refusal comes with the first bytes after. */
ptrdiff_t cws_tls_decrypt(cws_tls *_Nonnull tls, const uint8_t *_Nullable bytes, size_t len, size_t *_Nonnull taken,
                          uint8_t *_Nonnull out, size_t capacity);

/* The transport has ended: call it when cws_tls_decrypt has returned 0 for all that had come. 0 when the peer's
 * close_notify was there before, else an error: the one that it had already, or CWS_TLS_ERR_TRUNCATED. */
int cws_tls_eof(cws_tls *_Nonnull tls);

/* While as much as this waits in the output, cws_tls_encrypt takes nothing. */
#define CWS_TLS_OUTPUT_LIMIT 262144
/* What may wait there at all: the limit, passed by a record, and answers that the protocol demands. */
#define CWS_TLS_OUTPUT_MAX 524288

/* Encrypts. Returns how many of the bytes it has taken, which are then as good as sent: fewer than `len` when the
 * output is full. Then, or as long as the handshake isn't done, try again after a cws_tls_wrote or a cws_tls_decrypt.
 * Below 0: the error of a failed session, or CWS_TLS_ERR_CLOSED after cws_tls_close. */
ptrdiff_t cws_tls_encrypt(cws_tls *_Nonnull tls, const uint8_t *_Nullable plain, size_t len);

/* Bytes to write to the transport, lent until the next call with this session; there may be more behind them. 0 when
 * there are none. Then say how many the transport took. A short write needs no other handling. */
size_t cws_tls_output(const cws_tls *_Nonnull tls, const uint8_t *_Nullable *_Nonnull bytes);
void cws_tls_wrote(cws_tls *_Nonnull tls, size_t len);

/* All that waits in the output. */
size_t cws_tls_output_size(const cws_tls *_Nonnull tls);

/* Queues a close_notify behind what was encrypted: nothing more will be. Within the handshake it is queued as soon as
 * that is done. The peer may go on sending until it closes, too. Nothing happens in a failed session. */
void cws_tls_close(cws_tls *_Nonnull tls);

/* ---- what is known ---- */

/* Why the session failed: a lower-case clause without full stop, in printable ASCII, such as
 * `certificate is for "other.example", not "host"`. Empty when it didn't. For the life of the session. */
const char *_Nonnull cws_tls_reason(const cws_tls *_Nonnull tls);

/* The protocol version, such as `TLSv1.3`, and OpenSSL's name of the cipher; NULL before the handshake is done. */
const char *_Nullable cws_tls_version(const cws_tls *_Nonnull tls);
const char *_Nullable cws_tls_cipher(const cws_tls *_Nonnull tls);

/* Whether both have agreed on http/1.1 by ALPN. */
bool cws_tls_alpn_agreed(const cws_tls *_Nonnull tls);

/* Whether the handshake is done and the peer has shown a certificate, with a chain that leads to a trust anchor. Always
 * so of a server; of a client unless it was free to show none. */
bool cws_tls_peer_is_verified(const cws_tls *_Nonnull tls);

/* The subject of the peer's certificate as RFC 2253 writes it, `CN=agent 7,O=Example`, with a NUL behind it, cut to
 * `capacity`. Returns its length, 0 when there is no certificate (or no handshake yet). */
size_t cws_tls_peer_subject(const cws_tls *_Nonnull tls, char *_Nonnull out, size_t capacity);

/* Bytes that the session holds, those within OpenSSL left out: below 1 KiB when no output waits. */
size_t cws_tls_size(const cws_tls *_Nonnull tls);

#endif
