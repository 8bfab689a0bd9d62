/* What the handshake's sources share: writing, checks of what the caller gives, fields, keys, permessage-deflate. */
#ifndef HANDSHAKE_SYNTAX_H
#define HANDSHAKE_SYNTAX_H

#include "cws_extensions.h"
#include "cws_handshake.h"

/* ---- writing ---- */

/* Everything is written twice, first without a buffer, so that one that is too small is left alone. */
struct cws_writer {
    uint8_t *_Nullable buf; /* NULL to count only */
    size_t len;
};

void cws_put(struct cws_writer *_Nonnull writer, struct cws_bytes bytes);
void cws_put_text(struct cws_writer *_Nonnull writer, const char *_Nonnull text);
void cws_put_number(struct cws_writer *_Nonnull writer, size_t number);
void cws_put_headers(struct cws_writer *_Nonnull writer, const struct cws_header *_Nullable headers, size_t count);

/* Whether a buffer of `size` bytes takes what was counted. */
bool cws_writer_fits(const struct cws_writer *_Nonnull writer, size_t size);

/* ---- what the caller gives: 0, or a cws_handshake_error ---- */

bool cws_is_token(struct cws_bytes bytes);
/* Whether it may stand in a line. */
bool cws_is_line(struct cws_bytes bytes);
int cws_check_headers(const struct cws_header *_Nullable headers, size_t count);
int cws_check_protocols(const struct cws_bytes *_Nullable protocols, size_t count);

/* ---- fields ---- */

static inline struct cws_bytes bytes_of(const uint8_t *_Nonnull buf, struct cws_http_span span)
{
    return (struct cws_bytes){.at = buf + span.at, .len = span.len};
}

/* Case counts, as in names of subprotocols and extensions, in keys and versions. */
bool cws_bytes_equal(struct cws_bytes left, struct cws_bytes right);
bool cws_bytes_are(struct cws_bytes bytes, const char *_Nonnull text);

/* The value of the one field called `name`. 0, or `missing` or `repeated` with `*value` as it was. */
int cws_only_field(const uint8_t *_Nonnull buf, const struct cws_http_head *_Nonnull head, const char *_Nonnull name,
                   int missing, int repeated, struct cws_bytes *_Nonnull value);

/* The index of `name` among the protocols, or -1. */
int cws_protocol_index(const struct cws_bytes *_Nullable protocols, size_t count, struct cws_bytes name);

/* ---- keys: 0, or CWS_HANDSHAKE_ERR_CRYPTO ---- */

int cws_key_make(struct cws_handshake_key *_Nonnull key);
int cws_key_accept(const uint8_t key[_Nonnull CWS_KEY_SIZE], uint8_t accept[_Nonnull CWS_ACCEPT_SIZE]);
/* Whether it is what base64 makes of 16 bytes, and nothing else that some decoders take for the same. */
bool cws_key_is_canonical(struct cws_bytes key);

/* ---- permessage-deflate ---- */

#define CWS_EXTENSIONS_FIELD "sec-websocket-extensions"
#define CWS_DEFLATE_NAME "permessage-deflate"

/* Whether these can stand in an offer. */
bool cws_deflate_offer_is_legal(const struct cws_deflate_terms *_Nonnull offer);
bool cws_deflate_policy_is_legal(const struct cws_deflate_policy *_Nonnull policy);

/* The extension with its parameters. */
void cws_put_deflate(struct cws_writer *_Nonnull writer, const struct cws_deflate_terms *_Nonnull terms);

/* Takes a parameter into the terms. Whether it is known, new and has a value that it can have in an offer or in a
 * response. */
bool cws_deflate_take(const uint8_t *_Nonnull buf, const struct cws_extension_item *_Nonnull item,
                      struct cws_deflate_terms *_Nonnull terms);

/* Answers the first acceptable one of the request's offers: 1 with the response's terms, 0 when there is none, or
 * CWS_HANDSHAKE_ERR_EXTENSIONS. The fields are read to their end in any case. */
int cws_deflate_choose(const uint8_t *_Nonnull buf, const struct cws_http_head *_Nonnull head,
                       const struct cws_deflate_policy *_Nullable policy, struct cws_deflate_terms *_Nonnull out);

/* Reads the response's terms: 1, or 0 when there are none, or a cws_handshake_error. Only permessage-deflate can have
 * been offered, and was when `offer` isn't NULL. */
int cws_deflate_judge(const uint8_t *_Nonnull buf, const struct cws_http_head *_Nonnull head,
                      const struct cws_deflate_terms *_Nullable offer, struct cws_deflate_terms *_Nonnull out);

/* What the response's terms come to. */
struct cws_deflate_params cws_deflate_params_of(const struct cws_deflate_terms *_Nonnull terms);

#endif
