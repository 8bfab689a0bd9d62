#include "cws_extensions.h"

#include "cws_handshake.h"
#include "http_syntax.h"

#include <string.h>

struct cws_extension_reader cws_extension_reader_at(struct cws_http_span value)
{
    return (struct cws_extension_reader){.at = value.at, .end = (size_t)value.at + value.len};
}

static size_t skip_space(const uint8_t *buf, size_t at, size_t end)
{
    while (at < end && is_space(buf[at]))
        at++;
    return at;
}

static size_t skip_token(const uint8_t *buf, size_t at, size_t end)
{
    while (at < end && cws_http_is_token(buf[at]))
        at++;
    return at;
}

/* A value in quotes from after the first of them: "the value after quoted-string unescaping MUST conform to the 'token'
 * ABNF", so there is an escape only before what needs none. Where the closing quote is, or `at` when it is wrong. */
static size_t skip_quoted(const uint8_t *buf, size_t at, size_t end)
{
    size_t next = at;
    while (next < end && buf[next] != '"') {
        if (buf[next] == '\\')
            next++;
        if (next == end || !cws_http_is_token(buf[next]))
            return at;
        next++;
    }
    return next < end ? next : at;
}

/* token [ "=" ( token / quoted-string ) ], and whitespace before it. Where it ends, or 0 when it is wrong. */
static size_t read_parameter(const uint8_t *buf, size_t at, size_t end, struct cws_extension_item *item)
{
    const size_t name = skip_space(buf, at, end);
    const size_t name_end = skip_token(buf, name, end);
    if (name_end == name)
        return 0;
    *item = (struct cws_extension_item){.name = span_of(name, name_end)};

    size_t value = skip_space(buf, name_end, end);
    if (value == end || buf[value] != '=')
        return name_end;
    value = skip_space(buf, value + 1, end);
    const bool quoted = value < end && buf[value] == '"';
    if (quoted)
        value++;
    const size_t value_end = quoted ? skip_quoted(buf, value, end) : skip_token(buf, value, end);
    if (value_end == value)
        return 0;
    item->has_value = true;
    item->value = span_of(value, value_end);
    return quoted ? value_end + 1 : value_end;
}

int cws_extension_next(const uint8_t *buf, struct cws_extension_reader *reader, struct cws_extension_item *item)
{
    size_t at = skip_space(buf, reader->at, reader->end);
    if (reader->inside && at < reader->end && buf[at] == ';') {
        struct cws_extension_item parameter;
        at = read_parameter(buf, at + 1, reader->end, &parameter);
        if (at == 0)
            return CWS_HANDSHAKE_ERR_EXTENSIONS;
        reader->at = at;
        *item = parameter;
        return CWS_EXTENSION_PARAMETER;
    }
    if (reader->inside && at < reader->end && buf[at] != ',')
        return CWS_HANDSHAKE_ERR_EXTENSIONS;

    while (at < reader->end && (is_space(buf[at]) || buf[at] == ','))
        at++;
    if (at == reader->end)
        return CWS_EXTENSION_END;
    const size_t end = skip_token(buf, at, reader->end);
    if (end == at)
        return CWS_HANDSHAKE_ERR_EXTENSIONS;
    reader->at = end;
    reader->inside = true;
    *item = (struct cws_extension_item){.name = span_of(at, end)};
    return CWS_EXTENSION_NAME;
}

bool cws_extension_value_is(const uint8_t *buf, const struct cws_extension_item *item, const char *text)
{
    if (!item->has_value)
        return false;
    const size_t length = strlen(text);
    size_t matched = 0;
    for (size_t i = 0; i < item->value.len; i++) {
        const uint8_t byte = buf[item->value.at + i];
        if (byte == '\\')
            continue;
        if (matched == length || byte != (uint8_t)text[matched])
            return false;
        matched++;
    }
    return matched == length;
}
