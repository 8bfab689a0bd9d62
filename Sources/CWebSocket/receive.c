/* Frames in, events out. */
#include "connection.h"

#include <string.h>

/* Where the opcode stands in the first byte of a header. */
#define OPCODE 0x0f
/* What is decompressed at a time. */
#define INFLATE_PIECE (16U << 10)
/* What is unmasked at a time for the inflater, which needn't take it all. */
#define UNMASK_PIECE (4U << 10)

/* The bytes of a call, and how many are taken. */
struct input {
    uint8_t *_Nonnull bytes;
    size_t len;
    size_t taken;
};

static size_t input_left(const struct input *input)
{
    return input->len - input->taken;
}

static uint64_t payload_left(const struct receiver *in)
{
    return in->frame.payload_len - in->at;
}

static size_t smaller(uint64_t a, size_t b)
{
    return a < b ? (size_t)a : b;
}

/* ---- headers ---- */

/* Whether the frame may follow on the ones before; section 5.4. 0 or a cws_error. */
static int check_order(const struct receiver *in, uint8_t opcode)
{
    if (opcode >= CWS_OPCODE_CLOSE)
        return 0;
    if (opcode == CWS_OPCODE_CONTINUATION)
        return in->opcode == CWS_OPCODE_CONTINUATION ? CWS_ERR_CONTINUATION : 0;
    return in->opcode == CWS_OPCODE_CONTINUATION ? 0 : CWS_ERR_UNFINISHED;
}

static void begin_data(struct receiver *in)
{
    in->phase = PHASE_DATA;
    if (in->frame.opcode == CWS_OPCODE_CONTINUATION)
        return;
    in->opcode = in->frame.opcode;
    in->compressed = in->frame.rsv & CWS_RSV1;
    in->announced = false;
    in->received = 0;
    in->text = (struct cws_utf8){0};
}

/* What the payload of the frame that begins with `first` may be. Of a compressed message only the frames are limited by
 * their headers, and the content as it comes out. */
static uint64_t payload_limit(const struct cws_connection *connection, uint8_t first)
{
    const struct receiver *in = &connection->in;
    const uint64_t max_frame = connection->config.max_frame;
    const bool begins = in->opcode == CWS_OPCODE_CONTINUATION;
    if (begins ? first & CWS_RSV1 : in->compressed)
        return max_frame;
    const uint64_t left = connection->config.max_message - (begins ? 0 : in->received);
    return left < max_frame ? left : max_frame;
}

/* Decodes the header, of which there are `len` bytes. As cws_frame_decode; an error is the same whatever `len`. */
static int decode_header(struct cws_connection *connection, size_t len)
{
    struct receiver *in = &connection->in;
    const struct cws_frame_rules rules = {.receiver = connection->config.role,
                                          .rsv = connection->config.agreement.deflate ? CWS_RSV1 : 0,
                                          .max_payload = payload_limit(connection, in->head[0])};
    /* The first byte proves that the order is wrong, so that comes before what the others are wrong in. */
    int result = cws_frame_decode(in->head, 1, &rules, &in->frame);
    if (result == 0)
        result = check_order(in, in->head[0] & OPCODE);
    if (result == 0)
        result = cws_frame_decode(in->head, len, &rules, &in->frame);
    return result;
}

/* Takes as much of a header as there is. 1 when it is whole, 0 when more is needed, or a cws_error. */
static int take_header(struct cws_connection *connection, struct input *input)
{
    struct receiver *in = &connection->in;
    const size_t count = smaller(sizeof in->head - in->head_len, input_left(input));
    if (count == 0)
        return 0;
    memcpy(in->head + in->head_len, input->bytes + input->taken, count);
    const int size = decode_header(connection, in->head_len + count);
    if (size < 0)
        return size;
    if (size == 0) {
        in->head_len += (uint8_t)count;
        input->taken += count;
        return 0;
    }
    /* What was copied beyond the header is payload. */
    input->taken += (size_t)size - in->head_len;
    in->head_len = 0;
    in->at = 0;
    if (in->frame.opcode >= CWS_OPCODE_CLOSE)
        in->phase = PHASE_CONTROL;
    else
        begin_data(in);
    return 1;
}

/* ---- control frames ---- */

/* Section 5.5.1: a close frame is answered with one, with its code, unless we sent ours first. */
static int handle_close(struct cws_connection *connection, struct cws_event *event)
{
    struct cws_close close;
    int error = cws_close_decode(connection->in.control, (size_t)connection->in.frame.payload_len, &close);
    if (error)
        return error;
    *event = (struct cws_event){
        .kind = CWS_EVENT_CLOSE, .data = close.reason, .len = close.reason_len, .close_code = close.code};
    const struct cws_close answer = {.code = close.code};
    error = cws_close(connection, &answer);
    if (error)
        return error;
    connection->state = CWS_STATE_CLOSED;
    /* A message may have been under way. */
    cws_buffer_clear(&connection->in.gathered);
    return 0;
}

/* Takes the payload of a control frame. 1 with an event, 0 when more is needed, or a cws_error. */
static int take_control(struct cws_connection *connection, struct input *input, struct cws_event *event)
{
    struct receiver *in = &connection->in;
    const size_t count = smaller(payload_left(in), input_left(input));
    if (count > 0)
        memcpy(in->control + in->at, input->bytes + input->taken, count);
    input->taken += count;
    in->at += count;
    if (payload_left(in) > 0)
        return 0;

    const size_t len = (size_t)in->frame.payload_len;
    cws_mask(in->control, len, in->frame.mask, 0);
    in->phase = PHASE_HEADER;
    if (in->frame.opcode == CWS_OPCODE_CLOSE) {
        const int error = handle_close(connection, event);
        return error ? error : 1;
    }
    const bool ping = in->frame.opcode == CWS_OPCODE_PING;
    *event = (struct cws_event){.kind = ping ? CWS_EVENT_PING : CWS_EVENT_PONG, .data = in->control, .len = len};
    if (ping)
        cws_answer_ping(connection, in->control, len);
    return 1;
}

/* ---- data frames ---- */

/* Judges the next bytes of the message. 0 or a cws_error. */
static int check_message(struct cws_connection *connection, const uint8_t *bytes, size_t len, bool last)
{
    struct receiver *in = &connection->in;
    /* The text first, as far as the limit lets it go: so it is one error however the bytes came. */
    const size_t within = smaller(connection->config.max_message - in->received, len);
    if (in->opcode == CWS_OPCODE_TEXT && cws_utf8_check(&in->text, bytes, within) < within)
        return CWS_ERR_UTF8;
    if (within < len)
        return CWS_ERR_TOO_BIG;
    in->received += len;
    return last && !cws_utf8_is_complete(&in->text) ? CWS_ERR_UTF8 : 0;
}

/* An event for the message or a piece of it; `bytes` is lent. */
static void deliver(struct receiver *in, const uint8_t *bytes, size_t len, bool last, struct cws_event *event)
{
    *event = (struct cws_event){.kind = CWS_EVENT_MESSAGE,
                                .opcode = in->opcode,
                                .first = !in->announced,
                                .last = last,
                                .data = len > 0 ? bytes : NULL,
                                .len = len};
    in->announced = true;
    in->delivered = true;
    if (last)
        in->opcode = CWS_OPCODE_CONTINUATION;
}

/* Takes payload that is as the sender wrote it. 1 with an event, 0 without, or a cws_error. */
static int take_plain(struct cws_connection *connection, struct input *input, struct cws_event *event)
{
    struct receiver *in = &connection->in;
    uint8_t *bytes = input->bytes + input->taken;
    const size_t count = smaller(payload_left(in), input_left(input));
    if (in->frame.masked)
        cws_mask(bytes, count, in->frame.mask, in->at);
    input->taken += count;
    in->at += count;
    const bool frame_ends = payload_left(in) == 0;
    const bool last = frame_ends && in->frame.fin;
    if (frame_ends)
        in->phase = PHASE_HEADER;
    const int error = check_message(connection, bytes, count, last);
    if (error)
        return error;

    if (!connection->config.whole_messages) {
        if (count == 0 && !last)
            return 0;
        deliver(in, bytes, count, last, event);
        return 1;
    }
    if (last && cws_buffer_count(&in->gathered) == 0) {
        deliver(in, bytes, count, last, event);
        return 1;
    }
    if (count > 0) {
        uint8_t *room = cws_buffer_reserve(&in->gathered, count);
        if (!room)
            return CWS_ERR_MEMORY;
        memcpy(room, bytes, count);
        cws_buffer_filled(&in->gathered, count);
    }
    if (!last)
        return 0;
    deliver(in, in->gathered.bytes + in->gathered.start, cws_buffer_count(&in->gathered), last, event);
    return 1;
}

/* Puts payload through the inflater, once. The number of bytes that came out at `room`, or a cws_error. */
static ptrdiff_t inflate_payload(struct receiver *in, struct input *input, uint8_t *room, bool *done)
{
    uint8_t unmasked[UNMASK_PIECE];
    const uint8_t *bytes = input->bytes + input->taken;
    size_t count = smaller(payload_left(in), input_left(input));
    if (in->frame.masked && count > 0) {
        count = smaller(count, sizeof unmasked);
        cws_mask_copy(unmasked, bytes, count, in->frame.mask, in->at);
        bytes = unmasked;
    }
    const bool end = in->frame.fin && count == payload_left(in);
    size_t taken = 0;
    const ptrdiff_t made = cws_inflate(in->inflater, bytes, count, &taken, room, INFLATE_PIECE, end, done);
    if (made < 0)
        return made;
    input->taken += taken;
    in->at += taken;
    in->holds_output = made == INFLATE_PIECE && !*done;
    return made;
}

/* Takes compressed payload. 1 with an event, 0 without, or a cws_error. */
static int take_compressed(struct cws_connection *connection, struct input *input, struct cws_event *event)
{
    struct receiver *in = &connection->in;
    if (!in->inflater) {
        const struct cws_deflate_params *params = &connection->config.agreement.deflate_params;
        const bool server = connection->config.role == CWS_ROLE_SERVER;
        in->inflater =
            cws_inflater_new(server ? params->client_max_window_bits : params->server_max_window_bits,
                             server ? !params->client_no_context_takeover : !params->server_no_context_takeover);
        if (!in->inflater)
            return CWS_ERR_MEMORY;
    }
    uint8_t *room = cws_buffer_reserve(&in->gathered, INFLATE_PIECE);
    if (!room)
        return CWS_ERR_MEMORY;
    bool last = false;
    const ptrdiff_t made = inflate_payload(in, input, room, &last);
    if (made < 0)
        return (int)made;
    if (payload_left(in) == 0 && !in->holds_output)
        in->phase = PHASE_HEADER;
    const int error = check_message(connection, room, (size_t)made, last);
    if (error)
        return error;

    cws_buffer_filled(&in->gathered, (size_t)made);
    const size_t count = cws_buffer_count(&in->gathered);
    if (!last && (connection->config.whole_messages || count == 0))
        return 0;
    deliver(in, in->gathered.bytes + in->gathered.start, count, last, event);
    return 1;
}

/* Whether the data phase can do something with no more bytes. */
static bool data_goes_on(const struct receiver *in)
{
    return payload_left(in) == 0 || in->holds_output;
}

/* ---- the whole ---- */

/* Goes on until there is an event (1), nothing is left to do with these bytes (0), or a cws_error. */
static int take(struct cws_connection *connection, struct input *input, struct cws_event *event)
{
    struct receiver *in = &connection->in;
    for (;;) {
        int result = 0;
        switch (in->phase) {
            case PHASE_HEADER:
                result = take_header(connection, input);
                if (result <= 0)
                    return result;
                continue;
            case PHASE_CONTROL:
                return take_control(connection, input, event);
            case PHASE_DATA:
                if (input_left(input) == 0 && !data_goes_on(in))
                    return 0;
                result =
                    in->compressed ? take_compressed(connection, input, event) : take_plain(connection, input, event);
                if (result != 0)
                    return result;
        }
    }
}

/* Section 7.1.7: says why, and takes nothing more. */
static void fail(struct cws_connection *connection, int error)
{
    const struct cws_close close = {.code = cws_error_close_code(error)};
    /* Without memory for the frame the transport just ends. */
    (void)cws_close(connection, &close);
    connection->state = CWS_STATE_FAILED;
    connection->out.pong_waits = false;
    connection->in.error = error;
    cws_buffer_clear(&connection->in.gathered);
}

int cws_receive(cws_connection *connection, uint8_t *bytes, size_t len, size_t *taken, struct cws_event *event)
{
    struct receiver *in = &connection->in;
    *event = (struct cws_event){.kind = CWS_EVENT_NONE};
    *taken = len;
    if (connection->state == CWS_STATE_FAILED)
        return in->error;
    if (connection->state == CWS_STATE_CLOSED)
        return 0;
    if (in->delivered) {
        cws_buffer_used(&in->gathered, cws_buffer_count(&in->gathered));
        in->delivered = false;
    }
    struct input input = {.bytes = bytes, .len = len};
    const int result = take(connection, &input, event);
    *taken = input.taken;
    if (result < 0) {
        *event = (struct cws_event){.kind = CWS_EVENT_NONE};
        fail(connection, result);
        return result;
    }
    return 0;
}
