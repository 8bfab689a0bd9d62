/* UTF-8 and close payloads, against RFC 3629 and RFC 6455, section 7.4, written down plainly. */
#include "CWebSocket.h"
#include "input.h"

/* Whether the character of `size` bytes whose code lies in this range can be one. */
static bool fits(uint32_t least, uint32_t most, size_t size)
{
    const uint32_t shortest = size == 2 ? 0x80 : size == 3 ? 0x800 : 0x10000;
    return most >= shortest && least <= 0x10ffff && !(least >= 0xd800 && most <= 0xdfff);
}

static size_t plain_utf8(const uint8_t *bytes, size_t len, bool *complete)
{
    *complete = true;
    for (size_t at = 0; at < len;) {
        const uint8_t lead = bytes[at];
        const size_t size = lead < 0x80 ? 1 : lead < 0xc0 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf8 ? 4 : 0;
        if (size == 0)
            return at;
        uint32_t code = size == 1 ? lead : lead & (0x7fU >> size);
        for (size_t i = 1; i <= size; i++) {
            const unsigned open = 6 * (unsigned)(size - i);
            if (size > 1 && !fits(code << open, code << open | ((1U << open) - 1), size))
                return at + i - 1;
            if (i == size)
                break;
            if (at + i == len) {
                *complete = false;
                return len;
            }
            if ((bytes[at + i] & 0xc0) != 0x80)
                return at + i;
            code = code << 6 | (bytes[at + i] & 0x3f);
        }
        at += size;
    }
    return len;
}

static void check_text(struct input input)
{
    const size_t cut_option = take_option(&input) * (size_t)257;
    const size_t cut = cut_option % (input.len + 1);
    bool complete = false;
    const size_t expected = plain_utf8(input.bytes, input.len, &complete);
    uint8_t *first = exact_copy(input.bytes, cut);
    uint8_t *second = exact_copy(input.bytes + cut, input.len - cut);
    struct cws_utf8 text = {0};
    size_t good = cws_utf8_check(&text, first, cut);
    if (good == cut)
        good += cws_utf8_check(&text, second, input.len - cut);
    REQUIRE(good == expected);
    REQUIRE(cws_utf8_is_complete(&text) == (good == input.len && complete));
    free(first);
    free(second);
}

static bool plain_close_is_valid(const uint8_t *payload, size_t len)
{
    if (len == 0)
        return true;
    if (len == 1 || len > 125)
        return false;
    const int code = payload[0] << 8 | payload[1];
    bool complete = false;
    return (code >= 1000 && code < 5000 && (code < 1015 || code >= 3000)) && (code < 1004 || code > 1006) &&
           plain_utf8(payload + 2, len - 2, &complete) == len - 2 && complete;
}

static void check_close(struct input input)
{
    uint8_t *payload = exact_copy(input.bytes, input.len);
    struct cws_close close = {0};
    const int result = cws_close_decode(payload, input.len, &close);
    REQUIRE((result == 0) == plain_close_is_valid(payload, input.len));
    uint8_t again[CWS_CONTROL_PAYLOAD_MAX];
    if (result == 0) {
        REQUIRE(cws_close_encode(&close, again) == (int)input.len);
        REQUIRE(input.len == 0 || memcmp(again, payload, input.len) == 0);
    }
    free(payload);

    /* A reason of any length, of which a close frame takes what it has room for. */
    close.code = (uint16_t)take_number(&input);
    uint8_t *reason = exact_copy(input.bytes, input.len);
    close.reason = reason;
    close.reason_len = input.len;
    const int size = cws_close_encode(&close, again);
    REQUIRE(size < 0 || plain_close_is_valid(again, (size_t)size));
    REQUIRE(size <= 0 || (size_t)size == input.len + 2 || (input.len > CWS_CLOSE_REASON_MAX && size > 121));
    free(reason);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {.bytes = data, .len = size};
    if (take_option(&input) & 1)
        check_text(input);
    else
        check_close(input);
    return 0;
}
