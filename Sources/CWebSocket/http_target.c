/* Whom a request is for, and what: section 3.2 of RFC 9112 with the characters of RFC 3986 and no others. */
#include "http_syntax.h"

#include <string.h>

/* unreserved and sub-delims. */
static bool is_host_byte(uint8_t byte)
{
    return is_alpha(byte) || is_digit(byte) || (byte != 0 && strchr("-._~!$&'()*+,;=", byte) != NULL);
}

/* pchar, and what separates segments and the query. No `#`: a fragment is never sent. */
static bool is_path_byte(uint8_t byte)
{
    return is_host_byte(byte) || (byte != 0 && strchr(":@/?", byte) != NULL);
}

static bool is_scheme_byte(uint8_t byte)
{
    return is_alpha(byte) || is_digit(byte) || (byte != 0 && strchr("+-.", byte) != NULL);
}

/* The first byte from `at` on that neither `fits` nor is of a %-escape. An escape that more bytes may complete is one. */
static size_t skip_escaped(struct cws_http_text text, size_t at, bool (*fits)(uint8_t))
{
    while (at < text.end) {
        if (fits(text.buf[at])) {
            at++;
            continue;
        }
        if (text.buf[at] != '%')
            return at;
        size_t next = at + 1;
        while (next < text.end && next < at + 3 && is_hex(text.buf[next]))
            next++;
        if (next < at + 3 && (next < text.end || text.whole))
            return at;
        at = next;
    }
    return at;
}

/* An address in brackets from `at` on, by its characters only; no zone, no IPvFuture. Returns where it ends, or `at`
 * when it is wrong; the text's end may have cut it short. */
static size_t skip_address(struct cws_http_text text, size_t at)
{
    size_t next = at + 1;
    while (next < text.end && (is_hex(text.buf[next]) || text.buf[next] == ':' || text.buf[next] == '.'))
        next++;
    if (next == text.end)
        return text.whole ? at : next;
    return text.buf[next] == ']' && next > at + 1 ? next + 1 : at;
}

bool cws_http_authority_fits(struct cws_http_text text, bool port_required)
{
    if (text.at == text.end)
        return !text.whole;
    size_t at = text.buf[text.at] == '[' ? skip_address(text, text.at) : skip_escaped(text, text.at, is_host_byte);
    if (at == text.at)
        return false;
    if (at == text.end)
        return !(text.whole && port_required);
    if (text.buf[at] != ':')
        return false;

    const size_t digits = ++at;
    uint32_t port = 0;
    for (; at < text.end; at++) {
        if (!is_digit(text.buf[at]))
            return false;
        port = port * 10 + (uint32_t)(text.buf[at] - '0');
        if (port > UINT16_MAX)
            return false;
    }
    return !(text.whole && port_required && at == digits);
}

/* scheme "://" authority path-abempty [ "?" query ]. User and password, which section 4.2.4 of RFC 9110 wants treated
 * as an error, end at the `@` that no authority here may hold. */
static int read_absolute(struct cws_http_text text, struct cws_http_head *head)
{
    size_t at = text.at;
    if (!is_alpha(text.buf[at]))
        return CWS_HTTP_ERR_TARGET;
    while (at < text.end && is_scheme_byte(text.buf[at]))
        at++;
    for (const char *mark = "://"; *mark != '\0'; mark++, at++) {
        if (at == text.end)
            return text.whole ? CWS_HTTP_ERR_TARGET : 0;
        if (text.buf[at] != (uint8_t)*mark)
            return CWS_HTTP_ERR_TARGET;
    }

    struct cws_http_text authority = {.buf = text.buf, .at = at, .end = at};
    while (authority.end < text.end && text.buf[authority.end] != '/' && text.buf[authority.end] != '?')
        authority.end++;
    authority.whole = text.whole || authority.end < text.end;
    if (!cws_http_authority_fits(authority, false))
        return CWS_HTTP_ERR_TARGET;

    head->authority = span_of(authority.at, authority.end);
    head->path = span_of(authority.end, text.end);
    return skip_escaped(text, authority.end, is_path_byte) == text.end ? 0 : CWS_HTTP_ERR_TARGET;
}

int cws_http_target_read(struct cws_http_text text, struct cws_http_head *head)
{
    if (text.at == text.end)
        return text.whole ? CWS_HTTP_ERR_TARGET : 0;
    const uint8_t *method = text.buf + head->method.at;
    head->target = span_of(text.at, text.end);

    if (head->method.len == 7 && memcmp(method, "CONNECT", 7) == 0) {
        head->form = CWS_HTTP_TARGET_AUTHORITY;
        head->authority = head->target;
        return cws_http_authority_fits(text, true) ? 0 : CWS_HTTP_ERR_TARGET;
    }
    if (text.buf[text.at] == '/') {
        head->form = CWS_HTTP_TARGET_ORIGIN;
        head->path = head->target;
        return skip_escaped(text, text.at, is_path_byte) == text.end ? 0 : CWS_HTTP_ERR_TARGET;
    }
    if (text.buf[text.at] == '*') {
        head->form = CWS_HTTP_TARGET_ASTERISK;
        const bool options = head->method.len == 7 && memcmp(method, "OPTIONS", 7) == 0;
        return options && text.end == text.at + 1 ? 0 : CWS_HTTP_ERR_TARGET;
    }
    head->form = CWS_HTTP_TARGET_ABSOLUTE;
    return read_absolute(text, head);
}
