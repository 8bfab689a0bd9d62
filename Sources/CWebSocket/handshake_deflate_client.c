/* A client's check of what a server made of the offer of permessage-deflate: section 7.1 of RFC 7692. */
#include "handshake_syntax.h"

/* "A server accepts an extension negotiation offer that includes" a limit on itself "by including" it, and may say
 * nothing of the client's window unless the offer allows that. Limits beyond the offer are the server's to choose. */
static bool answers(const struct cws_deflate_terms *terms, const struct cws_deflate_terms *offer)
{
    if (offer->server_no_context_takeover && !terms->server_no_context_takeover)
        return false;
    if (offer->server_max_window_bits != CWS_WINDOW_BITS_ABSENT &&
        (terms->server_max_window_bits == CWS_WINDOW_BITS_ABSENT ||
         terms->server_max_window_bits > offer->server_max_window_bits))
        return false;
    return offer->client_max_window_bits != CWS_WINDOW_BITS_ABSENT ||
           terms->client_max_window_bits == CWS_WINDOW_BITS_ABSENT;
}

/* One field, `*found` and `*terms` being kept from those before. 0, or an error. */
static int read_field(const uint8_t *buf, struct cws_http_span value, bool offered, bool *found,
                      struct cws_deflate_terms *terms)
{
    struct cws_extension_reader reader = cws_extension_reader_at(value);
    struct cws_extension_item item;
    for (;;) {
        const int part = cws_extension_next(buf, &reader, &item);
        if (part < 0)
            return part;
        if (part == CWS_EXTENSION_END)
            return 0;
        if (part == CWS_EXTENSION_PARAMETER) {
            if (!cws_deflate_take(buf, &item, terms))
                return CWS_HANDSHAKE_ERR_DEFLATE_PARAMETER;
            continue;
        }
        if (!offered || !cws_bytes_are(bytes_of(buf, item.name), CWS_DEFLATE_NAME))
            return CWS_HANDSHAKE_ERR_EXTENSION_NOT_OFFERED;
        if (*found)
            return CWS_HANDSHAKE_ERR_EXTENSION_REPEATED;
        *found = true;
    }
}

int cws_deflate_judge(const uint8_t *buf, const struct cws_http_head *head, const struct cws_deflate_terms *offer,
                      struct cws_deflate_terms *out)
{
    struct cws_deflate_terms terms = {0};
    bool found = false;
    size_t fields = 0;
    for (size_t i = cws_http_field_find(buf, head, CWS_EXTENSIONS_FIELD, 0); i < head->field_count;
         i = cws_http_field_find(buf, head, CWS_EXTENSIONS_FIELD, i + 1)) {
        const int error = read_field(buf, head->fields[i].value, offer != NULL, &found, &terms);
        if (error < 0)
            return error;
        fields++;
    }
    /* What wasn't offered wasn't found either. */
    if (!offer || !found)
        return fields > 0 ? CWS_HANDSHAKE_ERR_EXTENSIONS : 0;
    /* In a response both have a value. */
    if (terms.client_max_window_bits == CWS_WINDOW_BITS_NO_VALUE ||
        terms.server_max_window_bits == CWS_WINDOW_BITS_NO_VALUE)
        return CWS_HANDSHAKE_ERR_DEFLATE_PARAMETER;
    if (!answers(&terms, offer))
        return CWS_HANDSHAKE_ERR_DEFLATE_TERMS;
    *out = terms;
    return 1;
}
