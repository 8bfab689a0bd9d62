/* Payloads as they come, against zlib given all at once; messages that go through a deflater and an inflater. */
#include "CWebSocket.h"
#include "input.h"

#include <zlib.h>

/* Some inputs are a thousand times larger when inflated. */
enum { MESSAGE_MAX = 1 << 16 };

/* How the calls are made. */
struct manner {
    uint8_t bits;
    bool keeps_context;
    size_t piece;
    size_t capacity;
};

static struct manner take_manner(struct input *input)
{
    const uint8_t flags = take_option(input);
    struct manner manner = {.bits = 8 + flags % 8, .keeps_context = flags & 8};
    manner.piece = 1 + take_option(input) * (size_t)(flags & 16 ? 16 : 1);
    manner.capacity = 1 + take_option(input) * (size_t)(flags & 32 ? 16 : 1);
    return manner;
}

struct outcome {
    struct gathered bytes;
    bool failed;
    bool done; /* else it has become too large */
};

typedef ptrdiff_t transform(void *_Nonnull, const uint8_t *_Nonnull, size_t, size_t *_Nonnull, uint8_t *_Nonnull,
                            size_t, bool, bool *_Nonnull);

static ptrdiff_t inflate_with(void *state, const uint8_t *in, size_t len, size_t *taken, uint8_t *out, size_t capacity,
                              bool end, bool *done)
{
    return cws_inflate(state, in, len, taken, out, capacity, end, done);
}

static ptrdiff_t deflate_with(void *state, const uint8_t *in, size_t len, size_t *taken, uint8_t *out, size_t capacity,
                              bool end, bool *done)
{
    const ptrdiff_t written = cws_deflate(state, in, len, taken, out, capacity, end, done);
    REQUIRE(written >= 0);
    return written;
}

/* One message, in blocks of exactly the sizes that the manner says. */
static struct outcome run(transform *step, void *state, const uint8_t *bytes, size_t len, const struct manner *manner)
{
    struct outcome outcome = {.failed = false};
    size_t at = 0;
    unsigned idle = 0;
    while (!outcome.done && outcome.bytes.len < MESSAGE_MAX) {
        const size_t size = manner->piece < len - at ? manner->piece : len - at;
        uint8_t *in = exact_copy(bytes + at, size);
        uint8_t *out = exact_block(manner->capacity);
        size_t taken = SIZE_MAX;
        const bool end = at + size == len;
        const ptrdiff_t written = step(state, in, size, &taken, out, manner->capacity, end, &outcome.done);
        REQUIRE(written <= (ptrdiff_t)manner->capacity && taken <= size);
        if (written > 0)
            gather(&outcome.bytes, out, (size_t)written);
        at += taken;
        free(in);
        free(out);
        if (written < 0) {
            REQUIRE(written == CWS_ERR_DEFLATE && !outcome.done);
            outcome.failed = true;
            break;
        }
        REQUIRE(!outcome.done || (end && at == len));
        idle = written == 0 && taken == 0 ? idle + 1 : 0;
        REQUIRE(idle < 2);
    }
    return outcome;
}

/* ---- inflating anything ---- */

/* What zlib makes of the payload when it gets all of it and has all the room. Nothing is said of blocks with BFINAL, of
 * which zlib takes the first one only. False if they come up, or the message is too large. */
static bool plain_inflate(const uint8_t *bytes, size_t len, struct outcome *outcome)
{
    z_stream zlib = {0};
    static const uint8_t empty_block[] = {0x00, 0x00, 0xff, 0xff};
    struct gathered in = {0};
    gather(&in, bytes, len);
    gather(&in, empty_block, sizeof empty_block);
    uint8_t *out = exact_block(MESSAGE_MAX);
    REQUIRE(inflateInit2(&zlib, -15) == Z_OK);
    zlib.next_in = in.bytes;
    zlib.avail_in = (uInt)in.len;
    zlib.next_out = out;
    zlib.avail_out = MESSAGE_MAX;
    const int result = inflate(&zlib, Z_SYNC_FLUSH);
    const bool comparable = result != Z_STREAM_END && zlib.avail_out > 0 && len > 0;
    *outcome = (struct outcome){.failed = result != Z_OK || zlib.data_type != 128};
    gather(&outcome->bytes, out, MESSAGE_MAX - zlib.avail_out);
    inflateEnd(&zlib);
    free(in.bytes);
    free(out);
    return comparable;
}

static struct outcome inflate_once(const uint8_t *bytes, size_t len, const struct manner *manner)
{
    cws_inflater *inflater = cws_inflater_new(manner->bits, manner->keeps_context);
    REQUIRE(inflater);
    struct outcome outcome = run(inflate_with, inflater, bytes, len, manner);
    if (outcome.done) {
        /* The next message starts as it should. */
        struct outcome next = run(inflate_with, inflater, (const uint8_t *)"\xf2\x48\xcd\xc9\xc9\x07", 7, manner);
        REQUIRE(next.done && next.bytes.len == 5 && memcmp(next.bytes.bytes, "Hello", 5) == 0);
        free(next.bytes.bytes);
    }
    cws_inflater_free(inflater);
    return outcome;
}

static void check_inflate(struct input input)
{
    struct manner manner = take_manner(&input);
    /* A smaller window may be left by what zlib still has in the caller's buffer, and then it doesn't mind. */
    struct outcome small = inflate_once(input.bytes, input.len, &manner);
    free(small.bytes.bytes);

    manner.bits = 15;
    struct outcome cut = inflate_once(input.bytes, input.len, &manner);
    const struct manner plain = {.bits = 15, .piece = SIZE_MAX, .capacity = MESSAGE_MAX};
    struct outcome whole = inflate_once(input.bytes, input.len, &plain);
    REQUIRE(cut.failed == whole.failed || cut.bytes.len >= MESSAGE_MAX || whole.bytes.len >= MESSAGE_MAX);
    REQUIRE(!cut.done || !whole.done || is_same(&cut.bytes, &whole.bytes));

    struct outcome expected;
    if (plain_inflate(input.bytes, input.len, &expected)) {
        REQUIRE(whole.failed == expected.failed);
        REQUIRE(whole.failed || is_same(&whole.bytes, &expected.bytes));
    }
    free(cut.bytes.bytes);
    free(whole.bytes.bytes);
    free(expected.bytes.bytes);
}

/* ---- there and back ---- */

static void check_round_trip(struct input input)
{
    const struct manner there = take_manner(&input);
    struct manner back = take_manner(&input);
    back.bits = there.bits;
    back.keeps_context = there.keeps_context;
    const size_t split_option = take_option(&input) * (size_t)257;
    const size_t split = split_option % (input.len + 1);
    const size_t ends[] = {split, input.len, split};

    cws_deflater *deflater = cws_deflater_new(there.bits, there.keeps_context);
    cws_inflater *inflater = cws_inflater_new(back.bits, back.keeps_context);
    REQUIRE(deflater && inflater);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        const size_t begin = i == 1 ? split : 0;
        const struct gathered message = {.bytes = exact_copy(input.bytes + begin, ends[i] - begin),
                                         .len = ends[i] - begin};
        (void)cws_is_compressible(message.bytes, message.len);
        struct outcome payload = run(deflate_with, deflater, message.bytes, message.len, &there);
        REQUIRE(payload.done && payload.bytes.len > 0 && payload.bytes.len <= message.len + message.len / 8 + 32);
        struct outcome again = run(inflate_with, inflater, payload.bytes.bytes, payload.bytes.len, &back);
        REQUIRE(again.done && is_same(&again.bytes, &message));
        free(message.bytes);
        free(payload.bytes.bytes);
        free(again.bytes.bytes);
    }
    cws_deflater_free(deflater);
    cws_inflater_free(inflater);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {.bytes = data, .len = size};
    if (take_option(&input) & 1)
        check_round_trip(input);
    else
        check_inflate(input);
    return 0;
}
