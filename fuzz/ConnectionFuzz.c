/* The connection against a hostile peer, and two of them against each other.
 *
 * The first byte of an input is the mode, the second the configuration. As a peer's bytes the rest is taken as it is, or
 * as a list of frames whose headers are made right here, so that it gets further; as operations each byte is one, with
 * what it needs in the next bytes. */
#include "connection.h"
#include "connection_ends.h"

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
static int run_peer(const struct cws_connection_config *config, const struct gathered *input, enum cuts cuts,
                    struct log *log)
{
    cws_connection *connection = cws_connection_new(config);
    REQUIRE(connection);
    uint32_t random = (uint32_t)input->len + 1;
    int error = 0;
    size_t at = 0;
    while (at < input->len && !error) {
        random = random * 1664525 + 1013904223;
        size_t len = cuts == WHOLE ? input->len : cuts == BYTEWISE ? 1 : random >> 27;
        if (len > input->len - at)
            len = input->len - at;
        error = receive(connection, input->bytes + at, len, log);
        at += len;
    }
    uint8_t nothing = 0;
    size_t taken = 0;
    struct cws_event event;
    REQUIRE(cws_receive(connection, &nothing, 1, &taken, &event) == error || !error);
    REQUIRE(cws_connection_memory(connection) <= 8192 + 4 * (log->bytes.len + input->len) + ((size_t)4 << 20));
    check_answers(connection, config->role == CWS_ROLE_SERVER ? CWS_ROLE_CLIENT : CWS_ROLE_SERVER);
    cws_connection_free(connection);
    return error;
}

/* A compressed message that is wrong in several ways is found wrong in the one that the cut brings to light. */
static int error_kind(int error, bool deflate)
{
    return deflate && (error == CWS_ERR_UTF8 || error == CWS_ERR_TOO_BIG) ? CWS_ERR_DEFLATE : error;
}

static void compare_cuts(const struct cws_connection_config *config, const struct gathered *input)
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
        REQUIRE(errors[0] || logs[i].bytes.len == logs[0].bytes.len);
    }
    for (size_t i = 0; i < 3; i++)
        free(logs[i].bytes.bytes);
}

/* Frames with the lengths and masks that they should have. */
static void make_frames(struct input *input, bool masked, struct gathered *to)
{
    while (input->len > 0) {
        struct cws_frame_header header = {.masked = masked};
        const uint8_t first = take_first(input);
        header.payload_len = take_first(input);
        if (header.payload_len > input->len)
            header.payload_len = input->len;
        uint8_t head[CWS_HEADER_MAX];
        header.fin = first & 0x80;
        header.rsv = first & 0x70;
        header.opcode = first & 0x0f;
        if (masked)
            memcpy(header.mask, "mask", CWS_MASK_SIZE);
        const int size = cws_frame_encode(&header, head);
        if (size < 0) {
            gather_byte(to, first);
            continue;
        }
        gather(to, head, (size_t)size);
        gather(to, input->bytes, (size_t)header.payload_len);
        REQUIRE(to->bytes);
        cws_mask(to->bytes + to->len - header.payload_len, (size_t)header.payload_len, header.mask, 0);
        input->bytes += header.payload_len;
        input->len -= (size_t)header.payload_len;
    }
}

static void fuzz_peer(struct input *input, uint8_t flags, bool framed)
{
    const struct cws_connection_config config = configuration(flags, false);
    struct gathered bytes = {0};
    if (framed)
        make_frames(input, config.role == CWS_ROLE_SERVER, &bytes);
    else
        gather(&bytes, input->bytes, input->len);
    compare_cuts(&config, &bytes);
    free(bytes.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {.bytes = data, .len = size};
    const uint8_t mode = take_first(&input);
    const uint8_t flags = take_first(&input);
    if (mode & 2)
        fuzz_ends(&input, flags);
    else
        fuzz_peer(&input, flags, mode & 1);
    return 0;
}
