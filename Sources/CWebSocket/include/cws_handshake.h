/* The opening handshake of RFC 6455, section 4, in both roles, and in it permessage-deflate (RFC 7692, section 7).
 *
 * Heads in, bytes and agreements out. No I/O and no allocation: heads come from cws_http_request_decode and
 * cws_http_response_decode, all memory is the caller's, and nothing of it is kept. */
#ifndef CWS_HANDSHAKE_H
#define CWS_HANDSHAKE_H

#include "cws_agreement.h"
#include "cws_http.h"

/* ---- errors ---- */

/* Negative returns. The numbers are stable and apart from the other errors of the library. */
enum cws_handshake_error {
    /* What the caller gave to be written or to choose from. 500. */
    CWS_HANDSHAKE_ERR_TOO_SMALL = -201,       /* the buffer */
    CWS_HANDSHAKE_ERR_CRYPTO = -202,          /* OpenSSL has no random bytes or no SHA-1 */
    CWS_HANDSHAKE_ERR_HOST = -203,            /* not host [ ":" port ] */
    CWS_HANDSHAKE_ERR_TARGET = -204,          /* not /path [ "?" query ] */
    CWS_HANDSHAKE_ERR_PROTOCOL_NAME = -205,   /* not a token, or there twice */
    CWS_HANDSHAKE_ERR_HEADER_NAME = -206,     /* not a token */
    CWS_HANDSHAKE_ERR_HEADER_VALUE = -207,    /* a control character but HT: CR, LF and NUL among them */
    CWS_HANDSHAKE_ERR_HEADER_RESERVED = -208, /* one that is the handshake's own; see cws_header */
    CWS_HANDSHAKE_ERR_WINDOW_BITS = -209,
    CWS_HANDSHAKE_ERR_STATUS = -210, /* of a refusal: not 300-599, or 304, which has no body */
    CWS_HANDSHAKE_ERR_REASON = -211, /* of a refusal: a control character but HT */

    /* A request that a server cannot accept. 400 where no other is noted. */
    CWS_HANDSHAKE_ERR_METHOD = -212,       /* 405: not GET */
    CWS_HANDSHAKE_ERR_HTTP_VERSION = -213, /* HTTP/1.0; of a response with status 101 too */
    CWS_HANDSHAKE_ERR_HOST_EMPTY = -214,
    CWS_HANDSHAKE_ERR_BODY = -215,       /* there is one, or no telling */
    CWS_HANDSHAKE_ERR_UPGRADE = -216,    /* 426: `websocket` is not in Upgrade */
    CWS_HANDSHAKE_ERR_CONNECTION = -217, /* `upgrade` is not in Connection */
    CWS_HANDSHAKE_ERR_VERSION_MISSING = -218,
    CWS_HANDSHAKE_ERR_VERSION_REPEATED = -219,
    CWS_HANDSHAKE_ERR_VERSION = -220, /* 426: Sec-WebSocket-Version is not 13 */
    CWS_HANDSHAKE_ERR_KEY_MISSING = -221,
    CWS_HANDSHAKE_ERR_KEY_REPEATED = -222,
    CWS_HANDSHAKE_ERR_KEY = -223,        /* not 16 bytes in base64, padded, without stray bits */
    CWS_HANDSHAKE_ERR_PROTOCOLS = -224,  /* Sec-WebSocket-Protocol is no list of tokens, or an empty one */
    CWS_HANDSHAKE_ERR_EXTENSIONS = -225, /* as for Sec-WebSocket-Extensions; of a response too */

    /* A response that a client cannot accept. 502, for whoever must pass it on. */
    CWS_HANDSHAKE_ERR_REFUSED = -226, /* the status is not 101; it and the reason phrase are in the head */
    CWS_HANDSHAKE_ERR_NOT_UPGRADED = -227,
    CWS_HANDSHAKE_ERR_NOT_IN_CONNECTION = -228, /* `upgrade` is not in Connection */
    CWS_HANDSHAKE_ERR_OTHER_VERSION = -229,     /* there is a Sec-WebSocket-Version, and no 13 in it */
    CWS_HANDSHAKE_ERR_ACCEPT_MISSING = -230,
    CWS_HANDSHAKE_ERR_ACCEPT_REPEATED = -231,
    CWS_HANDSHAKE_ERR_ACCEPT = -232, /* an answer to another key */
    CWS_HANDSHAKE_ERR_PROTOCOL_REPEATED = -233,
    CWS_HANDSHAKE_ERR_PROTOCOL_NOT_OFFERED = -234,
    CWS_HANDSHAKE_ERR_EXTENSION_NOT_OFFERED = -235,
    CWS_HANDSHAKE_ERR_EXTENSION_REPEATED = -236,
    CWS_HANDSHAKE_ERR_DEFLATE_PARAMETER = -237, /* unknown, there twice, or with a value it cannot have */
    CWS_HANDSHAKE_ERR_DEFLATE_TERMS = -238,     /* no answer to what was offered */
};

/* Why, in English: a lower-case clause without full stop, for the life of the program. */
const char *_Nonnull cws_handshake_error_reason(int error);

/* The status that a server should answer with, as noted above; 500 for a number that is no cws_handshake_error. */
uint16_t cws_handshake_error_status(int error);

/* ---- what the caller gives ---- */

/* Bytes that are the caller's, not ended by a NUL. */
struct cws_bytes {
    const uint8_t *_Nullable at; /* may be NULL when `len` is 0 */
    size_t len;
};

/* A header field beyond the handshake's own. Those are Host, Upgrade, Connection and all that begin with
 * Sec-WebSocket-, and what would change where the message ends or how it is answered: Content-Length, Content-Type,
 * Transfer-Encoding, Expect and Allow. */
struct cws_header {
    struct cws_bytes name;
    struct cws_bytes value;
};

#define CWS_WINDOW_BITS_MIN 8
#define CWS_WINDOW_BITS_MAX 15 /* what holds for a side that nobody said anything about */

/* In place of window bits: */
#define CWS_WINDOW_BITS_ABSENT 0   /* the parameter is not there */
#define CWS_WINDOW_BITS_NO_VALUE 1 /* it is, without a value; for client_max_window_bits in an offer only */

/* The parameters of permessage-deflate as an offer or a response has them. */
struct cws_deflate_terms {
    bool client_no_context_takeover;
    bool server_no_context_takeover;
    uint8_t client_max_window_bits; /* 8-15, or one of the above */
    uint8_t server_max_window_bits; /* 8-15, or CWS_WINDOW_BITS_ABSENT */
};

/* ---- client ---- */

struct cws_client_offer {
    struct cws_bytes host;   /* for Host: with the port unless it is the scheme's default */
    struct cws_bytes target; /* origin form: /path?query */
    const struct cws_bytes *_Nullable protocols;
    size_t protocol_count;
    const struct cws_deflate_terms *_Nullable deflate; /* NULL to offer no compression */
    const struct cws_header *_Nullable headers;
    size_t header_count;
};

/* Sec-WebSocket-Key: 16 bytes in base64. */
#define CWS_KEY_SIZE 24
struct cws_handshake_key {
    uint8_t text[CWS_KEY_SIZE];
};

/* Writes a request with a new random key into the `size` bytes at `buf`. Its size, or a cws_handshake_error; `buf` and
 * `*key` are written only when the return value is positive. */
int cws_handshake_request_write(const struct cws_client_offer *_Nonnull offer, struct cws_handshake_key *_Nonnull key,
                                uint8_t *_Nonnull buf, size_t size);

/* Judges the response whose `head` was decoded from `buf`, by the offer and the key of the request. 0, or a
 * cws_handshake_error, with `*out` as it was. A server that chose no subprotocol or no compression is within its
 * rights.
 *
 * Hints in the offer (client_no_context_takeover, a value of client_max_window_bits) are promises: they are in the
 * agreement even when the server said nothing of them. Interim responses (100, 103) are refusals as well: nothing in
 * the request asks for one. */
int cws_handshake_response_judge(const uint8_t *_Nonnull buf, const struct cws_http_head *_Nonnull head,
                                 const struct cws_client_offer *_Nonnull offer,
                                 const struct cws_handshake_key *_Nonnull key, struct cws_agreement *_Nonnull out);

/* ---- server ---- */

struct cws_deflate_policy {
    /* What is imposed on a side beyond what the client offers. Window bits are what a side gets at most; those of the
     * client can be limited only when it offers client_max_window_bits. */
    struct cws_deflate_params limits;
    bool client_limit_required; /* rather no compression than a client window above the limit */
};

struct cws_server_policy {
    const struct cws_bytes *_Nullable protocols; /* the one liked best first */
    size_t protocol_count;
    const struct cws_deflate_policy *_Nullable deflate; /* NULL for no compression */
};

/* Sec-WebSocket-Accept: a SHA-1 in base64. */
#define CWS_ACCEPT_SIZE 28
struct cws_server_answer {
    struct cws_agreement agreement;
    /* For cws_handshake_response_write. */
    uint8_t accept[CWS_ACCEPT_SIZE];
    struct cws_deflate_terms deflate_terms;
};

/* Judges the request whose `head` was decoded from `buf`: whether it opens a WebSocket. 0, or a cws_handshake_error.
 * Subprotocols, extensions and what is asked for are not looked at. */
int cws_handshake_request_judge(const uint8_t *_Nonnull buf, const struct cws_http_head *_Nonnull head);

/* Judges the request in the same way and then answers its offers: the subprotocol that the policy likes best of those
 * offered, and the first offer of permessage-deflate that the policy can accept. Other extensions, and offers that RFC
 * 7692 wants declined, are passed over. 0, or a cws_handshake_error, with `*out` as it was. */
int cws_handshake_negotiate(const uint8_t *_Nonnull buf, const struct cws_http_head *_Nonnull head,
                            const struct cws_server_policy *_Nonnull policy, struct cws_server_answer *_Nonnull out);

/* Writes the response with status 101 into the `size` bytes at `buf`; the policy is the one that was negotiated with.
 * Its size, or a cws_handshake_error, with nothing written. */
int cws_handshake_response_write(const struct cws_server_answer *_Nonnull answer,
                                 const struct cws_server_policy *_Nonnull policy,
                                 const struct cws_header *_Nullable headers, size_t header_count, uint8_t *_Nonnull buf,
                                 size_t size);

struct cws_refusal {
    uint16_t status;
    struct cws_bytes reason; /* the reason phrase; may be empty */
    struct cws_bytes text;   /* the body: plain text in UTF-8; may be empty */
    const struct cws_header *_Nullable headers;
    size_t header_count;
};

/* Writes a response that turns the request down, after which the connection closes. 405 says `Allow: GET`, and 426 says
 * what to upgrade to and the one version of it. Its size, or a cws_handshake_error, with nothing written. */
int cws_handshake_refusal_write(const struct cws_refusal *_Nonnull refusal, uint8_t *_Nonnull buf, size_t size);

#endif
