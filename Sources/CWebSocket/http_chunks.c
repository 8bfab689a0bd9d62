/* Chunked bodies: section 7.1 of RFC 9112. */
#include "http_syntax.h"

#include <limits.h>

/* 64 bits in hex; the grammar allows any number of zeros in front. */
#define SIZE_DIGITS_MAX 16

enum chunks_state {
    CHUNKS_SIZE,
    CHUNKS_EXTENSION,
    CHUNKS_SIZE_CR, /* the line of the size has ended */
    CHUNKS_DATA,
    CHUNKS_DATA_END, /* CR is next */
    CHUNKS_DATA_CR,
    CHUNKS_TRAILER,
    CHUNKS_COMPLETE,
    CHUNKS_FAILED,
};

void cws_http_chunks_init(struct cws_http_chunks *chunks, uint64_t body_limit, const struct cws_http_limits *limits)
{
    *chunks = (struct cws_http_chunks){
        .body_left = body_limit,
        .overhead_left = limits->head,
        .line_limit = limits->line,
        .fields_left = limits->fields,
        .state = CHUNKS_SIZE,
        .line_state = LINE_START,
    };
}

bool cws_http_chunks_complete(const struct cws_http_chunks *chunks)
{
    return chunks->state == CHUNKS_COMPLETE;
}

static uint8_t hex_value(uint8_t byte)
{
    return is_digit(byte) ? byte - '0' : (byte | 0x20) - 'a' + 10;
}

/* A size as far as it has come. Whitespace after it, which the grammar has before an extension, is refused: readers
 * are known to differ on `5 \r\n`. */
static int take_size(struct cws_http_chunks *chunks, uint8_t byte)
{
    if (is_hex(byte)) {
        if (chunks->digits == SIZE_DIGITS_MAX)
            return CWS_HTTP_ERR_CHUNK_SIZE;
        const uint8_t digit = hex_value(byte);
        /* Compare before the multiplication, which a hostile size could overflow. */
        if (digit > chunks->body_left || chunks->size > (chunks->body_left - digit) / 16)
            return CWS_HTTP_ERR_BODY_TOO_LARGE;
        chunks->size = chunks->size * 16 + digit;
        chunks->digits++;
        return CHUNKS_SIZE;
    }
    if (byte == '\n')
        return CWS_HTTP_ERR_BARE_LF;
    if (chunks->digits == 0)
        return CWS_HTTP_ERR_CHUNK_SIZE;
    if (byte == '\r')
        return CHUNKS_SIZE_CR;
    if (byte == ';')
        return CHUNKS_EXTENSION;
    return CWS_HTTP_ERR_CHUNK_SIZE;
}

/* Extensions mean nothing to us; only their bytes and number matter. */
static int take_extension(struct cws_http_chunks *chunks, uint8_t byte)
{
    if (byte == '\r')
        return CHUNKS_SIZE_CR;
    if (byte == '\n')
        return CWS_HTTP_ERR_BARE_LF;
    if (is_control(byte))
        return CWS_HTTP_ERR_CONTROL;
    if (chunks->overhead_left == 0)
        return CWS_HTTP_ERR_EXTENSIONS_TOO_LONG;
    chunks->overhead_left--;
    return CHUNKS_EXTENSION;
}

static int take_size_end(struct cws_http_chunks *chunks, uint8_t byte)
{
    if (byte != '\n')
        return CWS_HTTP_ERR_BARE_CR;
    chunks->body_left -= chunks->size;
    chunks->digits = 0;
    return chunks->size > 0 ? CHUNKS_DATA : CHUNKS_TRAILER;
}

static int take_data_end(uint8_t byte, uint8_t wanted, enum chunks_state next)
{
    if (byte != wanted)
        return CWS_HTTP_ERR_CHUNK_END;
    return (int)next;
}

/* Trailers are checked and dropped: merged into the head they could change what has been decided (section 6.5.1 of
 * RFC 9110). */
static int take_trailer(struct cws_http_chunks *chunks, uint8_t byte)
{
    const enum cws_http_line_state before = (enum cws_http_line_state)chunks->line_state;
    const int next = cws_http_line_step(before, byte, chunks->line_limit, &chunks->line_length);
    if (next < 0)
        return next;
    if (before == LINE_START && next == LINE_NAME) {
        if (chunks->fields_left == 0)
            return CWS_HTTP_ERR_TOO_MANY_FIELDS;
        chunks->fields_left--;
    }
    /* The empty line is there in any body, so it is free. */
    if (next != LINE_EMPTY_CR && next != LINE_LAST) {
        if (chunks->overhead_left == 0)
            return CWS_HTTP_ERR_HEAD_TOO_LONG;
        chunks->overhead_left--;
    }
    chunks->line_state = (uint8_t)next;
    return next == LINE_LAST ? CHUNKS_COMPLETE : CHUNKS_TRAILER;
}

/* The state after a byte that is no data, or an error. */
static int take_byte(struct cws_http_chunks *chunks, uint8_t byte)
{
    switch ((enum chunks_state)chunks->state) {
        case CHUNKS_SIZE:
            return take_size(chunks, byte);
        case CHUNKS_EXTENSION:
            return take_extension(chunks, byte);
        case CHUNKS_SIZE_CR:
            return take_size_end(chunks, byte);
        case CHUNKS_DATA_END:
            return take_data_end(byte, '\r', CHUNKS_DATA_CR);
        case CHUNKS_DATA_CR:
            return take_data_end(byte, '\n', CHUNKS_SIZE);
        case CHUNKS_TRAILER:
            return take_trailer(chunks, byte);
        case CHUNKS_DATA:
        case CHUNKS_COMPLETE:
        case CHUNKS_FAILED:
            break;
    }
    return chunks->state;
}

int cws_http_chunks_decode(struct cws_http_chunks *chunks, const uint8_t *buf, size_t len, struct cws_http_span *data)
{
    const size_t end = len < INT_MAX ? len : INT_MAX;
    size_t at = 0;
    *data = span_of(0, 0);
    if (chunks->state == CHUNKS_FAILED)
        return chunks->error;

    while (at < end && chunks->state != CHUNKS_DATA && chunks->state != CHUNKS_COMPLETE) {
        const int next = take_byte(chunks, buf[at]);
        if (next < 0) {
            chunks->state = CHUNKS_FAILED;
            chunks->error = next;
            return next;
        }
        chunks->state = (uint8_t)next;
        at++;
    }
    if (at == end || chunks->state == CHUNKS_COMPLETE)
        return (int)at;

    const size_t size = chunks->size < end - at ? (size_t)chunks->size : end - at;
    *data = span_of(at, at + size);
    chunks->size -= size;
    if (chunks->size == 0)
        chunks->state = CHUNKS_DATA_END;
    return (int)(at + size);
}
