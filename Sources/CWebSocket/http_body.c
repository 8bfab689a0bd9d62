/* What frames a body, and whether another message may follow: sections 6 and 9.3 of RFC 9112. */
#include "http_syntax.h"

/* 1*DIGIT up to INT64_MAX, so that it also fits an off_t. No sign, no list, no space. */
static int read_length(const uint8_t *buf, struct cws_http_span value, uint64_t *length)
{
    if (value.len == 0)
        return CWS_HTTP_ERR_LENGTH;
    uint64_t sum = 0;
    bool too_large = false;
    for (size_t i = 0; i < value.len; i++) {
        const uint8_t byte = buf[value.at + i];
        if (!is_digit(byte))
            return CWS_HTTP_ERR_LENGTH;
        const uint64_t digit = (uint64_t)(byte - '0');
        too_large = too_large || sum > (INT64_MAX - digit) / 10;
        sum = too_large ? 0 : sum * 10 + digit;
    }
    *length = sum;
    return too_large ? CWS_HTTP_ERR_LENGTH_TOO_LARGE : 0;
}

/* What the fields say; `kind` stays as it is when they say nothing. */
static int read_framing(const uint8_t *buf, const struct cws_http_head *head, struct cws_http_body *body)
{
    const size_t none = head->field_count;
    const size_t length = cws_http_field_find(buf, head, "content-length", 0);
    const size_t coding = cws_http_field_find(buf, head, "transfer-encoding", 0);

    /* Section 6.3 would let Transfer-Encoding win, and close. Whoever sent both may have been read the other way. */
    if (length < none && coding < none)
        return CWS_HTTP_ERR_LENGTH_AND_CODING;
    if (coding < none) {
        /* Section 6.1: somebody on the way did not know chunks, and passed them on as they are. */
        if (head->minor_version == 0)
            return CWS_HTTP_ERR_CODING_VERSION;
        if (!cws_http_span_is(buf, head->fields[coding].value, "chunked") ||
            cws_http_field_find(buf, head, "transfer-encoding", coding + 1) < none)
            return CWS_HTTP_ERR_CODING;
        body->kind = CWS_HTTP_BODY_CHUNKED;
        return 0;
    }
    if (length == none)
        return 0;
    /* Equal ones too, in two fields or as a list, which section 8.6 of RFC 9110 allows to refuse: no sender writes two
     * on purpose, so something on the way has put the head together from parts, and nobody knows what else it did. */
    if (cws_http_field_find(buf, head, "content-length", length + 1) < none)
        return CWS_HTTP_ERR_LENGTH_REPEATED;
    body->kind = CWS_HTTP_BODY_LENGTH;
    return read_length(buf, head->fields[length].value, &body->length);
}

int cws_http_request_body(const uint8_t *buf, const struct cws_http_head *head, struct cws_http_body *out)
{
    struct cws_http_body body = {.kind = CWS_HTTP_BODY_NONE};
    const int error = read_framing(buf, head, &body);
    if (error == 0)
        *out = body;
    return error;
}

/* Section 6.3, rules 1 and 2: the head is all there is, whatever its fields say. */
static bool has_no_body(uint16_t status, enum cws_http_asked asked)
{
    if (status < 200 || status == 204 || status == 304)
        return true;
    switch (asked) {
        case CWS_HTTP_ASKED_OTHER:
            return false;
        case CWS_HTTP_ASKED_HEAD:
            return true;
        case CWS_HTTP_ASKED_CONNECT:
            break;
    }
    return status < 300;
}

int cws_http_response_body(const uint8_t *buf, const struct cws_http_head *head, enum cws_http_asked asked,
                           struct cws_http_body *out)
{
    if (has_no_body(head->status, asked)) {
        *out = (struct cws_http_body){.kind = CWS_HTTP_BODY_NONE};
        return 0;
    }
    struct cws_http_body body = {.kind = CWS_HTTP_BODY_TO_CLOSE};
    const int error = read_framing(buf, head, &body);
    if (error == 0)
        *out = body;
    return error;
}

bool cws_http_keeps_alive(const uint8_t *buf, const struct cws_http_head *head, const struct cws_http_body *body)
{
    if (body->kind == CWS_HTTP_BODY_TO_CLOSE || cws_http_has_token(buf, head, "connection", "close"))
        return false;
    return head->minor_version == 1 || cws_http_has_token(buf, head, "connection", "keep-alive");
}
