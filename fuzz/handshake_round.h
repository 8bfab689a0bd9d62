/* Both ends of a handshake: what is written is what was given, our own parser takes it, and both agree on the same. */
#ifndef FUZZ_HANDSHAKE_ROUND_H
#define FUZZ_HANDSHAKE_ROUND_H

#include "handshake_given.h"

enum { WRITTEN_MAX = 16384 };

static struct cws_bytes trimmed(struct cws_bytes bytes)
{
    while (bytes.len > 0 && (bytes.at[0] == ' ' || bytes.at[0] == '\t')) {
        bytes.at++;
        bytes.len--;
    }
    while (bytes.len > 0 && (bytes.at[bytes.len - 1] == ' ' || bytes.at[bytes.len - 1] == '\t'))
        bytes.len--;
    return bytes;
}

/* They are the last fields, and nothing became a field of its own. */
static void check_written_headers(const struct read_head *_Nonnull head, size_t before,
                                  const struct headers *_Nonnull headers)
{
    REQUIRE(head->head.field_count == before + headers->count);
    for (size_t i = 0; i < headers->count; i++) {
        const struct cws_http_field *field = &head->head.fields[before + i];
        REQUIRE(span_is(head, field->name, headers->list[i].name));
        REQUIRE(span_is(head, field->value, trimmed(headers->list[i].value)));
    }
}

static void check_protocol_field(const struct read_head *_Nonnull head, struct cws_bytes joined, bool there)
{
    const size_t at = cws_http_field_find(head->bytes, &head->head, "Sec-WebSocket-Protocol", 0);
    REQUIRE((at < head->head.field_count) == there);
    REQUIRE(!there || joined.len == 0 || span_is(head, head->head.fields[at].value, joined));
}

/* Returns the block that the request is in; NULL when the offer isn't one. */
static uint8_t *_Nullable write_request(const struct cws_client_offer *_Nonnull offer,
                                        const struct headers *_Nonnull headers, struct cws_handshake_key *_Nonnull key,
                                        struct read_head *_Nonnull request)
{
    uint8_t written[WRITTEN_MAX];
    const int size = cws_handshake_request_write(offer, key, written, sizeof written);
    if (size < 0) {
        REQUIRE(size <= CWS_HANDSHAKE_ERR_HOST && size >= CWS_HANDSHAKE_ERR_WINDOW_BITS);
        return NULL;
    }
    const size_t less = (size_t)size - 1;
    uint8_t *small = untouched_block(less);
    check_too_small(small, less, cws_handshake_request_write(offer, key, small, less));
    uint8_t *block = read_head(request, written, (size_t)size, false);
    REQUIRE(request->size == size && request->head.form == CWS_HTTP_TARGET_ORIGIN);
    REQUIRE(span_is(request, request->head.target, offer->target));
    REQUIRE(span_is(request, request->head.authority, offer->host));
    check_written_headers(request, 5 + (offer->protocol_count > 0) + (offer->deflate != NULL), headers);
    check_protocol_field(request, (struct cws_bytes){.len = 0}, offer->protocol_count > 0);
    for (size_t i = 0; i < offer->protocol_count; i++) {
        char name[64];
        const size_t len = offer->protocols[i].len < sizeof name ? offer->protocols[i].len : 0;
        memcpy(name, offer->protocols[i].at, len);
        name[len] = 0;
        REQUIRE(len == 0 || cws_http_has_token(request->bytes, &request->head, "sec-websocket-protocol", name));
    }
    REQUIRE(cws_handshake_request_judge(request->bytes, &request->head) == 0);
    return block;
}

/* The best of the policy that was offered. */
static int expected_protocol(const struct cws_client_offer *_Nonnull offer,
                             const struct cws_server_policy *_Nonnull policy)
{
    for (size_t i = 0; i < policy->protocol_count; i++) {
        for (size_t k = 0; k < offer->protocol_count; k++) {
            if (same_bytes(policy->protocols[i], offer->protocols[k]))
                return (int)i;
        }
    }
    return -1;
}

static void check_answer(const struct cws_client_offer *_Nonnull offer, const struct cws_handshake_key *_Nonnull key,
                         const struct cws_server_policy *_Nonnull policy, const struct headers *_Nonnull headers,
                         const struct cws_server_answer *_Nonnull answer)
{
    uint8_t written[WRITTEN_MAX];
    const int size =
        cws_handshake_response_write(answer, policy, headers->list, headers->count, written, sizeof written);
    REQUIRE(size > 0);
    const size_t less = (size_t)size - 1;
    uint8_t *small = untouched_block(less);
    check_too_small(small, less,
                    cws_handshake_response_write(answer, policy, headers->list, headers->count, small, less));
    struct read_head response;
    uint8_t *block = read_head(&response, written, (size_t)size, true);
    const int protocol = answer->agreement.protocol;
    REQUIRE(response.size == size && response.head.status == 101);
    check_written_headers(&response, 3 + (size_t)(protocol >= 0) + answer->agreement.deflate, headers);
    check_protocol_field(&response, protocol < 0 ? (struct cws_bytes){.len = 0} : policy->protocols[protocol],
                         protocol >= 0);

    struct cws_agreement agreement;
    REQUIRE(cws_handshake_response_judge(response.bytes, &response.head, offer, key, &agreement) == 0);
    REQUIRE(same_agreement(&agreement, &answer->agreement));
    REQUIRE((agreement.protocol < 0) == (protocol < 0));
    REQUIRE(protocol < 0 || same_bytes(offer->protocols[agreement.protocol], policy->protocols[protocol]));
    free(block);
}

/* Lines: host, target, the client's subprotocols, the server's, then headers of both. */
static void fuzz_round(struct input *_Nonnull input, uint8_t flags)
{
    const struct cws_deflate_terms terms = take_terms(input);
    const struct cws_deflate_policy deflate = take_policy(input);
    uint8_t *text = exact_copy(input->bytes, input->len);
    struct cws_bytes rest = {.at = text, .len = input->len};
    const struct cws_bytes host = take_up_to(&rest, '\n');
    const struct cws_bytes target = take_up_to(&rest, '\n');
    const struct protocols ours = protocols_from(take_up_to(&rest, '\n'));
    const struct protocols theirs = protocols_from(take_up_to(&rest, '\n'));
    const struct headers headers = headers_from(rest);
    const struct cws_client_offer offer = {.host = host,
                                           .target = target,
                                           .protocols = ours.list,
                                           .protocol_count = ours.count,
                                           .deflate = flags & 8 ? &terms : NULL,
                                           .headers = headers.list,
                                           .header_count = headers.count};
    const struct cws_server_policy policy = {
        .protocols = theirs.list, .protocol_count = theirs.count, .deflate = flags & 16 ? &deflate : NULL};
    struct cws_handshake_key key;
    struct read_head request;
    uint8_t *block = write_request(&offer, &headers, &key, &request);
    if (block) {
        struct cws_server_answer answer;
        const int error = cws_handshake_negotiate(request.bytes, &request.head, &policy, &answer);
        REQUIRE(policy_is_legal(policy.deflate) || error == CWS_HANDSHAKE_ERR_WINDOW_BITS);
        REQUIRE(error == 0 || error == CWS_HANDSHAKE_ERR_WINDOW_BITS || error == CWS_HANDSHAKE_ERR_PROTOCOL_NAME);
        if (error == 0) {
            REQUIRE(answer.agreement.protocol == expected_protocol(&offer, &policy));
            REQUIRE(!answer.agreement.deflate || offer.deflate);
            check_limits(&answer.agreement, policy.deflate);
            check_answer(&offer, &key, &policy, &headers, &answer);
        }
        free(block);
    }
    free(text);
}

/* ---- refusals ---- */

static void check_refusal(const struct cws_refusal *_Nonnull refusal, const struct headers *_Nonnull headers)
{
    uint8_t written[WRITTEN_MAX];
    const int size = cws_handshake_refusal_write(refusal, written, sizeof written);
    if (size < 0) {
        const bool of_header = size <= CWS_HANDSHAKE_ERR_HEADER_NAME && size >= CWS_HANDSHAKE_ERR_HEADER_RESERVED;
        REQUIRE(of_header || size == CWS_HANDSHAKE_ERR_STATUS || size == CWS_HANDSHAKE_ERR_REASON);
        return;
    }
    const size_t less = (size_t)size - 1;
    uint8_t *small = untouched_block(less);
    check_too_small(small, less, cws_handshake_refusal_write(refusal, small, less));
    struct read_head response;
    uint8_t *block = read_head(&response, written, (size_t)size, true);
    REQUIRE(response.size > 0 && response.head.status == refusal->status);
    REQUIRE(span_is(&response, response.head.reason, refusal->reason));
    const size_t own = refusal->status == 405 ? 3U : refusal->status == 426 ? 4U : 2U;
    check_written_headers(&response, own + (refusal->text.len > 0), headers);

    struct cws_http_body body;
    REQUIRE(cws_http_response_body(response.bytes, &response.head, CWS_HTTP_ASKED_OTHER, &body) == 0);
    REQUIRE(body.kind == CWS_HTTP_BODY_LENGTH && body.length == refusal->text.len);
    REQUIRE((size_t)size == (size_t)response.size + refusal->text.len);
    const struct cws_bytes text = {.at = response.bytes + response.size, .len = refusal->text.len};
    REQUIRE(same_bytes(text, refusal->text) && !cws_http_keeps_alive(response.bytes, &response.head, &body));

    const struct cws_client_offer offer = {.protocol_count = 0};
    const struct cws_handshake_key key = {{0}};
    struct cws_agreement agreement;
    REQUIRE(cws_handshake_response_judge(response.bytes, &response.head, &offer, &key, &agreement) ==
            CWS_HANDSHAKE_ERR_REFUSED);
    free(block);
}

/* Lines: reason, text, headers. */
static void fuzz_refusal(struct input *_Nonnull input)
{
    const uint16_t status = (uint16_t)(290 + (take_option(input) | (take_option(input) & 1) << 8));
    uint8_t *text = exact_copy(input->bytes, input->len);
    struct cws_bytes rest = {.at = text, .len = input->len};
    struct cws_refusal refusal = {.status = status};
    refusal.reason = take_up_to(&rest, '\n');
    refusal.text = take_up_to(&rest, '\n');
    const struct headers headers = headers_from(rest);
    refusal.headers = headers.list;
    refusal.header_count = headers.count;
    check_refusal(&refusal, &headers);
    free(text);
}

#endif
