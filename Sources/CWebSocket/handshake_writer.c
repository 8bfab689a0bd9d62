#include "handshake_syntax.h"

#include <limits.h>
#include <string.h>

void cws_put(struct cws_writer *writer, struct cws_bytes bytes)
{
    if (writer->buf && bytes.at && bytes.len > 0)
        memcpy(writer->buf + writer->len, bytes.at, bytes.len);
    writer->len += bytes.len;
}

void cws_put_text(struct cws_writer *writer, const char *text)
{
    cws_put(writer, (struct cws_bytes){.at = (const uint8_t *)text, .len = strlen(text)});
}

void cws_put_number(struct cws_writer *writer, size_t number)
{
    uint8_t digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (uint8_t)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    cws_put(writer, (struct cws_bytes){.at = digits + at, .len = sizeof digits - at});
}

void cws_put_headers(struct cws_writer *writer, const struct cws_header *headers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        cws_put(writer, headers[i].name);
        cws_put_text(writer, ": ");
        cws_put(writer, headers[i].value);
        cws_put_text(writer, "\r\n");
    }
}

bool cws_writer_fits(const struct cws_writer *writer, size_t size)
{
    return writer->len <= size && writer->len <= INT_MAX;
}
