/* Checks of what the caller gives, so that none of it can become a line of its own or contradict the handshake. */
#include "handshake_syntax.h"
#include "http_syntax.h"

bool cws_is_token(struct cws_bytes bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        if (!cws_http_is_token(bytes.at[i]))
            return false;
    }
    return bytes.len > 0;
}

bool cws_is_line(struct cws_bytes bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        if (is_control(bytes.at[i]))
            return false;
    }
    return true;
}

static bool is_reserved(struct cws_bytes name)
{
    static const char *const reserved[] = {"allow",  "connection", "content-length",    "content-type",
                                           "expect", "host",       "transfer-encoding", "upgrade"};
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++) {
        if (cws_http_span_is(name.at, span_of(0, name.len), reserved[i]))
            return true;
    }
    static const char prefix[] = "sec-websocket-";
    const size_t length = sizeof prefix - 1;
    return name.len >= length && cws_http_span_is(name.at, span_of(0, length), prefix);
}

int cws_check_headers(const struct cws_header *headers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!cws_is_token(headers[i].name))
            return CWS_HANDSHAKE_ERR_HEADER_NAME;
        if (is_reserved(headers[i].name))
            return CWS_HANDSHAKE_ERR_HEADER_RESERVED;
        if (!cws_is_line(headers[i].value))
            return CWS_HANDSHAKE_ERR_HEADER_VALUE;
    }
    return 0;
}

int cws_check_protocols(const struct cws_bytes *protocols, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!cws_is_token(protocols[i]) || cws_protocol_index(protocols, i, protocols[i]) >= 0)
            return CWS_HANDSHAKE_ERR_PROTOCOL_NAME;
    }
    return 0;
}
