/* Two connections against each other: what one says is what the other hears. */
#ifndef FUZZ_CONNECTION_ENDS_H
#define FUZZ_CONNECTION_ENDS_H

#include "connection.h"

struct end {
    cws_connection *_Nonnull connection;
    bool within;          /* a message */
    uint64_t left;        /* of its known length */
    struct gathered sent; /* by this end, as the other should record it */
    struct log come;      /* to this end */
    struct gathered wire; /* taken from the other's output */
    size_t given;         /* of that, to this end */
};

/* What there is to send: text in several alphabets, some of it easy to compress. */
static void make_payload(uint8_t *_Nonnull payload, size_t len, uint8_t seed)
{
    static const uint8_t characters[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80";
    uint32_t random = seed;
    for (size_t i = 0; i < len; i++) {
        random = random * 1664525 + 1013904223;
        payload[i] = seed & 1 ? characters[i % 10] : (uint8_t)((random >> 24) % (1U + seed / 2));
    }
}

static void log_begin(struct end *_Nonnull end, uint8_t opcode)
{
    gather_byte(&end->sent, TAG_BEGIN + opcode);
}

static void operate_write(struct end *_Nonnull end, struct input *_Nonnull input)
{
    uint8_t payload[4096];
    size_t len = (size_t)(take_first(input) << 4 | 7) % sizeof payload;
    make_payload(payload, len, take_first(input));
    if (end->within && end->left != CWS_LENGTH_UNKNOWN && len > end->left)
        len = (size_t)end->left;
    const ptrdiff_t taken = cws_message_write(end->connection, payload, len);
    if (!end->within || cws_connection_state(end->connection) != CWS_STATE_OPEN) {
        REQUIRE(taken == CWS_ERR_STATE);
        return;
    }
    REQUIRE(taken >= 0 && (size_t)taken <= len);
    gather(&end->sent, payload, (size_t)taken);
    if (end->left != CWS_LENGTH_UNKNOWN)
        end->left -= (size_t)taken;
}

static void operate_end(struct end *_Nonnull end)
{
    const bool open = cws_connection_state(end->connection) == CWS_STATE_OPEN;
    const bool whole = end->left == 0 || end->left == CWS_LENGTH_UNKNOWN;
    REQUIRE(cws_message_end(end->connection) == (open && end->within && whole ? 0 : CWS_ERR_STATE));
    if (!open || !end->within || !whole)
        return;
    end->within = false;
    gather_byte(&end->sent, TAG_END);
}

static void operate_send(struct end *_Nonnull end, struct input *_Nonnull input)
{
    uint8_t payload[4096];
    const size_t sixteens = take_first(input);
    const uint8_t seed = take_first(input);
    const uint8_t how = take_first(input);
    const size_t len = sixteens * 16 + how / 16;
    make_payload(payload, len, seed);
    const int error = cws_send(end->connection, CWS_OPCODE_BINARY, payload, len, (enum cws_compression)(how % 16 % 3));
    if (end->within || cws_connection_state(end->connection) != CWS_STATE_OPEN) {
        REQUIRE(error == CWS_ERR_STATE);
        return;
    }
    REQUIRE(error == 0 || error == CWS_ERR_FULL || error == CWS_ERR_TOO_BIG);
    if (error)
        return;
    log_begin(end, CWS_OPCODE_BINARY);
    gather(&end->sent, payload, len);
    gather_byte(&end->sent, TAG_END);
}

static void operate_begin(struct end *_Nonnull end, struct input *_Nonnull input)
{
    const uint8_t how = take_first(input);
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
static void transfer(struct end *_Nonnull from, struct end *_Nonnull to, size_t len)
{
    const uint8_t *bytes = NULL;
    const size_t there = cws_output(from->connection, &bytes);
    const size_t taken = there < len ? there : len;
    gather(&to->wire, bytes, taken);
    REQUIRE(to->wire.bytes);
    cws_wrote(from->connection, taken);

    const size_t waiting = to->wire.len - to->given;
    const size_t given = waiting < len ? waiting : len;
    /* What is appended is freed by free_end. */
    // NOLINTNEXTLINE(clang-analyzer-unix.Malloc)
    const int error = receive(to->connection, to->wire.bytes + to->given, given, &to->come);
    REQUIRE(error == 0);
    to->given += given;
    /* A message may be complete before cws_message_end, by its known length. */
    REQUIRE(to->come.bytes.len <= from->sent.len + 1);
}

static void operate(struct end *_Nonnull end, struct end *_Nonnull other, struct input *_Nonnull input)
{
    const uint8_t operation = take_first(input);
    struct end *from = operation & 1 ? end : other;
    struct end *to = operation & 1 ? other : end;
    const struct cws_close close = {.code = CWS_CLOSE_NORMAL};
    int error = 0;
    switch (operation >> 1 & 7) {
        case 0:
            operate_begin(from, input);
            break;
        case 1:
            operate_write(from, input);
            break;
        case 2:
            operate_end(from);
            break;
        case 3:
            operate_send(from, input);
            break;
        case 4:
            error = cws_ping(from->connection, input->bytes, input->len < 8 ? input->len : 8);
            REQUIRE(error == 0 || error == CWS_ERR_FULL || error == CWS_ERR_STATE);
            break;
        case 5:
            /* Not too often, for there isn't much to be done after it. */
            if (operation >> 4 == 15)
                REQUIRE(cws_close(from->connection, &close) == 0);
            break;
        default:
            transfer(from, to, operation & 0x80 ? take_first(input) * 16U : take_first(input));
    }
}

static void run_to_the_end(struct end *_Nonnull end, struct end *_Nonnull other)
{
    /* A message that isn't as long as was said can't be ended: then it is the close frame that ends it. */
    if (end->left == 0 || end->left == CWS_LENGTH_UNKNOWN)
        operate_end(end);
    const uint8_t *bytes = NULL;
    while (cws_output(end->connection, &bytes) > 0 || other->wire.len > other->given)
        transfer(end, other, SIZE_MAX);
}

static void check_ends(struct end *_Nonnull end, const struct end *_Nonnull other)
{
    const bool open = cws_connection_state(end->connection) == CWS_STATE_OPEN &&
                      cws_connection_state(other->connection) == CWS_STATE_OPEN;
    if (open && !end->within)
        REQUIRE(end->sent.len == other->come.bytes.len && begins_with(&end->sent, &other->come.bytes));
    else if (other->come.bytes.len > end->sent.len) /* ended before cws_message_end, by its known length */
        REQUIRE(other->come.bytes.len == end->sent.len + 1 && begins_with(&other->come.bytes, &end->sent));
    else
        REQUIRE(begins_with(&end->sent, &other->come.bytes));
    if (open && !end->within && !other->within)
        REQUIRE(cws_connection_memory(end->connection) <= 8192);
}

static void free_end(struct end *_Nonnull end)
{
    cws_connection_free(end->connection);
    free(end->sent.bytes);
    free(end->come.bytes.bytes);
    free(end->wire.bytes);
}

static void fuzz_ends(struct input *_Nonnull input, uint8_t flags)
{
    struct cws_connection_config config = configuration(flags & 0x7e, true);
    config.max_frame = UINT64_MAX;
    config.max_message = UINT64_MAX;
    config.max_output = flags & 1 ? 0 : (size_t)take_first(input) << 4;
    config.max_fragment = (size_t)take_first(input) << 3;
    struct end ends[2] = {{.come = {.messages_only = true}}, {.come = {.messages_only = true}}};
    for (size_t i = 0; i < 2; i++) {
        config.role = i == 0 ? CWS_ROLE_CLIENT : CWS_ROLE_SERVER;
        cws_connection *connection = cws_connection_new(&config);
        REQUIRE(connection);
        ends[i].connection = connection;
    }
    while (input->len > 0)
        operate(&ends[0], &ends[1], input);
    /* Twice each, since what one receives is answered. */
    for (size_t i = 0; i < 4; i++)
        run_to_the_end(&ends[i % 2], &ends[1 - i % 2]);
    for (size_t i = 0; i < 2; i++)
        check_ends(&ends[i], &ends[1 - i]);
    for (size_t i = 0; i < 2; i++)
        free_end(&ends[i]);
}

#endif
