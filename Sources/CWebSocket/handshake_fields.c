#include "handshake_syntax.h"

#include <string.h>

bool cws_bytes_equal(struct cws_bytes left, struct cws_bytes right)
{
    return left.len == right.len && (left.len == 0 || memcmp(left.at, right.at, left.len) == 0);
}

bool cws_bytes_are(struct cws_bytes bytes, const char *text)
{
    return cws_bytes_equal(bytes, (struct cws_bytes){.at = (const uint8_t *)text, .len = strlen(text)});
}

int cws_only_field(const uint8_t *buf, const struct cws_http_head *head, const char *name, int missing, int repeated,
                   struct cws_bytes *value)
{
    const size_t index = cws_http_field_find(buf, head, name, 0);
    if (index == head->field_count)
        return missing;
    if (cws_http_field_find(buf, head, name, index + 1) < head->field_count)
        return repeated;
    *value = bytes_of(buf, head->fields[index].value);
    return 0;
}

int cws_protocol_index(const struct cws_bytes *protocols, size_t count, struct cws_bytes name)
{
    for (size_t i = 0; i < count; i++) {
        if (cws_bytes_equal(protocols[i], name))
            return (int)i;
    }
    return -1;
}
