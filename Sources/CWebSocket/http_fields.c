/* Looking fields up, and those that are lists of tokens: sections 5.6.1, 7.6.1, 7.8 and 10.1.1 of RFC 9110. */
#include "http_syntax.h"

#include <string.h>

static uint8_t lower(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + ('a' - 'A')) : byte;
}

bool cws_http_span_is(const uint8_t *buf, struct cws_http_span span, const char *text)
{
    if (strlen(text) != span.len)
        return false;
    for (size_t i = 0; i < span.len; i++) {
        if (lower(buf[span.at + i]) != lower((uint8_t)text[i]))
            return false;
    }
    return true;
}

size_t cws_http_field_find(const uint8_t *buf, const struct cws_http_head *head, const char *name, size_t from)
{
    size_t index = from;
    while (index < head->field_count && !cws_http_span_is(buf, head->fields[index].name, name))
        index++;
    return index < head->field_count ? index : head->field_count;
}

struct cws_http_span cws_http_list_member(const uint8_t *buf, size_t at, size_t end, size_t *next)
{
    size_t comma = at;
    while (comma < end && buf[comma] != ',')
        comma++;
    *next = comma + 1;
    return trimmed_span(buf, at, comma);
}

static bool list_has(const uint8_t *buf, struct cws_http_span value, const char *token)
{
    const size_t end = (size_t)value.at + value.len;
    size_t at = value.at;
    while (at < end) {
        if (cws_http_span_is(buf, cws_http_list_member(buf, at, end, &at), token))
            return true;
    }
    return false;
}

bool cws_http_has_token(const uint8_t *buf, const struct cws_http_head *head, const char *name, const char *token)
{
    for (size_t i = cws_http_field_find(buf, head, name, 0); i < head->field_count;
         i = cws_http_field_find(buf, head, name, i + 1)) {
        if (list_has(buf, head->fields[i].value, token))
            return true;
    }
    return false;
}

bool cws_http_upgrades_to(const uint8_t *buf, const struct cws_http_head *head, const char *protocol)
{
    return head->minor_version == 1 && cws_http_has_token(buf, head, "connection", "upgrade") &&
           cws_http_has_token(buf, head, "upgrade", protocol);
}

/* 1 when all members are 100-continue or empty and there is one, 0 when all are empty. */
static int list_expects_continue(const uint8_t *buf, struct cws_http_span value)
{
    const size_t end = (size_t)value.at + value.len;
    size_t at = value.at;
    int expects = 0;
    while (at < end) {
        const struct cws_http_span member = cws_http_list_member(buf, at, end, &at);
        if (member.len == 0)
            continue;
        if (!cws_http_span_is(buf, member, "100-continue"))
            return CWS_HTTP_ERR_EXPECTATION;
        expects = 1;
    }
    return expects;
}

int cws_http_expects_continue(const uint8_t *buf, const struct cws_http_head *head)
{
    if (head->minor_version == 0)
        return 0;
    int expects = 0;
    for (size_t i = cws_http_field_find(buf, head, "expect", 0); i < head->field_count;
         i = cws_http_field_find(buf, head, "expect", i + 1)) {
        const int here = list_expects_continue(buf, head->fields[i].value);
        if (here < 0)
            return here;
        expects = here > expects ? here : expects;
    }
    return expects;
}
