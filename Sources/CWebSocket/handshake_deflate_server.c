/* A server's answer to offers of permessage-deflate: section 7.1 of RFC 7692. */
#include "handshake_syntax.h"

static uint8_t smaller(uint8_t left, uint8_t right)
{
    return left < right ? left : right;
}

/* Sections 7.1.1 and 7.1.2: what the server adds, and what it must repeat. False to decline the offer. */
static bool accept_offer(const struct cws_deflate_policy *policy, const struct cws_deflate_terms *offer,
                         struct cws_deflate_terms *out)
{
    if (!cws_deflate_offer_is_legal(offer))
        return false;
    const struct cws_deflate_params *limits = &policy->limits;
    const bool client_offers_bits = offer->client_max_window_bits != CWS_WINDOW_BITS_ABSENT;
    if (policy->client_limit_required && !client_offers_bits && limits->client_max_window_bits < CWS_WINDOW_BITS_MAX)
        return false;

    struct cws_deflate_terms terms = {
        .client_no_context_takeover = offer->client_no_context_takeover || limits->client_no_context_takeover,
        .server_no_context_takeover = offer->server_no_context_takeover || limits->server_no_context_takeover,
    };
    if (client_offers_bits) {
        const bool has_value = offer->client_max_window_bits != CWS_WINDOW_BITS_NO_VALUE;
        const uint8_t offered = has_value ? offer->client_max_window_bits : CWS_WINDOW_BITS_MAX;
        const uint8_t bits = smaller(offered, limits->client_max_window_bits);
        terms.client_max_window_bits = bits < CWS_WINDOW_BITS_MAX ? bits : CWS_WINDOW_BITS_ABSENT;
    }
    if (offer->server_max_window_bits != CWS_WINDOW_BITS_ABSENT)
        terms.server_max_window_bits = smaller(offer->server_max_window_bits, limits->server_max_window_bits);
    else if (limits->server_max_window_bits < CWS_WINDOW_BITS_MAX)
        terms.server_max_window_bits = limits->server_max_window_bits;
    *out = terms;
    return true;
}

/* The offers of one field. `*chosen` and `*out` are kept from the fields before. The number of extensions, or an
 * error. */
static int choose_from(const uint8_t *buf, struct cws_http_span value, const struct cws_deflate_policy *policy,
                       bool *chosen, struct cws_deflate_terms *out)
{
    struct cws_extension_reader reader = cws_extension_reader_at(value);
    struct cws_extension_item item;
    struct cws_deflate_terms offer = {0};
    bool legal = false; /* and of permessage-deflate */
    int count = 0;
    for (;;) {
        const int part = cws_extension_next(buf, &reader, &item);
        if (part < 0)
            return part;
        if (part == CWS_EXTENSION_PARAMETER) {
            legal = legal && cws_deflate_take(buf, &item, &offer);
            continue;
        }
        /* All parameters of the extension before are there. */
        if (policy && legal && !*chosen)
            *chosen = accept_offer(policy, &offer, out);
        if (part == CWS_EXTENSION_END)
            return count;
        count++;
        offer = (struct cws_deflate_terms){0};
        legal = cws_bytes_are(bytes_of(buf, item.name), CWS_DEFLATE_NAME);
    }
}

int cws_deflate_choose(const uint8_t *buf, const struct cws_http_head *head, const struct cws_deflate_policy *policy,
                       struct cws_deflate_terms *out)
{
    bool chosen = false;
    bool found = false;
    int members = 0;
    for (size_t i = cws_http_field_find(buf, head, CWS_EXTENSIONS_FIELD, 0); i < head->field_count;
         i = cws_http_field_find(buf, head, CWS_EXTENSIONS_FIELD, i + 1)) {
        const int count = choose_from(buf, head->fields[i].value, policy, &chosen, out);
        if (count < 0)
            return count;
        found = true;
        members += count;
    }
    return found && members == 0 ? CWS_HANDSHAKE_ERR_EXTENSIONS : chosen;
}
