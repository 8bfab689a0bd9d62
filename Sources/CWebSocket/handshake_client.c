/* The client's side: section 4.1 of RFC 6455. */
#include "handshake_syntax.h"
#include "http_syntax.h"

/* ---- request ---- */

static bool is_host(struct cws_bytes host)
{
    if (host.len == 0)
        return false;
    const struct cws_http_text text = {.buf = host.at, .end = host.len, .whole = true};
    return cws_http_authority_fits(text, false);
}

static bool is_origin_form(struct cws_bytes target)
{
    if (target.len == 0)
        return false;
    const struct cws_http_text text = {.buf = target.at, .end = target.len, .whole = true};
    struct cws_http_head head = {0};
    return cws_http_target_read(text, &head) == 0 && head.form == CWS_HTTP_TARGET_ORIGIN;
}

static int check_offer(const struct cws_client_offer *offer)
{
    if (!is_host(offer->host))
        return CWS_HANDSHAKE_ERR_HOST;
    if (!is_origin_form(offer->target))
        return CWS_HANDSHAKE_ERR_TARGET;
    if (offer->deflate && !cws_deflate_offer_is_legal(offer->deflate))
        return CWS_HANDSHAKE_ERR_WINDOW_BITS;
    const int error = cws_check_protocols(offer->protocols, offer->protocol_count);
    return error < 0 ? error : cws_check_headers(offer->headers, offer->header_count);
}

static void put_request(struct cws_writer *writer, const struct cws_client_offer *offer,
                        const struct cws_handshake_key *key)
{
    cws_put_text(writer, "GET ");
    cws_put(writer, offer->target);
    cws_put_text(writer, " HTTP/1.1\r\nHost: ");
    cws_put(writer, offer->host);
    cws_put_text(writer, "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ");
    cws_put(writer, (struct cws_bytes){.at = key->text, .len = CWS_KEY_SIZE});
    cws_put_text(writer, "\r\nSec-WebSocket-Version: 13\r\n");
    for (size_t i = 0; i < offer->protocol_count; i++) {
        cws_put_text(writer, i == 0 ? "Sec-WebSocket-Protocol: " : ", ");
        cws_put(writer, offer->protocols[i]);
    }
    if (offer->protocol_count > 0)
        cws_put_text(writer, "\r\n");
    if (offer->deflate) {
        cws_put_text(writer, "Sec-WebSocket-Extensions: ");
        cws_put_deflate(writer, offer->deflate);
        cws_put_text(writer, "\r\n");
    }
    cws_put_headers(writer, offer->headers, offer->header_count);
    cws_put_text(writer, "\r\n");
}

int cws_handshake_request_write(const struct cws_client_offer *offer, struct cws_handshake_key *key, uint8_t *buf,
                                size_t size)
{
    const int error = check_offer(offer);
    if (error < 0)
        return error;
    struct cws_handshake_key fresh = {{0}};
    struct cws_writer counter = {0};
    put_request(&counter, offer, &fresh);
    if (!cws_writer_fits(&counter, size))
        return CWS_HANDSHAKE_ERR_TOO_SMALL;
    if (cws_key_make(&fresh) < 0)
        return CWS_HANDSHAKE_ERR_CRYPTO;
    *key = fresh;
    struct cws_writer writer = {.buf = buf};
    put_request(&writer, offer, &fresh);
    return (int)writer.len;
}

/* ---- response ---- */

/* Upgrade is `websocket` alone here: a server that names more has switched to something beneath or above it. */
static int judge_switch(const uint8_t *buf, const struct cws_http_head *head)
{
    const size_t upgrade = cws_http_field_find(buf, head, "upgrade", 0);
    if (upgrade == head->field_count || !cws_http_span_is(buf, head->fields[upgrade].value, "websocket") ||
        cws_http_field_find(buf, head, "upgrade", upgrade + 1) < head->field_count)
        return CWS_HANDSHAKE_ERR_NOT_UPGRADED;
    if (!cws_http_has_token(buf, head, "connection", "upgrade"))
        return CWS_HANDSHAKE_ERR_NOT_IN_CONNECTION;
    if (cws_http_field_find(buf, head, "sec-websocket-version", 0) < head->field_count &&
        !cws_http_has_token(buf, head, "sec-websocket-version", "13"))
        return CWS_HANDSHAKE_ERR_OTHER_VERSION;
    return 0;
}

static int judge_accept(const uint8_t *buf, const struct cws_http_head *head, const struct cws_handshake_key *key)
{
    struct cws_bytes value;
    const int error = cws_only_field(buf, head, "sec-websocket-accept", CWS_HANDSHAKE_ERR_ACCEPT_MISSING,
                                     CWS_HANDSHAKE_ERR_ACCEPT_REPEATED, &value);
    if (error < 0)
        return error;
    uint8_t accept[CWS_ACCEPT_SIZE];
    if (cws_key_accept(key->text, accept) < 0)
        return CWS_HANDSHAKE_ERR_CRYPTO;
    const struct cws_bytes expected = {.at = accept, .len = CWS_ACCEPT_SIZE};
    return cws_bytes_equal(value, expected) ? 0 : CWS_HANDSHAKE_ERR_ACCEPT;
}

static int judge_protocol(const uint8_t *buf, const struct cws_http_head *head, const struct cws_client_offer *offer,
                          int *protocol)
{
    static const char field[] = "sec-websocket-protocol";
    if (cws_http_field_find(buf, head, field, 0) == head->field_count) {
        *protocol = -1;
        return 0;
    }
    struct cws_bytes value;
    const int error = cws_only_field(buf, head, field, 0, CWS_HANDSHAKE_ERR_PROTOCOL_REPEATED, &value);
    if (error < 0)
        return error;
    *protocol = cws_protocol_index(offer->protocols, offer->protocol_count, value);
    return *protocol < 0 ? CWS_HANDSHAKE_ERR_PROTOCOL_NOT_OFFERED : 0;
}

/* Section 7.1.1.2 and 7.1.2.2 of RFC 7692: "the client is not going to", whatever the server says. */
static void keep_promises(struct cws_deflate_params *params, const struct cws_deflate_terms *offer)
{
    const uint8_t bits = offer->client_max_window_bits;
    if (offer->client_no_context_takeover)
        params->client_no_context_takeover = true;
    if (bits >= CWS_WINDOW_BITS_MIN && bits < params->client_max_window_bits)
        params->client_max_window_bits = bits;
}

int cws_handshake_response_judge(const uint8_t *buf, const struct cws_http_head *head,
                                 const struct cws_client_offer *offer, const struct cws_handshake_key *key,
                                 struct cws_agreement *out)
{
    if (head->status != 101)
        return CWS_HANDSHAKE_ERR_REFUSED;
    if (head->minor_version == 0)
        return CWS_HANDSHAKE_ERR_HTTP_VERSION;
    int error = judge_switch(buf, head);
    if (error == 0)
        error = judge_accept(buf, head, key);
    if (error < 0)
        return error;

    struct cws_agreement agreement = {0};
    error = judge_protocol(buf, head, offer, &agreement.protocol);
    if (error < 0)
        return error;
    struct cws_deflate_terms terms = {0};
    const int found = cws_deflate_judge(buf, head, offer->deflate, &terms);
    if (found < 0)
        return found;
    if (found > 0) {
        agreement.deflate = true;
        agreement.deflate_params = cws_deflate_params_of(&terms);
        keep_promises(&agreement.deflate_params, offer->deflate);
    }
    *out = agreement;
    return 0;
}
