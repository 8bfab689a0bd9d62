/* Heads of requests and responses: sections 2 to 5 of RFC 9112. */
#include "http_syntax.h"

#include <limits.h>

/* The first line up to the first byte that cannot be in one. `*next` is then where the fields start, 0 when that
 * isn't known yet, or what is wrong after the text. */
static struct cws_http_text scan_start_line(const uint8_t *buf, size_t end, uint32_t limit, int *next)
{
    struct cws_http_text line = {.buf = buf};
    *next = 0;
    for (; line.end < end; line.end++) {
        const uint8_t byte = buf[line.end];
        if (byte == '\r') {
            line.whole = true;
            if (line.end + 1 < end)
                *next = buf[line.end + 1] == '\n' ? (int)line.end + 2 : CWS_HTTP_ERR_BARE_CR;
            return line;
        }
        if (is_control(byte)) {
            *next = byte == '\n' ? CWS_HTTP_ERR_BARE_LF : CWS_HTTP_ERR_CONTROL;
            return line;
        }
        if (line.end == limit) {
            *next = CWS_HTTP_ERR_START_LINE_TOO_LONG;
            return line;
        }
    }
    return line;
}

/* Returns the version's size, 0 when the text is too short, or an error. A higher minor version is refused although
 * section 2.5 of RFC 9110 would take it for 1.1: there will be none, so its sender is no HTTP/1 client. */
static int read_version(struct cws_http_text text, uint8_t *minor)
{
    static const uint8_t version[8] = {'H', 'T', 'T', 'P', '/', '1', '.', '0'};
    for (size_t i = 0; i < sizeof version; i++) {
        if (text.at + i == text.end)
            return text.whole ? CWS_HTTP_ERR_NOT_HTTP : 0;
        const uint8_t byte = text.buf[text.at + i];
        if (byte == version[i] || (i == 7 && byte == '1'))
            continue;
        return is_digit(byte) && (i == 5 || i == 7) ? CWS_HTTP_ERR_VERSION : CWS_HTTP_ERR_NOT_HTTP;
    }
    *minor = text.buf[text.at + 7] == '1';
    return (int)sizeof version;
}

/* method SP target SP version. An empty line before it, which section 2.2 of RFC 9112 would skip, is refused: what
 * sends it got the end of its last body wrong. 0 when the line is right, as far as it has come, or an error. */
static int read_request_line(struct cws_http_text line, struct cws_http_head *head)
{
    size_t at = line.at;
    while (at < line.end && cws_http_is_token(line.buf[at]))
        at++;
    head->method = span_of(line.at, at);
    if (at == line.end)
        return line.whole ? CWS_HTTP_ERR_START_LINE : 0;
    if (line.buf[at] != ' ' || at == line.at)
        return CWS_HTTP_ERR_METHOD;

    struct cws_http_text target = {.buf = line.buf, .at = at + 1, .end = at + 1};
    while (target.end < line.end && line.buf[target.end] != ' ')
        target.end++;
    target.whole = target.end < line.end;
    const int error = cws_http_target_read(target, head);
    if (error < 0)
        return error;
    if (!target.whole)
        return line.whole ? CWS_HTTP_ERR_START_LINE : 0;

    line.at = target.end + 1;
    const int size = read_version(line, &head->minor_version);
    if (size <= 0)
        return size;
    return line.at + (size_t)size == line.end ? 0 : CWS_HTTP_ERR_START_LINE;
}

/* version SP 3DIGIT SP [ reason ]. The second space is there even without a reason. */
static int read_status_line(struct cws_http_text line, struct cws_http_head *head)
{
    const int size = read_version(line, &head->minor_version);
    if (size <= 0)
        return size;
    size_t at = line.at + (size_t)size;
    for (int i = 0; i < 5; i++, at++) {
        if (at == line.end)
            return line.whole ? CWS_HTTP_ERR_START_LINE : 0;
        const uint8_t byte = line.buf[at];
        if (i == 0 || i == 4) {
            if (byte != ' ')
                return CWS_HTTP_ERR_START_LINE;
            continue;
        }
        if (!is_digit(byte) || (i == 1 && (byte < '1' || byte > '5')))
            return CWS_HTTP_ERR_STATUS;
        head->status = (uint16_t)(head->status * 10 + (byte - '0'));
    }
    head->reason = span_of(at, line.end);
    return 0;
}

/* Host of a request, once its line has ended. */
static int take_host(const uint8_t *buf, struct cws_http_span value, struct cws_http_head *head)
{
    const struct cws_http_text text = {.buf = buf, .at = value.at, .end = value.at + value.len, .whole = true};
    if (value.len > 0 && !cws_http_authority_fits(text, false))
        return CWS_HTTP_ERR_HOST;
    if (head->form == CWS_HTTP_TARGET_ORIGIN || head->form == CWS_HTTP_TARGET_ASTERISK)
        head->authority = value;
    return 0;
}

/* The lines after the first, from `at` on. Returns where the head ends, 0 when that isn't there yet, or an error. */
static int read_fields(struct cws_http_text text, const struct cws_http_limits *limits, struct cws_http_field *fields,
                       struct cws_http_head *head)
{
    const bool request = head->status == 0;
    bool host_seen = false;
    bool host_is_next = false;
    uint32_t length = 0;
    enum cws_http_line_state state = LINE_START;
    struct cws_http_field field = {{0, 0}, {0, 0}};

    for (size_t at = text.at; at < text.end; at++) {
        const enum cws_http_line_state before = state;
        const int next = cws_http_line_step(before, text.buf[at], limits->line, &length);
        if (next < 0)
            return next;
        state = (enum cws_http_line_state)next;
        if (state == before)
            continue;

        switch (state) {
            case LINE_NAME:
                if (head->field_count == limits->fields)
                    return CWS_HTTP_ERR_TOO_MANY_FIELDS;
                field.name.at = (uint32_t)at;
                break;
            case LINE_VALUE:
                field.name = span_of(field.name.at, at);
                field.value.at = (uint32_t)at + 1;
                host_is_next = request && cws_http_span_is(text.buf, field.name, "host");
                if (host_is_next && host_seen)
                    return CWS_HTTP_ERR_HOST_REPEATED;
                break;
            case LINE_CR:
                field.value = trimmed_span(text.buf, field.value.at, at);
                if (host_is_next && take_host(text.buf, field.value, head) < 0)
                    return CWS_HTTP_ERR_HOST;
                host_seen = host_seen || host_is_next;
                fields[head->field_count++] = field;
                break;
            case LINE_LAST:
                return request && head->minor_version == 1 && !host_seen ? CWS_HTTP_ERR_HOST_MISSING : (int)at + 1;
            case LINE_START:
            case LINE_EMPTY_CR:
                break;
        }
    }
    return 0;
}

static int decode(const uint8_t *buf, size_t len, const struct cws_http_limits *limits, struct cws_http_field *fields,
                  struct cws_http_head *out, int (*read_start_line)(struct cws_http_text, struct cws_http_head *))
{
    const size_t limit = limits->head < INT_MAX ? limits->head : INT_MAX;
    const size_t end = len < limit ? len : limit;
    struct cws_http_head head = {.fields = fields};

    int next = 0;
    const struct cws_http_text line = scan_start_line(buf, end, limits->line, &next);
    const int error = read_start_line(line, &head);
    if (error < 0)
        return error;
    if (next > 0) {
        const struct cws_http_text rest = {.buf = buf, .at = (size_t)next, .end = end};
        next = read_fields(rest, limits, fields, &head);
    }
    if (next > 0)
        *out = head;
    /* All that the limit allows is there, and it isn't a head. */
    return next == 0 && end == limit ? CWS_HTTP_ERR_HEAD_TOO_LONG : next;
}

int cws_http_request_decode(const uint8_t *buf, size_t len, const struct cws_http_limits *limits,
                            struct cws_http_field *fields, struct cws_http_head *out)
{
    return decode(buf, len, limits, fields, out, read_request_line);
}

int cws_http_response_decode(const uint8_t *buf, size_t len, const struct cws_http_limits *limits,
                             struct cws_http_field *fields, struct cws_http_head *out)
{
    return decode(buf, len, limits, fields, out, read_status_line);
}
