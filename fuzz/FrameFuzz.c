/* Headers and masks, against RFC 6455, section 5, written down plainly, however the bytes are cut. */
#include "CWebSocket.h"
#include "input.h"

/* ---- headers ---- */

/* The size of the header, 0 if it isn't there yet, -1 if it may not be taken. */
static int plain_decode(const uint8_t *bytes, size_t len, const struct cws_frame_rules *rules,
                        struct cws_frame_header *header)
{
    if (len < 2)
        return 0;
    const unsigned len7 = bytes[1] & 0x7f;
    const size_t width = len7 == 126 ? 2 : len7 == 127 ? 8 : 0;
    const bool masked = bytes[1] >> 7;
    const size_t size = 2 + width + (masked ? 4 : 0);
    if (len < size)
        return 0;
    *header = (struct cws_frame_header){
        .opcode = bytes[0] & 0xf, .rsv = bytes[0] & 0x70, .fin = bytes[0] >> 7, .masked = masked, .payload_len = len7};
    if (width > 0) {
        header->payload_len = 0;
        for (size_t i = 0; i < width; i++)
            header->payload_len = header->payload_len << 8 | bytes[2 + i];
    }
    if (masked)
        memcpy(header->mask, bytes + 2 + width, 4);

    const bool control = header->opcode >= 8;
    const bool begins = header->opcode == 1 || header->opcode == 2;
    const uint64_t least = width == 0 ? 0 : width == 2 ? 126 : 65536;
    const bool good = header->opcode <= 10 && (header->opcode <= 2 || control) &&
                      (header->rsv & ~(begins ? rules->rsv : 0)) == 0 && (!control || (header->fin && len7 <= 125)) &&
                      masked == (rules->receiver == CWS_ROLE_SERVER) && header->payload_len >= least &&
                      header->payload_len <= INT64_MAX && (control || header->payload_len <= rules->max_payload);
    return good ? (int)size : -1;
}

static bool same_header(const struct cws_frame_header *a, const struct cws_frame_header *b)
{
    return a->opcode == b->opcode && a->rsv == b->rsv && a->fin == b->fin && a->masked == b->masked &&
           memcmp(a->mask, b->mask, CWS_MASK_SIZE) == 0 && a->payload_len == b->payload_len;
}

/* Every prefix asks for more until one has the answer, which then stays. */
static void check_prefixes(const uint8_t *bytes, size_t len, const struct cws_frame_rules *rules, int whole)
{
    int before = 0;
    for (size_t cut = 0; cut <= len && cut <= CWS_HEADER_MAX + 1; cut++) {
        struct cws_frame_header header;
        struct cws_frame_header untouched;
        memset(&header, 0xee, sizeof header);
        memset(&untouched, 0xee, sizeof untouched);
        uint8_t *prefix = exact_copy(bytes, cut);
        const int result = cws_frame_decode(prefix, cut, rules, &header);
        free(prefix);
        REQUIRE(result == whole || (result == 0 && before == 0));
        REQUIRE(result <= 0 || (before == 0 ? (size_t)result == cut : before == result));
        REQUIRE(result > 0 || memcmp(&header, &untouched, sizeof header) == 0);
        before = result;
    }
}

static void check_decode(struct input input)
{
    const uint8_t flags = take_option(&input);
    const struct cws_frame_rules rules = {.receiver = flags & 1 ? CWS_ROLE_CLIENT : CWS_ROLE_SERVER,
                                          .rsv = flags & 0x70,
                                          .max_payload = flags & 2   ? UINT64_MAX
                                                         : flags & 4 ? take_number(&input)
                                                                     : take_option(&input)};
    struct cws_frame_header header = {0};
    struct cws_frame_header plain = {0};
    const int whole = cws_frame_decode(input.bytes, input.len, &rules, &header);
    const int expected = plain_decode(input.bytes, input.len, &rules, &plain);
    check_prefixes(input.bytes, input.len, &rules, whole);
    REQUIRE(expected > 0 ? whole == expected : expected == 0 ? whole <= 0 : whole < 0);
    if (whole <= 0) {
        REQUIRE(whole == 0 || cws_error_close_code((enum cws_error)whole) >= 1002);
        return;
    }
    REQUIRE(same_header(&header, &plain));
    uint8_t again[CWS_HEADER_MAX];
    REQUIRE(cws_frame_encode(&header, again) == whole && memcmp(again, input.bytes, (size_t)whole) == 0);
}

static void check_encode(struct input input)
{
    struct cws_frame_header header = {.payload_len = take_number(&input) >> take_option(&input) % 64};
    const uint8_t flags = take_option(&input);
    header.fin = flags & 1;
    header.masked = flags & 2;
    header.rsv = flags & 0x70;
    header.opcode = take_option(&input) & (flags & 4 ? 0xff : 0xf);
    for (size_t i = 0; header.masked && i < CWS_MASK_SIZE; i++)
        header.mask[i] = take_option(&input);

    uint8_t bytes[CWS_HEADER_MAX];
    memset(bytes, 0xee, sizeof bytes);
    const int size = cws_frame_encode(&header, bytes);
    for (size_t i = size > 0 ? (size_t)size : 0; i < sizeof bytes; i++)
        REQUIRE(bytes[i] == 0xee);
    if (size < 0)
        return;
    const struct cws_frame_rules rules = {
        .receiver = header.masked ? CWS_ROLE_SERVER : CWS_ROLE_CLIENT, .rsv = 0x70, .max_payload = UINT64_MAX};
    struct cws_frame_header again = {0};
    REQUIRE(cws_frame_decode(bytes, (size_t)size, &rules, &again) == size && same_header(&header, &again));
}

/* ---- masks ---- */

static void check_mask(struct input input)
{
    uint8_t mask[CWS_MASK_SIZE];
    for (size_t i = 0; i < sizeof mask; i++)
        mask[i] = take_option(&input);
    const uint64_t offset = take_number(&input);
    const size_t shift = take_option(&input) % 16;
    const size_t cut_option = take_option(&input) * (size_t)257;
    const size_t start = shift < input.len ? shift : input.len;
    const size_t len = input.len - start;
    const size_t cut = cut_option % (len + 1);

    uint8_t *block = exact_copy(input.bytes, input.len);
    uint8_t *copy = exact_block(len);
    cws_mask_copy(copy, block + start, len, mask, offset);
    cws_mask(block + start, cut, mask, offset);
    cws_mask(block + start + cut, len - cut, mask, offset + cut);
    for (size_t i = 0; i < len; i++)
        REQUIRE(block[start + i] == (input.bytes[start + i] ^ mask[(offset + i) % 4]) && copy[i] == block[start + i]);
    free(block);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {.bytes = data, .len = size};
    switch (take_option(&input) % 3) {
        case 0:
            check_decode(input);
            break;
        case 1:
            check_encode(input);
            break;
        default:
            check_mask(input);
            break;
    }
    return 0;
}
