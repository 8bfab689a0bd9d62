/* HTTP/1.1 messages (RFC 9110, RFC 9112) as bytes: heads, what frames the body, chunked bodies.
 *
 * No I/O, no allocation, no callback. Stricter than the RFCs ask of a recipient: where two readers of the same bytes
 * could disagree about where a message ends or whom it is for, the message is refused rather than repaired, because
 * that disagreement is what request smuggling lives on. */
#ifndef CWS_HTTP_H
#define CWS_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- errors ---- */

/* Negative returns. The numbers are stable and apart from the other errors of the library. */
enum cws_http_error {
    /* Lines. */
    CWS_HTTP_ERR_BARE_CR = -101,
    CWS_HTTP_ERR_BARE_LF = -102,
    CWS_HTTP_ERR_CONTROL = -103,             /* 0x00-0x1f but HT, or 0x7f */
    CWS_HTTP_ERR_START_LINE_TOO_LONG = -104, /* 414 */
    CWS_HTTP_ERR_FIELD_TOO_LONG = -105,      /* 431 */
    CWS_HTTP_ERR_HEAD_TOO_LONG = -106,       /* 431 */
    CWS_HTTP_ERR_TOO_MANY_FIELDS = -107,     /* 431 */

    /* The first line. */
    CWS_HTTP_ERR_START_LINE = -108, /* a part is missing, or there is one too many */
    CWS_HTTP_ERR_METHOD = -109,
    CWS_HTTP_ERR_TARGET = -110,
    CWS_HTTP_ERR_NOT_HTTP = -111, /* no `HTTP/` DIGIT `.` DIGIT */
    CWS_HTTP_ERR_VERSION = -112,  /* 505: neither 1.0 nor 1.1 */
    CWS_HTTP_ERR_STATUS = -113,   /* not 100 to 599 */

    /* Fields. */
    CWS_HTTP_ERR_FIELD_NAME = -114, /* empty, not a token, or without a colon */
    CWS_HTTP_ERR_SPACE_BEFORE_COLON = -115,
    CWS_HTTP_ERR_FOLDED = -116, /* a line that starts with whitespace */
    CWS_HTTP_ERR_HOST = -117,
    CWS_HTTP_ERR_HOST_MISSING = -118,
    CWS_HTTP_ERR_HOST_REPEATED = -119,
    CWS_HTTP_ERR_EXPECTATION = -120, /* 417 */

    /* What frames the body. */
    CWS_HTTP_ERR_LENGTH = -121, /* not digits alone */
    CWS_HTTP_ERR_LENGTH_REPEATED = -122,
    CWS_HTTP_ERR_LENGTH_TOO_LARGE = -123, /* 413: above INT64_MAX */
    CWS_HTTP_ERR_LENGTH_AND_CODING = -124,
    CWS_HTTP_ERR_CODING = -125,         /* 501: Transfer-Encoding is not exactly `chunked` */
    CWS_HTTP_ERR_CODING_VERSION = -126, /* Transfer-Encoding in HTTP/1.0 */

    /* Chunks. */
    CWS_HTTP_ERR_CHUNK_SIZE = -127,
    CWS_HTTP_ERR_CHUNK_END = -128, /* no CRLF where the size says that the data ends */
    CWS_HTTP_ERR_EXTENSIONS_TOO_LONG = -129,
    CWS_HTTP_ERR_BODY_TOO_LARGE = -130, /* 413 */
};

/* Why, in English: a lower-case clause without full stop, for the life of the program. */
const char *_Nonnull cws_http_error_reason(int error);

/* The status that a server should answer with before it closes: 400 where no other is noted above. What only a
 * response can have wrong gets 502, for whoever must pass it on; a number that is no cws_http_error gets 500. */
uint16_t cws_http_error_status(int error);

/* ---- heads ---- */

/* Section 3 of RFC 9112 wants first lines of 8000 bytes to be read. */
#define CWS_HTTP_LINE_DEFAULT 8192
#define CWS_HTTP_HEAD_DEFAULT 16384
#define CWS_HTTP_FIELDS_DEFAULT 100

struct cws_http_limits {
    uint32_t head;   /* bytes of the whole head, empty line included; counts as INT32_MAX when above */
    uint32_t line;   /* bytes of one line, without its CRLF */
    uint32_t fields; /* number of fields */
};

/* Bytes of the buffer that was decoded, by offset: they stay right when the buffer moves. */
struct cws_http_span {
    uint32_t at;
    uint32_t len;
};

struct cws_http_field {
    struct cws_http_span name;
    struct cws_http_span value; /* without whitespace at its ends; may be empty */
};

/* Section 3.2 of RFC 9112. */
enum cws_http_target_form {
    CWS_HTTP_TARGET_ORIGIN,    /* /path?query */
    CWS_HTTP_TARGET_ABSOLUTE,  /* http://host:port/path?query */
    CWS_HTTP_TARGET_AUTHORITY, /* host:port, of CONNECT and only there */
    CWS_HTTP_TARGET_ASTERISK,  /* *, of OPTIONS and only there */
};

struct cws_http_head {
    /* Of a request. */
    struct cws_http_span method; /* case counts */
    struct cws_http_span target;
    enum cws_http_target_form form;
    /* Host and port that the request is for: the target's, which overrules Host (section 3.2.2), or else Host's. Empty
     * when Host is, or when there is none in HTTP/1.0. */
    struct cws_http_span authority;
    struct cws_http_span path; /* path and query; of an absolute target maybe empty, or the query alone */

    /* Of a response; 0 in a request. */
    uint16_t status;
    struct cws_http_span reason; /* may be empty; may hold bytes from 0x80 on */

    /* Of both. */
    uint8_t minor_version;                         /* 0 or 1 */
    const struct cws_http_field *_Nullable fields; /* the caller's array, in the order of arrival */
    size_t field_count;
};

/* Decodes a request's head from the `len` bytes at `buf` into `*out`.
 *
 * `fields` has room for `limits->fields` items, which `out->fields` then points to; its contents are undefined unless
 * the return value is positive. Fields other than Host are checked for form only.
 *
 * Returns the head's size in bytes (the body starts there), 0 when `len` is too short to tell (call again with more;
 * nothing is remembered), or a cws_http_error. `*out` is written only when the return value is positive. An error is
 * reported as soon as the bytes that prove it have arrived (about Host's value: with the end of its line), and is the
 * same one however the bytes were cut. The time is linear in the head's size, so a peer that sends byte by byte costs
 * at most limits->head squared. */
int cws_http_request_decode(const uint8_t *_Nonnull buf, size_t len, const struct cws_http_limits *_Nonnull limits,
                            struct cws_http_field *_Nonnull fields, struct cws_http_head *_Nonnull out);

/* The same for a response's head. */
int cws_http_response_decode(const uint8_t *_Nonnull buf, size_t len, const struct cws_http_limits *_Nonnull limits,
                             struct cws_http_field *_Nonnull fields, struct cws_http_head *_Nonnull out);

/* ---- fields: `buf` is what `head` was decoded from ---- */

/* Whether the bytes are `text`, but for the case of ASCII letters. */
bool cws_http_span_is(const uint8_t *_Nonnull buf, struct cws_http_span span, const char *_Nonnull text);

/* The index of the first field called `name` from index `from` on; head->field_count when there is none. */
size_t cws_http_field_find(const uint8_t *_Nonnull buf, const struct cws_http_head *_Nonnull head,
                           const char *_Nonnull name, size_t from);

/* Whether `token`, in any case, is in the comma-separated lists of all fields called `name`. For fields whose members
 * are plain tokens, such as Connection, Upgrade and Sec-WebSocket-Protocol. */
bool cws_http_has_token(const uint8_t *_Nonnull buf, const struct cws_http_head *_Nonnull head,
                        const char *_Nonnull name, const char *_Nonnull token);

/* Whether a switch to `protocol` is asked for, or in a response with status 101 agreed to: it is in Upgrade and
 * `upgrade` in Connection. Never in HTTP/1.0 (section 7.8 of RFC 9110). */
bool cws_http_upgrades_to(const uint8_t *_Nonnull buf, const struct cws_http_head *_Nonnull head,
                          const char *_Nonnull protocol);

/* 1 when a request's sender waits for `100 Continue` before the body; 0 when not, as always in HTTP/1.0;
 * CWS_HTTP_ERR_EXPECTATION when it expects anything else. */
int cws_http_expects_continue(const uint8_t *_Nonnull buf, const struct cws_http_head *_Nonnull head);

/* ---- bodies ---- */

enum cws_http_body_kind {
    CWS_HTTP_BODY_NONE,
    CWS_HTTP_BODY_LENGTH,   /* `length` bytes, maybe 0 */
    CWS_HTTP_BODY_CHUNKED,  /* see cws_http_chunks */
    CWS_HTTP_BODY_TO_CLOSE, /* a response only: all until the connection closes */
};

struct cws_http_body {
    enum cws_http_body_kind kind;
    uint64_t length; /* at most INT64_MAX */
};

/* The method that a response answers: some have answers without a body, whatever the fields say. */
enum cws_http_asked {
    CWS_HTTP_ASKED_OTHER,
    CWS_HTTP_ASKED_HEAD,
    CWS_HTTP_ASKED_CONNECT,
};

/* What frames the body of the request (section 6.3 of RFC 9112). 0, or a cws_http_error after which nothing on the
 * connection can be trusted: answer and close. `*out` is written only on 0. */
int cws_http_request_body(const uint8_t *_Nonnull buf, const struct cws_http_head *_Nonnull head,
                          struct cws_http_body *_Nonnull out);

/* The same for a response. */
int cws_http_response_body(const uint8_t *_Nonnull buf, const struct cws_http_head *_Nonnull head,
                           enum cws_http_asked asked, struct cws_http_body *_Nonnull out);

/* Whether another message may follow on the connection after this one and its body: not after `close`, nor in HTTP/1.0
 * without `keep-alive`, nor when the body ends with the connection. */
bool cws_http_keeps_alive(const uint8_t *_Nonnull buf, const struct cws_http_head *_Nonnull head,
                          const struct cws_http_body *_Nonnull body);

/* The state of one chunked body, owned by the caller; the fields are private. */
struct cws_http_chunks {
    uint64_t body_left;     /* that may still be announced */
    uint64_t size;          /* of the chunk, as far as read; then what is left of it */
    uint32_t overhead_left; /* for extensions and trailers */
    uint32_t line_limit;
    uint32_t fields_left;
    uint32_t line_length; /* of the trailer */
    int32_t error;        /* once failed */
    uint8_t state;
    uint8_t digits;     /* of the size */
    uint8_t line_state; /* of the trailer */
};

/* Starts a body of at most `body_limit` bytes. Trailers keep to `limits` like the fields of a head; all extensions and
 * trailers of the body together have at most limits->head bytes. */
void cws_http_chunks_init(struct cws_http_chunks *_Nonnull chunks, uint64_t body_limit,
                          const struct cws_http_limits *_Nonnull limits);

/* Takes bytes, up to the end of the next piece of data or of the body.
 *
 * Returns how many of the `len` bytes at `buf` were taken, at most INT32_MAX; call again with the rest. `*data` says
 * which of them are data, maybe none. Returns 0 when `len` is 0 or the body is complete: what is left then belongs to
 * the next message. Or a cws_http_error, in every later call as well; it may come after data that went before. */
int cws_http_chunks_decode(struct cws_http_chunks *_Nonnull chunks, const uint8_t *_Nonnull buf, size_t len,
                           struct cws_http_span *_Nonnull data);

/* Whether the last chunk and its trailers have been taken. A connection that closes before cut the body short. */
bool cws_http_chunks_complete(const struct cws_http_chunks *_Nonnull chunks);

#endif
