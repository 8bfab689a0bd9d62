/* The connection against a hostile peer, and two of them against each other.
 *
 * The first byte of an input is the mode, the second the configuration. As a peer's bytes the rest is taken as it is, or
 * as a list of frames whose headers are made right here, so that it gets further; as operations each byte is one, with
 * what it needs in the next bytes. */
#include "cws_connection.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REQUIRE(condition)                                                                                             \
    ((condition) ? (void)0 : (fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition), abort()))

int LLVMFuzzerTestOneInput(const uint8_t *_Nonnull data, size_t size);

/* What the input has left. */
struct source {
    const uint8_t *_Nonnull data;
    size_t left;
};

static uint8_t next_byte(struct source *source)
{
    if (source->left == 0)
        return 0;
    source->left--;
    return *source->data++;
}

/* Bytes that are only ever appended to, and used up from the front. */
struct bytes {
    uint8_t *_Nullable data;
    size_t start;
    size_t end;
    size_t capacity;
};

static void append(struct bytes *to, const void *data, size_t len)
{
    if (!to->data || to->capacity - to->end < len) {
        to->capacity = (to->end + len) * 2 + 64;
        to->data = realloc(to->data, to->capacity);
        REQUIRE(to->data);
    }
    if (len > 0)
        memcpy(to->data + to->end, data, len);
    to->end += len;
}

static void append_byte(struct bytes *to, uint8_t byte)
{
    append(to, &byte, 1);
}

static bool begins_with(const struct bytes *bytes, const struct bytes *prefix)
{
    return bytes->end >= prefix->end && (prefix->end == 0 || memcmp(bytes->data, prefix->data, prefix->end) == 0);
}

/* ---- both modes ---- */

enum { TAG_BEGIN = 0xf0, TAG_END = 0xf8, TAG_CONTROL = 0xfc };

/* What came, with control frames or without. */
struct log {
    struct bytes bytes;
    bool messages_only;
};

/* Writes down an event, in such a way that it doesn't matter which pieces a message came in. */
static void record(struct log *to, const struct cws_event *event)
{
    struct bytes *log = &to->bytes;
    REQUIRE(event->len == 0 || event->data);
    if (event->kind != CWS_EVENT_MESSAGE) {
        if (to->messages_only)
            return;
        append_byte(log, (uint8_t)(TAG_CONTROL + event->kind - CWS_EVENT_PING));
        append(log, &event->close_code, sizeof event->close_code);
        append_byte(log, (uint8_t)event->len);
        append(log, event->data, event->len);
        return;
    }
    REQUIRE(event->len > 0 || event->last);
    if (event->first)
        append_byte(log, TAG_BEGIN + event->opcode);
    append(log, event->data, event->len);
    if (event->last)
        append_byte(log, TAG_END);
}

/* Gives the connection bytes that lie in a block of exactly their size. The error, or 0. */
static int receive(cws_connection *connection, const uint8_t *data, size_t len, struct log *log)
{
    static uint8_t nothing;
    uint8_t *block = len > 0 ? malloc(len) : &nothing;
    REQUIRE(block);
    if (len > 0)
        memcpy(block, data, len);
    size_t at = 0;
    int error = 0;
    struct cws_event event = {.kind = CWS_EVENT_PONG};
    while (!error && event.kind != CWS_EVENT_NONE) {
        size_t taken = 0;
        error = cws_receive(connection, block + at, len - at, &taken, &event);
        REQUIRE(taken <= len - at);
        at += taken;
        if (event.kind != CWS_EVENT_NONE)
            record(log, &event);
    }
    REQUIRE(error ? cws_connection_state(connection) == CWS_STATE_FAILED : at == len);
    if (len > 0)
        free(block);
    return error;
}

static struct cws_connection_config configuration(uint8_t flags, bool any_window)
{
    struct cws_connection_config config = {.role = flags & 1 ? CWS_ROLE_SERVER : CWS_ROLE_CLIENT,
                                           .whole_messages = flags & 2,
                                           .max_frame = flags & 0x40 ? 200 : UINT64_MAX,
                                           .max_message = flags & 0x80 ? 300 : 1U << 20};
    config.agreement.protocol = -1;
    config.agreement.deflate = flags & 4;
    config.agreement.deflate_params =
        (struct cws_deflate_params){.client_no_context_takeover = flags & 8,
                                    .server_no_context_takeover = flags & 8,
                                    .client_max_window_bits = any_window ? 8 + (flags >> 4 & 7) : 15,
                                    .server_max_window_bits = any_window ? 15 - (flags >> 4 & 7) : 15};
    return config;
}

/* ---- a peer's bytes ---- */

/* The output is frames that the peer would take, and nothing else: pongs, and a close frame at the end. */
static void check_answers(const cws_connection *connection, enum cws_role peer)
{
    const uint8_t *bytes = NULL;
    size_t left = cws_output(connection, &bytes);
    const struct cws_frame_rules rules = {.receiver = peer, .max_payload = UINT64_MAX};
    bool closed = false;
    while (left > 0) {
        struct cws_frame_header header;
        const int size = cws_frame_decode(bytes, left, &rules, &header);
        REQUIRE(size > 0 && header.payload_len <= left - (size_t)size);
        REQUIRE(!closed && (header.opcode == CWS_OPCODE_PONG || header.opcode == CWS_OPCODE_CLOSE));
        bytes += size;
        left -= (size_t)size;
        if (header.opcode == CWS_OPCODE_CLOSE) {
            uint8_t payload[CWS_CONTROL_PAYLOAD_MAX];
            struct cws_close close;
            cws_mask_copy(payload, bytes, (size_t)header.payload_len, header.mask, 0);
            REQUIRE(cws_close_decode(payload, (size_t)header.payload_len, &close) == 0);
            closed = true;
        }
        bytes += header.payload_len;
        left -= (size_t)header.payload_len;
    }
    REQUIRE(closed == (cws_connection_state(connection) != CWS_STATE_OPEN));
}

enum cuts { WHOLE, BYTEWISE, MIXED };

/* How one connection took the bytes. */
static int run_peer(const struct cws_connection_config *config, const struct bytes *input, enum cuts cuts,
                    struct log *log)
{
    cws_connection *connection = cws_connection_new(config);
    REQUIRE(connection);
    uint32_t random = (uint32_t)input->end + 1;
    int error = 0;
    size_t at = 0;
    while (at < input->end && !error) {
        random = random * 1664525 + 1013904223;
        size_t len = cuts == WHOLE ? input->end : cuts == BYTEWISE ? 1 : random >> 27;
        if (len > input->end - at)
            len = input->end - at;
        error = receive(connection, input->data + at, len, log);
        at += len;
    }
    uint8_t nothing = 0;
    size_t taken = 0;
    struct cws_event event;
    REQUIRE(cws_receive(connection, &nothing, 1, &taken, &event) == error || !error);
    REQUIRE(cws_connection_memory(connection) <= 8192 + 4 * (log->bytes.end + input->end) + ((size_t)4 << 20));
    check_answers(connection, config->role == CWS_ROLE_SERVER ? CWS_ROLE_CLIENT : CWS_ROLE_SERVER);
    cws_connection_free(connection);
    return error;
}

/* A compressed message that is wrong in several ways is found wrong in the one that the cut brings to light. */
static int error_kind(int error, bool deflate)
{
    return deflate && (error == CWS_ERR_UTF8 || error == CWS_ERR_TOO_BIG) ? CWS_ERR_DEFLATE : error;
}

static void compare_cuts(const struct cws_connection_config *config, const struct bytes *input)
{
    struct log logs[3] = {{.messages_only = false}};
    int errors[3];
    for (size_t i = 0; i < 3; i++)
        errors[i] = error_kind(run_peer(config, input, (enum cuts)i, &logs[i]), config->agreement.deflate);
    for (size_t i = 1; i < 3; i++) {
        REQUIRE(errors[i] == errors[0]);
        /* Of what is wrong, more or less that was good may have been delivered before. */
        REQUIRE(begins_with(&logs[i].bytes, &logs[0].bytes) ||
                (errors[0] && begins_with(&logs[0].bytes, &logs[i].bytes)));
        REQUIRE(errors[0] || logs[i].bytes.end == logs[0].bytes.end);
    }
    for (size_t i = 0; i < 3; i++)
        free(logs[i].bytes.data);
}

/* Frames with the lengths and masks that they should have. */
static void make_frames(struct source *source, bool masked, struct bytes *to)
{
    while (source->left > 0) {
        struct cws_frame_header header = {.masked = masked};
        const uint8_t first = next_byte(source);
        header.payload_len = next_byte(source);
        if (header.payload_len > source->left)
            header.payload_len = source->left;
        uint8_t head[CWS_HEADER_MAX];
        header.fin = first & 0x80;
        header.rsv = first & 0x70;
        header.opcode = first & 0x0f;
        if (masked)
            memcpy(header.mask, "mask", CWS_MASK_SIZE);
        const int size = cws_frame_encode(&header, head);
        if (size < 0) {
            append_byte(to, first);
            continue;
        }
        append(to, head, (size_t)size);
        append(to, source->data, (size_t)header.payload_len);
        REQUIRE(to->data);
        cws_mask(to->data + to->end - header.payload_len, (size_t)header.payload_len, header.mask, 0);
        source->data += header.payload_len;
        source->left -= (size_t)header.payload_len;
    }
}

static void fuzz_peer(struct source *source, uint8_t flags, bool framed)
{
    const struct cws_connection_config config = configuration(flags, false);
    struct bytes input = {0};
    if (framed)
        make_frames(source, config.role == CWS_ROLE_SERVER, &input);
    else
        append(&input, source->data, source->left);
    compare_cuts(&config, &input);
    free(input.data);
}

/* ---- two ends ---- */

struct end {
    cws_connection *_Nonnull connection;
    bool within;       /* a message */
    uint64_t left;     /* of its known length */
    struct bytes sent; /* by this end, as the other should record it */
    struct log come;   /* to this end */
    struct bytes wire; /* taken from the other's output, not yet received */
};

/* What there is to send: text in several alphabets, some of it easy to compress. */
static void make_payload(uint8_t *payload, size_t len, uint8_t seed)
{
    static const uint8_t characters[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80";
    uint32_t random = seed;
    for (size_t i = 0; i < len; i++) {
        random = random * 1664525 + 1013904223;
        payload[i] = seed & 1 ? characters[i % 10] : (uint8_t)((random >> 24) % (1U + seed / 2));
    }
}

static void log_begin(struct end *end, uint8_t opcode)
{
    append_byte(&end->sent, TAG_BEGIN + opcode);
}

static void operate_write(struct end *end, struct source *source)
{
    uint8_t payload[4096];
    size_t len = (size_t)(next_byte(source) << 4 | 7) % sizeof payload;
    make_payload(payload, len, next_byte(source));
    if (end->within && end->left != CWS_LENGTH_UNKNOWN && len > end->left)
        len = (size_t)end->left;
    const ptrdiff_t taken = cws_message_write(end->connection, payload, len);
    if (!end->within || cws_connection_state(end->connection) != CWS_STATE_OPEN) {
        REQUIRE(taken == CWS_ERR_STATE);
        return;
    }
    REQUIRE(taken >= 0 && (size_t)taken <= len);
    append(&end->sent, payload, (size_t)taken);
    if (end->left != CWS_LENGTH_UNKNOWN)
        end->left -= (size_t)taken;
}

static void operate_end(struct end *end)
{
    const bool open = cws_connection_state(end->connection) == CWS_STATE_OPEN;
    const bool whole = end->left == 0 || end->left == CWS_LENGTH_UNKNOWN;
    REQUIRE(cws_message_end(end->connection) == (open && end->within && whole ? 0 : CWS_ERR_STATE));
    if (!open || !end->within || !whole)
        return;
    end->within = false;
    append_byte(&end->sent, TAG_END);
}

static void operate_send(struct end *end, struct source *source)
{
    uint8_t payload[4096];
    const size_t len = (size_t)(next_byte(source) << 4) % sizeof payload;
    make_payload(payload, len, next_byte(source));
    const int error =
        cws_send(end->connection, CWS_OPCODE_BINARY, payload, len, (enum cws_compression)(next_byte(source) % 3));
    if (end->within || cws_connection_state(end->connection) != CWS_STATE_OPEN) {
        REQUIRE(error == CWS_ERR_STATE);
        return;
    }
    REQUIRE(error == 0 || error == CWS_ERR_FULL || error == CWS_ERR_TOO_BIG);
    if (error)
        return;
    log_begin(end, CWS_OPCODE_BINARY);
    append(&end->sent, payload, len);
    append_byte(&end->sent, TAG_END);
}

static void operate_begin(struct end *end, struct source *source)
{
    const uint8_t how = next_byte(source);
    const uint64_t length = how & 0x80 ? (uint64_t)(how & 0x7c) << 4 : CWS_LENGTH_UNKNOWN;
    const int error =
        cws_message_begin(end->connection, CWS_OPCODE_BINARY, length, (enum cws_compression)((how & 3) % 3));
    const bool open = cws_connection_state(end->connection) == CWS_STATE_OPEN;
    REQUIRE(error == (open && !end->within ? 0 : CWS_ERR_STATE));
    if (error)
        return;
    end->within = true;
    end->left = length;
    log_begin(end, CWS_OPCODE_BINARY);
}

/* Takes up to `len` bytes out of what one end has to write, and gives up to `len` of them to the other. */
static void transfer(struct end *from, struct end *to, size_t len)
{
    const uint8_t *bytes = NULL;
    const size_t there = cws_output(from->connection, &bytes);
    const size_t taken = there < len ? there : len;
    append(&to->wire, bytes, taken);
    REQUIRE(to->wire.data);
    cws_wrote(from->connection, taken);

    const size_t waiting = to->wire.end - to->wire.start;
    const size_t given = waiting < len ? waiting : len;
    const size_t before = to->come.bytes.end;
    /* What is appended is freed by free_end. */
    // NOLINTNEXTLINE(clang-analyzer-unix.Malloc)
    const int error = receive(to->connection, to->wire.data + to->wire.start, given, &to->come);
    REQUIRE(error == 0);
    to->wire.start += given;
    REQUIRE(to->come.bytes.end - before <= 1U << 20);
}

static void operate(struct end *end, struct end *other, struct source *source)
{
    const uint8_t operation = next_byte(source);
    struct end *from = operation & 1 ? end : other;
    struct end *to = operation & 1 ? other : end;
    const struct cws_close close = {.code = CWS_CLOSE_NORMAL};
    int error = 0;
    switch (operation >> 1 & 7) {
        case 0:
            operate_begin(from, source);
            break;
        case 1:
            operate_write(from, source);
            break;
        case 2:
            operate_end(from);
            break;
        case 3:
            operate_send(from, source);
            break;
        case 4:
            error = cws_ping(from->connection, source->data, source->left < 8 ? source->left : 8);
            REQUIRE(error == 0 || error == CWS_ERR_FULL || error == CWS_ERR_STATE);
            break;
        case 5:
            /* Not too often, for there isn't much to be done after it. */
            if (operation >> 4 == 15)
                REQUIRE(cws_close(from->connection, &close) == 0);
            break;
        default:
            transfer(from, to, operation & 0x80 ? next_byte(source) * 16U : next_byte(source));
    }
}

static void run_to_the_end(struct end *end, struct end *other)
{
    /* A message that isn't as long as was said can't be ended: then it is the close frame that ends it. */
    if (end->left == 0 || end->left == CWS_LENGTH_UNKNOWN)
        operate_end(end);
    const uint8_t *bytes = NULL;
    while (cws_output(end->connection, &bytes) > 0 || other->wire.end > other->wire.start)
        transfer(end, other, SIZE_MAX);
}

static void check_ends(struct end *end, const struct end *other)
{
    const bool open = cws_connection_state(end->connection) == CWS_STATE_OPEN &&
                      cws_connection_state(other->connection) == CWS_STATE_OPEN;
    if (open && !end->within)
        REQUIRE(end->sent.end == other->come.bytes.end && begins_with(&end->sent, &other->come.bytes));
    else if (other->come.bytes.end > end->sent.end) /* ended before cws_message_end, by its known length */
        REQUIRE(other->come.bytes.end == end->sent.end + 1 && begins_with(&other->come.bytes, &end->sent));
    else
        REQUIRE(begins_with(&end->sent, &other->come.bytes));
    if (open && !end->within && !other->within)
        REQUIRE(cws_connection_memory(end->connection) <= 8192);
}

static void free_end(struct end *end)
{
    cws_connection_free(end->connection);
    free(end->sent.data);
    free(end->come.bytes.data);
    free(end->wire.data);
}

static void fuzz_ends(struct source *source, uint8_t flags)
{
    struct cws_connection_config config = configuration(flags & 0x7e, true);
    config.max_frame = UINT64_MAX;
    config.max_message = UINT64_MAX;
    config.max_output = flags & 1 ? 0 : (size_t)next_byte(source) << 4;
    config.max_fragment = (size_t)next_byte(source) << 3;
    struct end ends[2] = {{.come = {.messages_only = true}}, {.come = {.messages_only = true}}};
    for (size_t i = 0; i < 2; i++) {
        config.role = i == 0 ? CWS_ROLE_CLIENT : CWS_ROLE_SERVER;
        cws_connection *connection = cws_connection_new(&config);
        REQUIRE(connection);
        ends[i].connection = connection;
    }
    while (source->left > 0)
        operate(&ends[0], &ends[1], source);
    /* Twice each, since what one receives is answered. */
    for (size_t i = 0; i < 4; i++)
        run_to_the_end(&ends[i % 2], &ends[1 - i % 2]);
    for (size_t i = 0; i < 2; i++)
        check_ends(&ends[i], &ends[1 - i]);
    for (size_t i = 0; i < 2; i++)
        free_end(&ends[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct source source = {.data = data, .left = size};
    const uint8_t mode = next_byte(&source);
    const uint8_t flags = next_byte(&source);
    if (mode & 2)
        fuzz_ends(&source, flags);
    else
        fuzz_peer(&source, flags, mode & 1);
    return 0;
}
