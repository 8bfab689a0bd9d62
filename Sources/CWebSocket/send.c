/* Messages and control frames in, frames out. */
#include "connection.h"

#include <openssl/rand.h>
#include <string.h>

/* What a frame is cut down to for lack of room, at least: less isn't worth a header and a write. */
#define LEAST_FRAGMENT ((size_t)4 << 10)
/* Compressed payload of a frame. It also bounds how far one step goes over the room there is. */
#define DEFLATE_PIECE ((size_t)16 << 10)
/* Below this a message is sent as it is: RFC 7692 leaves the choice, and a frame of a few dozen bytes hardly shrinks
 * while it costs a deflate block and the peer an inflate. */
#define COMPRESSION_PAYS_FROM 128

/* ---- frames ---- */

/* Section 5.3: each mask is fresh and can't be guessed. 0 or a cws_error. */
static int make_mask(struct sender *out, uint8_t mask[CWS_MASK_SIZE])
{
    if (out->masks_left == 0) {
        if (RAND_bytes(out->masks, sizeof out->masks) != 1)
            return CWS_ERR_RANDOM;
        out->masks_left = MASK_POOL;
    }
    out->masks_left--;
    uint8_t *fresh = out->masks + (size_t)out->masks_left * CWS_MASK_SIZE;
    memcpy(mask, fresh, CWS_MASK_SIZE);
    memset(fresh, 0, CWS_MASK_SIZE);
    return 0;
}

int cws_put_frame(struct cws_connection *connection, uint8_t opcode, uint8_t rsv, bool fin, const uint8_t *payload,
                  size_t len)
{
    struct sender *out = &connection->out;
    struct cws_frame_header header = {
        .opcode = opcode, .rsv = rsv, .fin = fin, .masked = connection->config.role == CWS_ROLE_CLIENT};
    header.payload_len = len;
    if (header.masked) {
        const int error = make_mask(out, header.mask);
        if (error)
            return error;
    }
    uint8_t *room = cws_buffer_reserve(&out->output, CWS_HEADER_MAX + len);
    if (!room)
        return CWS_ERR_MEMORY;
    const int size = cws_frame_encode(&header, room);
    if (size < 0)
        return size;
    if (len > 0 && header.masked)
        cws_mask_copy(room + size, payload, len, header.mask, 0);
    else if (len > 0)
        memcpy(room + size, payload, len);
    cws_buffer_filled(&out->output, (size_t)size + len);
    return 0;
}

/* How many bytes of frames fit before the output is full. */
static size_t room_left(const struct cws_connection *connection)
{
    const size_t count = cws_buffer_count(&connection->out.output);
    return count < connection->config.max_output ? connection->config.max_output - count : 0;
}

bool cws_has_room(const cws_connection *connection)
{
    const size_t least = connection->config.max_output < LEAST_FRAGMENT ? 1 : LEAST_FRAGMENT;
    return room_left(connection) >= least;
}

/* ---- control frames ---- */

/* The pong that waits, if there is room. Without memory it waits on. */
static void put_pong(struct cws_connection *connection)
{
    struct sender *out = &connection->out;
    if (!out->pong_waits || room_left(connection) == 0)
        return;
    if (cws_put_frame(connection, CWS_OPCODE_PONG, 0, true, out->pong, out->pong_len) == 0)
        out->pong_waits = false;
}

void cws_answer_ping(struct cws_connection *connection, const uint8_t *payload, size_t len)
{
    struct sender *out = &connection->out;
    if (connection->state != CWS_STATE_OPEN)
        return;
    memcpy(out->pong, payload, len);
    out->pong_len = (uint8_t)len;
    out->pong_waits = true;
    put_pong(connection);
}

int cws_ping(cws_connection *connection, const uint8_t *payload, size_t len)
{
    if (connection->state != CWS_STATE_OPEN)
        return CWS_ERR_STATE;
    if (len > CWS_CONTROL_PAYLOAD_MAX)
        return CWS_ERR_CONTROL_TOO_LONG;
    if (room_left(connection) == 0)
        return CWS_ERR_FULL;
    return cws_put_frame(connection, CWS_OPCODE_PING, 0, true, payload, len);
}

int cws_close(cws_connection *connection, const struct cws_close *close)
{
    if (connection->state != CWS_STATE_OPEN)
        return 0;
    uint8_t payload[CWS_CONTROL_PAYLOAD_MAX];
    const int len = cws_close_encode(close, payload);
    if (len < 0)
        return len;
    const int error = cws_put_frame(connection, CWS_OPCODE_CLOSE, 0, true, payload, (size_t)len);
    if (error)
        return error;
    connection->out.pong_waits = false;
    connection->state = CWS_STATE_CLOSING;
    return 0;
}

/* ---- messages ---- */

static bool is_within_message(const struct sender *out)
{
    return out->opcode != CWS_OPCODE_CONTINUATION;
}

/* One frame of the message under way. 0 or a cws_error. */
static int put_fragment(struct cws_connection *connection, bool last, const uint8_t *bytes, size_t len)
{
    struct sender *out = &connection->out;
    const bool compressed = out->compression == CWS_COMPRESSION_ON;
    const uint8_t opcode = out->begun ? CWS_OPCODE_CONTINUATION : out->opcode;
    const uint8_t rsv = compressed && !out->begun ? CWS_RSV1 : 0;
    const int error = cws_put_frame(connection, opcode, rsv, last, bytes, len);
    if (error)
        return error;
    out->begun = true;
    out->ended = last;
    return 0;
}

/* Decides for good, with the first bytes of the message. */
static bool is_worth_compressing(const struct sender *out, const uint8_t *bytes, size_t len)
{
    const uint64_t known = out->length == CWS_LENGTH_UNKNOWN ? len : out->length;
    return known >= COMPRESSION_PAYS_FROM && cws_is_compressible(bytes, len);
}

static void decide_compression(struct cws_connection *connection, const uint8_t *bytes, size_t len)
{
    struct sender *out = &connection->out;
    if (out->sent > 0 || out->begun)
        return;
    if (!connection->config.agreement.deflate)
        out->compression = CWS_COMPRESSION_OFF;
    else if (out->compression == CWS_COMPRESSION_AUTO)
        out->compression = is_worth_compressing(out, bytes, len) ? CWS_COMPRESSION_ON : CWS_COMPRESSION_OFF;
}

/* Judges the bytes of a message that go next. 0 or a cws_error. */
static int check_text(struct sender *out, const uint8_t *bytes, size_t len)
{
    if (out->opcode != CWS_OPCODE_TEXT)
        return 0;
    const bool valid = cws_utf8_check(&out->text, bytes, len) == len;
    const bool ends = out->sent + len == out->length;
    return valid && (!ends || cws_utf8_is_complete(&out->text)) ? 0 : CWS_ERR_UTF8;
}

/* Sends bytes as they are, as far as there is room, or `all`, whose text is checked already. How many were taken, or a
 * cws_error. */
static ptrdiff_t write_plain(struct cws_connection *connection, const uint8_t *bytes, size_t len, bool all)
{
    struct sender *out = &connection->out;
    size_t taken = 0;
    while (taken < len) {
        size_t count = len - taken;
        if (count > connection->config.max_fragment)
            count = connection->config.max_fragment;
        const size_t room = room_left(connection);
        if (count > room && !all) {
            if (!cws_has_room(connection))
                break;
            count = room;
        }
        const bool last = out->sent + count == out->length;
        int error = all ? 0 : check_text(out, bytes + taken, count);
        if (!error)
            error = put_fragment(connection, last, bytes + taken, count);
        if (error)
            return error;
        out->sent += count;
        taken += count;
    }
    return (ptrdiff_t)taken;
}

/* 0 or a cws_error. */
static int make_deflater(struct cws_connection *connection)
{
    struct sender *out = &connection->out;
    if (out->deflater)
        return 0;
    const struct cws_deflate_params *params = &connection->config.agreement.deflate_params;
    const bool client = connection->config.role == CWS_ROLE_CLIENT;
    out->deflater =
        cws_deflater_new(client ? params->client_max_window_bits : params->server_max_window_bits,
                         client ? !params->client_no_context_takeover : !params->server_no_context_takeover);
    return out->deflater ? 0 : CWS_ERR_MEMORY;
}

/* Puts bytes through the deflater, as far as there is room, or all with `end`, their text being checked already. How
 * many were taken, or a cws_error. */
static ptrdiff_t write_compressed(struct cws_connection *connection, const uint8_t *bytes, size_t len, bool end)
{
    struct sender *out = &connection->out;
    int error = make_deflater(connection);
    if (error)
        return error;
    const size_t max_fragment = connection->config.max_fragment;
    const size_t capacity = max_fragment < DEFLATE_PIECE ? max_fragment : DEFLATE_PIECE;
    size_t at = 0;
    bool done = false;
    bool more = false; /* the deflater may hold output that it had no room for */
    while (more || at < len || (end && !done)) {
        if (!end && !cws_has_room(connection))
            break;
        uint8_t piece[DEFLATE_PIECE];
        /* Some at a time, so that a look at the room comes in between. */
        const size_t count = len - at < DEFLATE_PIECE ? len - at : DEFLATE_PIECE;
        size_t taken = 0;
        const size_t made = (size_t)cws_deflate(out->deflater, bytes + at, count, &taken, piece, capacity,
                                                end && at + count == len, &done);
        error = end ? 0 : check_text(out, bytes + at, taken);
        at += taken;
        out->sent += taken;
        more = made == capacity && !done;
        if (!error && (made > 0 || done))
            error = put_fragment(connection, done, piece, made);
        if (error)
            return error;
    }
    return (ptrdiff_t)at;
}

/* The bytes that fit, or `all`, as the wire has them. How many were taken, or a cws_error. */
static ptrdiff_t write_message(struct cws_connection *connection, const uint8_t *bytes, size_t len, bool all)
{
    decide_compression(connection, bytes, len);
    if (connection->out.compression == CWS_COMPRESSION_ON)
        return write_compressed(connection, bytes, len, all);
    return write_plain(connection, bytes, len, all);
}

/* Whether a message may begin. 0 or a cws_error. */
static int check_begin(const struct cws_connection *connection, enum cws_opcode opcode)
{
    if (connection->state != CWS_STATE_OPEN || is_within_message(&connection->out))
        return CWS_ERR_STATE;
    return opcode == CWS_OPCODE_TEXT || opcode == CWS_OPCODE_BINARY ? 0 : CWS_ERR_OPCODE;
}

static void begin_message(struct sender *out, enum cws_opcode opcode, uint64_t length, enum cws_compression compression)
{
    out->opcode = (uint8_t)opcode;
    out->begun = false;
    out->ended = false;
    out->broken = false;
    out->compression = compression;
    out->length = length;
    out->sent = 0;
    out->text = (struct cws_utf8){0};
}

int cws_message_begin(cws_connection *connection, enum cws_opcode opcode, uint64_t length,
                      enum cws_compression compression)
{
    const int error = check_begin(connection, opcode);
    if (!error)
        begin_message(&connection->out, opcode, length, compression);
    return error;
}

ptrdiff_t cws_message_write(cws_connection *connection, const uint8_t *bytes, size_t len)
{
    struct sender *out = &connection->out;
    if (connection->state != CWS_STATE_OPEN || !is_within_message(out) || out->broken)
        return CWS_ERR_STATE;
    if (out->length != CWS_LENGTH_UNKNOWN && len > out->length - out->sent)
        return CWS_ERR_STATE;
    if (len == 0 || !cws_has_room(connection))
        return 0;
    const ptrdiff_t taken = write_message(connection, bytes, len, false);
    if (taken < 0)
        out->broken = true;
    return taken;
}

/* Sends what ends the message. 0 or a cws_error. */
static int finish_message(struct cws_connection *connection)
{
    struct sender *out = &connection->out;
    static const uint8_t nothing[1];
    decide_compression(connection, nothing, 0);
    if (out->ended)
        return 0;
    if (out->compression != CWS_COMPRESSION_ON)
        return put_fragment(connection, true, nothing, 0);
    const ptrdiff_t written = write_compressed(connection, nothing, 0, true);
    return written < 0 ? (int)written : 0;
}

int cws_message_end(cws_connection *connection)
{
    struct sender *out = &connection->out;
    if (connection->state != CWS_STATE_OPEN || !is_within_message(out) || out->broken)
        return CWS_ERR_STATE;
    if (out->length != CWS_LENGTH_UNKNOWN && out->sent < out->length)
        return CWS_ERR_STATE;
    const int error = cws_utf8_is_complete(&out->text) ? finish_message(connection) : CWS_ERR_UTF8;
    if (error)
        out->broken = true;
    else
        out->opcode = CWS_OPCODE_CONTINUATION;
    return error;
}

int cws_send(cws_connection *connection, enum cws_opcode opcode, const uint8_t *bytes, size_t len,
             enum cws_compression compression)
{
    static const uint8_t nothing[1];
    if (len == 0)
        bytes = nothing;
    struct sender *out = &connection->out;
    int error = check_begin(connection, opcode);
    if (error)
        return error;
    if (len > connection->config.max_output)
        return CWS_ERR_TOO_BIG;
    /* One that is as long as the limit needs all of the room; frame headers may go over it. */
    if (len > room_left(connection) || room_left(connection) == 0)
        return CWS_ERR_FULL;
    struct cws_utf8 text = {0};
    if (opcode == CWS_OPCODE_TEXT && !(cws_utf8_check(&text, bytes, len) == len && cws_utf8_is_complete(&text)))
        return CWS_ERR_UTF8;
    begin_message(out, opcode, len, compression);
    const ptrdiff_t taken = len > 0 ? write_message(connection, bytes, len, true) : 0;
    error = taken < 0 ? (int)taken : finish_message(connection);
    if (error)
        out->broken = true;
    else
        out->opcode = CWS_OPCODE_CONTINUATION;
    return error;
}

/* ---- output ---- */

size_t cws_output(const cws_connection *connection, const uint8_t **bytes)
{
    const struct cws_buffer *output = &connection->out.output;
    const size_t count = cws_buffer_count(output);
    *bytes = count > 0 ? output->bytes + output->start : NULL;
    return count;
}

void cws_wrote(cws_connection *connection, size_t len)
{
    cws_buffer_used(&connection->out.output, len);
    put_pong(connection);
}
