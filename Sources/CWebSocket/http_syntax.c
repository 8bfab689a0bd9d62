#include "http_syntax.h"

#include <string.h>

bool cws_http_is_token(uint8_t byte)
{
    return is_alpha(byte) || is_digit(byte) || (byte != 0 && strchr("!#$%&'*+-.^_`|~", byte) != NULL);
}

static int start_of_line(uint8_t byte)
{
    if (byte == '\r')
        return LINE_EMPTY_CR;
    /* Section 5.2 of RFC 9112 lets a server replace obs-fold by spaces; who does and who doesn't would disagree. */
    if (is_space(byte))
        return CWS_HTTP_ERR_FOLDED;
    if (!cws_http_is_token(byte))
        return CWS_HTTP_ERR_FIELD_NAME;
    return LINE_NAME;
}

static int in_name(uint8_t byte)
{
    if (byte == ':')
        return LINE_VALUE;
    /* Section 5.1 of RFC 9112: 400, for a reader that kept the space would see another name. */
    if (is_space(byte))
        return CWS_HTTP_ERR_SPACE_BEFORE_COLON;
    if (!cws_http_is_token(byte))
        return CWS_HTTP_ERR_FIELD_NAME;
    return LINE_NAME;
}

static int in_value(uint8_t byte)
{
    if (byte == '\r')
        return LINE_CR;
    if (is_control(byte))
        return CWS_HTTP_ERR_CONTROL;
    return LINE_VALUE;
}

static int next_state(enum cws_http_line_state state, uint8_t byte)
{
    switch (state) {
        case LINE_START:
            return start_of_line(byte);
        case LINE_NAME:
            return in_name(byte);
        case LINE_VALUE:
            return in_value(byte);
        case LINE_CR:
            return LINE_START;
        case LINE_EMPTY_CR:
        case LINE_LAST:
            break;
    }
    return LINE_LAST;
}

int cws_http_line_step(enum cws_http_line_state state, uint8_t byte, uint32_t limit, uint32_t *length)
{
    const bool after_cr = state == LINE_CR || state == LINE_EMPTY_CR;
    if (after_cr && byte != '\n')
        return CWS_HTTP_ERR_BARE_CR;
    if (!after_cr && byte == '\n')
        return CWS_HTTP_ERR_BARE_LF;

    const int next = next_state(state, byte);
    if (state == LINE_START)
        *length = 0;
    if (next != LINE_NAME && next != LINE_VALUE)
        return next;
    if (*length >= limit)
        return CWS_HTTP_ERR_FIELD_TOO_LONG;
    (*length)++;
    return next;
}
