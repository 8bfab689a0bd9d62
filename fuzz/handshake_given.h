/* What HandshakeFuzz gives: lines and flags of an input as offers and policies, and heads as our own parser has them. */
#ifndef FUZZ_HANDSHAKE_GIVEN_H
#define FUZZ_HANDSHAKE_GIVEN_H

#include "CWebSocket.h"
#include "input.h"

/* ---- heads ---- */

enum { FIELDS_MAX = 64 };

struct read_head {
    const uint8_t *_Nonnull bytes;
    int size; /* of the head, or what the decoder said */
    struct cws_http_field fields[FIELDS_MAX];
    struct cws_http_head head;
};

/* Decodes a copy of exactly these bytes, which it returns. */
static inline uint8_t *_Nonnull read_head(struct read_head *_Nonnull to, const uint8_t *_Nonnull bytes, size_t len,
                                          bool response)
{
    const struct cws_http_limits limits = {.head = INT32_MAX, .line = INT32_MAX, .fields = FIELDS_MAX};
    uint8_t *copy = exact_copy(bytes, len);
    to->bytes = copy;
    to->size = response ? cws_http_response_decode(copy, len, &limits, to->fields, &to->head)
                        : cws_http_request_decode(copy, len, &limits, to->fields, &to->head);
    return copy;
}

/* Whether these bytes of the head are those. */
static inline bool span_is(const struct read_head *_Nonnull head, struct cws_http_span span, struct cws_bytes bytes)
{
    return span.len == bytes.len && (bytes.len == 0 || memcmp(head->bytes + span.at, bytes.at, bytes.len) == 0);
}

/* ---- what has to be left alone ---- */

enum { UNTOUCHED = 0xee };

static inline bool is_untouched(const void *_Nonnull bytes, size_t len)
{
    const uint8_t *at = bytes;
    for (size_t i = 0; i < len; i++) {
        if (at[i] != UNTOUCHED)
            return false;
    }
    return true;
}

static inline uint8_t *_Nonnull untouched_block(size_t len)
{
    return memset(exact_block(len), UNTOUCHED, len);
}

/* What was said about a block that is too small. */
static inline void check_too_small(uint8_t *_Nonnull block, size_t len, int error)
{
    REQUIRE(error == CWS_HANDSHAKE_ERR_TOO_SMALL && is_untouched(block, len));
    free(block);
}

/* ---- lists ---- */

static inline bool same_bytes(struct cws_bytes a, struct cws_bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/* Takes what goes up to `end`, and that as well; all of it when there is none. */
static inline struct cws_bytes take_up_to(struct cws_bytes *_Nonnull rest, uint8_t end)
{
    const uint8_t *found = rest->len > 0 ? memchr(rest->at, end, rest->len) : NULL;
    const size_t len = found ? (size_t)(found - rest->at) : rest->len;
    const struct cws_bytes taken = {.at = rest->at, .len = len};
    const size_t used = found ? len + 1 : len;
    *rest = (struct cws_bytes){.at = rest->at ? rest->at + used : NULL, .len = rest->len - used};
    return taken;
}

enum { PROTOCOLS_MAX = 6, HEADERS_MAX = 6 };

struct protocols {
    struct cws_bytes list[PROTOCOLS_MAX];
    size_t count;
};

/* `a,b` as it is: neither side need be a token. */
static inline struct protocols protocols_from(struct cws_bytes line)
{
    struct protocols protocols = {.count = 0};
    while (line.len > 0 && protocols.count < PROTOCOLS_MAX)
        protocols.list[protocols.count++] = take_up_to(&line, ',');
    return protocols;
}

struct headers {
    struct cws_header list[HEADERS_MAX];
    size_t count;
};

/* `name:value` in lines. */
static inline struct headers headers_from(struct cws_bytes lines)
{
    struct headers headers = {.count = 0};
    while (lines.len > 0 && headers.count < HEADERS_MAX) {
        struct cws_bytes line = take_up_to(&lines, '\n');
        const struct cws_bytes name = take_up_to(&line, ':');
        headers.list[headers.count++] = (struct cws_header){.name = name, .value = line};
    }
    return headers;
}

/* ---- permessage-deflate ---- */

/* Legal or not. */
static inline struct cws_deflate_terms take_terms(struct input *_Nonnull input)
{
    const uint8_t flags = take_option(input);
    const uint8_t bits = take_option(input);
    return (struct cws_deflate_terms){.client_no_context_takeover = flags & 2,
                                      .server_no_context_takeover = flags & 4,
                                      .client_max_window_bits = bits & 15,
                                      .server_max_window_bits = bits >> 4};
}

static inline struct cws_deflate_policy take_policy(struct input *_Nonnull input)
{
    const uint8_t flags = take_option(input);
    const uint8_t bits = take_option(input);
    return (struct cws_deflate_policy){.limits = {.client_no_context_takeover = flags & 2,
                                                  .server_no_context_takeover = flags & 4,
                                                  .client_max_window_bits = bits & 15,
                                                  .server_max_window_bits = bits >> 4},
                                       .client_limit_required = flags & 8};
}

static inline bool is_window(uint8_t bits)
{
    return bits >= CWS_WINDOW_BITS_MIN && bits <= CWS_WINDOW_BITS_MAX;
}

static inline bool policy_is_legal(const struct cws_deflate_policy *_Nullable policy)
{
    return !policy ||
           (is_window(policy->limits.client_max_window_bits) && is_window(policy->limits.server_max_window_bits));
}

/* What a server may impose, and what it may not. */
static inline void check_limits(const struct cws_agreement *_Nonnull agreement,
                                const struct cws_deflate_policy *_Nullable policy)
{
    if (!agreement->deflate)
        return;
    REQUIRE(policy);
    const struct cws_deflate_params *params = &agreement->deflate_params;
    REQUIRE(is_window(params->client_max_window_bits) && is_window(params->server_max_window_bits));
    REQUIRE(params->server_max_window_bits <= policy->limits.server_max_window_bits);
    REQUIRE(params->client_no_context_takeover || !policy->limits.client_no_context_takeover);
    REQUIRE(params->server_no_context_takeover || !policy->limits.server_no_context_takeover);
    REQUIRE(!policy->client_limit_required || params->client_max_window_bits <= policy->limits.client_max_window_bits);
}

static inline bool same_agreement(const struct cws_agreement *_Nonnull a, const struct cws_agreement *_Nonnull b)
{
    const struct cws_deflate_params *left = &a->deflate_params;
    const struct cws_deflate_params *right = &b->deflate_params;
    return a->deflate == b->deflate &&
           (!a->deflate || (left->client_no_context_takeover == right->client_no_context_takeover &&
                            left->server_no_context_takeover == right->server_no_context_takeover &&
                            left->client_max_window_bits == right->client_max_window_bits &&
                            left->server_max_window_bits == right->server_max_window_bits));
}

#endif
