/* What the HTTP sources share: classes of bytes, text that is still arriving, lines of fields, targets. */
#ifndef HTTP_SYNTAX_H
#define HTTP_SYNTAX_H

#include "cws_http.h"

static inline bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static inline bool is_alpha(uint8_t byte)
{
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
}

static inline bool is_hex(uint8_t byte)
{
    return is_digit(byte) || (byte >= 'A' && byte <= 'F') || (byte >= 'a' && byte <= 'f');
}

static inline bool is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

/* HT is the one control that a line may hold. */
static inline bool is_control(uint8_t byte)
{
    return (byte < ' ' && byte != '\t') || byte == 0x7f;
}

/* Section 5.6.2 of RFC 9110. */
bool cws_http_is_token(uint8_t byte);

static inline struct cws_http_span span_of(size_t at, size_t end)
{
    return (struct cws_http_span){.at = (uint32_t)at, .len = (uint32_t)(end - at)};
}

/* Without the whitespace at either end. */
static inline struct cws_http_span trimmed_span(const uint8_t *_Nonnull buf, size_t at, size_t end)
{
    while (at < end && is_space(buf[at]))
        at++;
    while (end > at && is_space(buf[end - 1]))
        end--;
    return span_of(at, end);
}

/* The member of a comma-separated list that starts at `at`, without the whitespace round it; maybe empty. `*next` is
 * where the one after starts: past `end` after the last. */
struct cws_http_span cws_http_list_member(const uint8_t *_Nonnull buf, size_t at, size_t end, size_t *_Nonnull next);

/* Part of a line, as far as it has come. */
struct cws_http_text {
    const uint8_t *_Nonnull buf;
    size_t at;
    size_t end;
    bool whole; /* what follows doesn't belong to it; else more of it may come */
};

/* Whether the text is, or may become, uri-host [ ":" port ] (sections 3.2.2 and 3.2.3 of RFC 3986), not empty. */
bool cws_http_authority_fits(struct cws_http_text text, bool port_required);

/* Reads the target of a request whose method is in `head`. 0 when it is right, as far as it has come, or an error. */
int cws_http_target_read(struct cws_http_text text, struct cws_http_head *_Nonnull head);

/* Where in the lines of a head or of trailers a byte has led to. */
enum cws_http_line_state {
    LINE_START,
    LINE_NAME,
    LINE_VALUE,    /* from the colon on */
    LINE_CR,       /* the value has ended */
    LINE_EMPTY_CR, /* of the empty line */
    LINE_LAST,     /* the empty line has ended */
};

/* The state after `byte`, or an error. `*length` counts the bytes of the line. Heads and trailers both go through
 * here, so that neither is laxer. */
int cws_http_line_step(enum cws_http_line_state state, uint8_t byte, uint32_t limit, uint32_t *_Nonnull length);

#endif
