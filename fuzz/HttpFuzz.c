/* Heads and chunked bodies: the same verdict however the bytes are cut, and what was read is what stands there. */
#include "CWebSocket.h"
#include "input.h"

typedef int decoder(const uint8_t *_Nonnull, size_t, const struct cws_http_limits *_Nonnull,
                    struct cws_http_field *_Nonnull, struct cws_http_head *_Nonnull);

/* ---- heads ---- */

static bool has(const uint8_t *bytes, size_t at, size_t end, const char *text)
{
    return end - at >= strlen(text) && memcmp(bytes + at, text, strlen(text)) == 0;
}

static void check_span(struct cws_http_span span, size_t size)
{
    REQUIRE(span.at <= size && span.len <= size - span.at);
}

/* No bytes of the head are left over between its parts but those that the grammar has there. */
static void check_lines(const uint8_t *bytes, size_t size, const struct cws_http_head *head)
{
    size_t at = 0;
    if (head->status == 0) {
        REQUIRE(head->method.at == 0 && head->method.len > 0 && head->target.at == head->method.len + 1);
        REQUIRE(head->target.len > 0 && bytes[head->method.len] == ' ');
        at = head->target.at + head->target.len;
        REQUIRE(has(bytes, at, size, head->minor_version == 1 ? " HTTP/1.1\r\n" : " HTTP/1.0\r\n"));
        at += strlen(" HTTP/1.1\r\n");
    } else {
        REQUIRE(has(bytes, 0, size, head->minor_version == 1 ? "HTTP/1.1 " : "HTTP/1.0 "));
        REQUIRE(head->status >= 100 && head->status < 600 && head->reason.at == strlen("HTTP/1.1 200 "));
        at = head->reason.at + head->reason.len + 2;
    }
    for (size_t i = 0; i < head->field_count; i++) {
        const struct cws_http_span name = head->fields[i].name;
        const struct cws_http_span value = head->fields[i].value;
        REQUIRE(name.at == at && name.len > 0 && bytes[name.at + name.len] == ':');
        at += name.len + 1;
        while (bytes[at] == ' ' || bytes[at] == '\t')
            at++;
        REQUIRE(value.len == 0 || value.at == at);
        at += value.len;
        while (bytes[at] == ' ' || bytes[at] == '\t')
            at++;
        REQUIRE(has(bytes, at, size, "\r\n"));
        at += 2;
    }
    REQUIRE(at + 2 == size && has(bytes, at, size, "\r\n"));
    for (at = 0; at < size; at++) {
        REQUIRE(bytes[at] == '\r' || bytes[at] == '\n' || bytes[at] == '\t' || bytes[at] >= ' ');
        REQUIRE((bytes[at] == '\r') == (at + 1 < size && bytes[at + 1] == '\n'));
    }
}

static void check_questions(const uint8_t *bytes, const struct cws_http_head *head, enum cws_http_asked asked)
{
    struct cws_http_body body = {.length = UINT64_MAX};
    const int error = head->status == 0 ? cws_http_request_body(bytes, head, &body)
                                        : cws_http_response_body(bytes, head, asked, &body);
    REQUIRE(error <= 0);
    REQUIRE(error == 0 ? body.length <= INT64_MAX : body.length == UINT64_MAX);
    REQUIRE(error == 0 || cws_http_error_status(error) >= 400);
    if (error == 0) {
        REQUIRE(body.kind == CWS_HTTP_BODY_LENGTH || body.length == 0);
        REQUIRE(head->status == 0 ? body.kind != CWS_HTTP_BODY_TO_CLOSE : true);
        REQUIRE(body.kind != CWS_HTTP_BODY_TO_CLOSE || !cws_http_keeps_alive(bytes, head, &body));
    }
    REQUIRE(cws_http_expects_continue(bytes, head) <= 1);
    if (cws_http_upgrades_to(bytes, head, "websocket"))
        REQUIRE(head->minor_version == 1 && cws_http_has_token(bytes, head, "Connection", "Upgrade"));
    for (size_t i = 0; i < head->field_count && i < 4; i++) {
        char name[64];
        const struct cws_http_span span = head->fields[i].name;
        const size_t len = span.len < sizeof name ? span.len : 0;
        memcpy(name, bytes + span.at, len);
        name[len] = 0;
        REQUIRE(len == 0 || cws_http_field_find(bytes, head, name, 0) <= i);
        REQUIRE(len == 0 || cws_http_field_find(bytes, head, name, i) == i);
    }
}

/* The decoder's answer to the first `len` bytes, which are checked if they are a head. */
static int decode_prefix(decoder *decode, const uint8_t *bytes, size_t len, const struct cws_http_limits *limits,
                         enum cws_http_asked asked)
{
    uint8_t *prefix = exact_copy(bytes, len);
    struct cws_http_field *fields = calloc(limits->fields, sizeof *fields);
    REQUIRE(fields);
    struct cws_http_head head = {.status = 999};
    const int result = decode(prefix, len, limits, fields, &head);
    if (result > 0) {
        REQUIRE((size_t)result <= len && (uint32_t)result <= limits->head && head.field_count <= limits->fields);
        REQUIRE(head.fields == fields);
        check_span(head.path, (size_t)result);
        check_span(head.authority, (size_t)result);
        check_lines(prefix, (size_t)result, &head);
        check_questions(prefix, &head, asked);
    } else {
        REQUIRE(head.status == 999);
        REQUIRE(result == 0 || (cws_http_error_status(result) >= 400 && *cws_http_error_reason(result)));
    }
    free(fields);
    free(prefix);
    return result;
}

/* Asks about prefixes; every one if there are few. Returns the answer to all of it. */
static int check_head(decoder *decode, const uint8_t *bytes, size_t len, const struct cws_http_limits *limits,
                      enum cws_http_asked asked)
{
    const int whole = decode_prefix(decode, bytes, len, limits, asked);
    const size_t stride = len / 64 + 1;
    int before = 0;
    for (size_t cut = len % stride; cut <= len; cut += stride) {
        const int result = decode_prefix(decode, bytes, cut, limits, asked);
        REQUIRE(result == whole || (result == 0 && before == 0));
        REQUIRE(whole <= 0 || (result > 0) == (cut >= (size_t)whole));
        before = result;
    }
    return whole;
}

/* ---- chunks ---- */

struct chunked {
    struct gathered data;
    size_t taken;
    int error;
    bool complete;
};

static struct chunked read_chunks(const uint8_t *bytes, size_t len, uint64_t limit,
                                  const struct cws_http_limits *limits, size_t piece)
{
    struct chunked body = {.error = 0};
    struct cws_http_chunks chunks;
    cws_http_chunks_init(&chunks, limit, limits);
    for (size_t at = 0; at < len && !body.error && !cws_http_chunks_complete(&chunks);) {
        const size_t size = piece < len - at ? piece : len - at;
        uint8_t *part = exact_copy(bytes + at, size);
        struct cws_http_span data = {0, 0};
        const int taken = cws_http_chunks_decode(&chunks, part, size, &data);
        if (taken > 0) {
            REQUIRE((size_t)taken <= size);
            check_span(data, (size_t)taken);
            gather(&body.data, part + data.at, data.len);
            at += (size_t)taken;
        } else {
            REQUIRE(taken < 0 && data.len == 0);
            body.error = taken;
            REQUIRE(cws_http_chunks_decode(&chunks, part, size, &data) == taken);
        }
        free(part);
        body.taken = at;
    }
    body.complete = cws_http_chunks_complete(&chunks);
    REQUIRE(body.data.len <= limit);
    return body;
}

/* Reads a body that is known to be right. */
static void check_complete(const uint8_t *bytes, const struct chunked *body)
{
    size_t at = 0;
    size_t data_at = 0;
    for (;;) {
        char *end = NULL;
        const size_t size = strtoull((const char *)bytes + at, &end, 16);
        while (!has(bytes, at, body->taken, "\r\n"))
            at++;
        at += 2;
        if (size == 0)
            break;
        REQUIRE(size <= body->data.len - data_at && memcmp(bytes + at, body->data.bytes + data_at, size) == 0);
        data_at += size;
        at += size;
        REQUIRE(has(bytes, at, body->taken, "\r\n"));
        at += 2;
    }
    while (!has(bytes, at, body->taken, "\r\n")) {
        while (!has(bytes, at, body->taken, "\r\n"))
            at++;
        at += 2;
    }
    REQUIRE(data_at == body->data.len && at + 2 == body->taken);
}

static void check_chunks(const uint8_t *bytes, size_t len, uint64_t limit, const struct cws_http_limits *limits,
                         size_t piece)
{
    struct chunked whole = read_chunks(bytes, len, limit, limits, SIZE_MAX);
    if (whole.complete)
        check_complete(bytes, &whole);
    const size_t pieces[] = {1, piece};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        struct chunked cut = read_chunks(bytes, len, limit, limits, pieces[i]);
        REQUIRE(cut.error == whole.error && cut.complete == whole.complete && is_same(&cut.data, &whole.data));
        REQUIRE(cut.error || cut.taken == whole.taken);
        free(cut.data.bytes);
    }
    free(whole.data.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {.bytes = data, .len = size};
    const uint8_t flags = take_option(&input);
    struct cws_http_limits limits = {CWS_HTTP_HEAD_DEFAULT, CWS_HTTP_LINE_DEFAULT, CWS_HTTP_FIELDS_DEFAULT};
    if (flags & 8) {
        limits.head = take_option(&input) * 4U;
        limits.line = take_option(&input);
        limits.fields = take_option(&input) % 16;
    }
    const uint64_t body_limit = flags & 16 ? take_option(&input) : UINT64_MAX;
    const size_t piece = flags & 32 ? take_option(&input) + (size_t)1 : 2;
    int head = 0;
    if (!(flags & 1)) {
        decoder *decode = flags & 2 ? cws_http_response_decode : cws_http_request_decode;
        const enum cws_http_asked asked = flags & 4    ? CWS_HTTP_ASKED_CONNECT
                                          : flags & 64 ? CWS_HTTP_ASKED_HEAD
                                                       : CWS_HTTP_ASKED_OTHER;
        head = check_head(decode, input.bytes, input.len, &limits, asked);
        if (head <= 0)
            return 0;
    }
    check_chunks(input.bytes + head, input.len - (size_t)head, body_limit, &limits, piece);
    return 0;
}
