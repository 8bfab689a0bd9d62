/* The parameters of permessage-deflate as both roles write and read them: section 7.1 of RFC 7692. */
#include "handshake_syntax.h"

static bool is_window_bits(uint8_t bits)
{
    return bits >= CWS_WINDOW_BITS_MIN && bits <= CWS_WINDOW_BITS_MAX;
}

bool cws_deflate_offer_is_legal(const struct cws_deflate_terms *offer)
{
    const uint8_t client = offer->client_max_window_bits;
    const uint8_t server = offer->server_max_window_bits;
    return (is_window_bits(client) || client == CWS_WINDOW_BITS_ABSENT || client == CWS_WINDOW_BITS_NO_VALUE) &&
           (is_window_bits(server) || server == CWS_WINDOW_BITS_ABSENT);
}

bool cws_deflate_policy_is_legal(const struct cws_deflate_policy *policy)
{
    return is_window_bits(policy->limits.client_max_window_bits) &&
           is_window_bits(policy->limits.server_max_window_bits);
}

static void put_bits(struct cws_writer *writer, const char *name, uint8_t bits)
{
    if (bits == CWS_WINDOW_BITS_ABSENT)
        return;
    cws_put_text(writer, name);
    if (bits == CWS_WINDOW_BITS_NO_VALUE)
        return;
    cws_put_text(writer, "=");
    cws_put_number(writer, bits);
}

void cws_put_deflate(struct cws_writer *writer, const struct cws_deflate_terms *terms)
{
    cws_put_text(writer, CWS_DEFLATE_NAME);
    if (terms->client_no_context_takeover)
        cws_put_text(writer, "; client_no_context_takeover");
    if (terms->server_no_context_takeover)
        cws_put_text(writer, "; server_no_context_takeover");
    put_bits(writer, "; client_max_window_bits", terms->client_max_window_bits);
    put_bits(writer, "; server_max_window_bits", terms->server_max_window_bits);
}

/* A parameter without value that isn't there yet. */
static bool take_flag(const struct cws_extension_item *item, bool *flag)
{
    if (item->has_value || *flag)
        return false;
    *flag = true;
    return true;
}

/* "a decimal integer value without leading zeroes between 8 to 15, inclusive". */
static bool take_bits(const uint8_t *buf, const struct cws_extension_item *item, uint8_t *bits)
{
    static const char *const values[] = {"8", "9", "10", "11", "12", "13", "14", "15"};
    if (*bits != CWS_WINDOW_BITS_ABSENT)
        return false;
    if (!item->has_value) {
        *bits = CWS_WINDOW_BITS_NO_VALUE;
        return true;
    }
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        if (cws_extension_value_is(buf, item, values[i]))
            *bits = (uint8_t)(CWS_WINDOW_BITS_MIN + i);
    }
    return *bits != CWS_WINDOW_BITS_ABSENT;
}

bool cws_deflate_take(const uint8_t *buf, const struct cws_extension_item *item, struct cws_deflate_terms *terms)
{
    const struct cws_bytes name = bytes_of(buf, item->name);
    if (cws_bytes_are(name, "client_no_context_takeover"))
        return take_flag(item, &terms->client_no_context_takeover);
    if (cws_bytes_are(name, "server_no_context_takeover"))
        return take_flag(item, &terms->server_no_context_takeover);
    if (cws_bytes_are(name, "client_max_window_bits"))
        return take_bits(buf, item, &terms->client_max_window_bits);
    if (cws_bytes_are(name, "server_max_window_bits"))
        return take_bits(buf, item, &terms->server_max_window_bits);
    return false;
}

struct cws_deflate_params cws_deflate_params_of(const struct cws_deflate_terms *terms)
{
    const uint8_t client = terms->client_max_window_bits;
    const uint8_t server = terms->server_max_window_bits;
    return (struct cws_deflate_params){
        .client_no_context_takeover = terms->client_no_context_takeover,
        .server_no_context_takeover = terms->server_no_context_takeover,
        .client_max_window_bits = client == CWS_WINDOW_BITS_ABSENT ? CWS_WINDOW_BITS_MAX : client,
        .server_max_window_bits = server == CWS_WINDOW_BITS_ABSENT ? CWS_WINDOW_BITS_MAX : server,
    };
}
