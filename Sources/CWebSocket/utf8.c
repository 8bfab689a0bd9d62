/* UTF-8 by a table of shifts.
 *
 * A row holds, for one byte, the next state for every state there is: 6 bits
 * each, at the position that is the state itself. A step is then one load and
 * one shift, with no branch to mispredict whatever the script, and the loads
 * don't wait for each other. */
#include "cws_utf8.h"

#include <string.h>

/* States are distances in a row. Those of a character name what they wait for:
 * one to three bytes of 80..bf, or the restricted byte after a special lead. */
enum { START = 0, ONE = 6, TWO = 12, THREE = 18, E0 = 24, ED = 30, F0 = 36, F4 = 42, NO = 48 };

#define STATE_MASK 63

#define ROW(start, one, two, three, e0, ed, f0, f4)                                                                    \
    ((uint64_t)(start) << START | (uint64_t)(one) << ONE | (uint64_t)(two) << TWO | (uint64_t)(three) << THREE |       \
     (uint64_t)(e0) << E0 | (uint64_t)(ed) << ED | (uint64_t)(f0) << F0 | (uint64_t)(f4) << F4 | (uint64_t)NO << NO)
#define LEAD(next) ROW(next, NO, NO, NO, NO, NO, NO, NO)

/* RFC 3629, section 4. The columns: START, ONE, TWO, THREE, E0, ED, F0, F4. */
static const uint64_t rows[256] = {
    [0x00 ... 0x7f] = LEAD(START),
    [0x80 ... 0x8f] = ROW(NO, START, ONE, TWO, NO, ONE, NO, TWO),
    [0x90 ... 0x9f] = ROW(NO, START, ONE, TWO, NO, ONE, TWO, NO),
    [0xa0 ... 0xbf] = ROW(NO, START, ONE, TWO, ONE, NO, TWO, NO),
    [0xc0 ... 0xc1] = LEAD(NO), /* would be overlong */
    [0xc2 ... 0xdf] = LEAD(ONE),
    [0xe0] = LEAD(E0), /* a0..bf next: less would be overlong */
    [0xe1 ... 0xec] = LEAD(TWO),
    [0xed] = LEAD(ED), /* 80..9f next: more would be a surrogate */
    [0xee ... 0xef] = LEAD(TWO),
    [0xf0] = LEAD(F0), /* 90..bf next: less would be overlong */
    [0xf1 ... 0xf3] = LEAD(THREE),
    [0xf4] = LEAD(F4), /* 80..8f next: more would be above U+10FFFF */
    [0xf5 ... 0xff] = LEAD(NO),
};

/* What is looked at together: long enough to hide the test for ASCII, short
 * enough that a word with an accent doesn't slow down the paragraph. */
#define BLOCK 32

static bool block_is_ascii(const uint8_t *bytes)
{
    uint64_t words[BLOCK / sizeof(uint64_t)];
    memcpy(words, bytes, sizeof words);
    return ((words[0] | words[1] | words[2] | words[3]) & UINT64_C(0x8080808080808080)) == 0;
}

/* Bits above the state's six are left over from the row; the shift count is masked. */
static uint64_t after_block(uint64_t state, const uint8_t *bytes)
{
    for (size_t i = 0; i < BLOCK; i++)
        state = rows[bytes[i]] >> (state & STATE_MASK);
    return state & STATE_MASK;
}

size_t cws_utf8_check(struct cws_utf8 *text, const uint8_t *bytes, size_t len)
{
    uint64_t state = text->state;
    size_t at = 0;
    while (len - at >= BLOCK) {
        if (state != START || !block_is_ascii(bytes + at)) {
            const uint64_t next = after_block(state, bytes + at);
            if (next == NO)
                break; /* bytewise below, to find which */
            state = next;
        }
        at += BLOCK;
    }
    for (; at < len; at++) {
        state = rows[bytes[at]] >> (state & STATE_MASK) & STATE_MASK;
        if (state == NO)
            break;
    }
    text->state = (uint8_t)state;
    return at;
}

bool cws_utf8_is_complete(const struct cws_utf8 *text)
{
    return text->state == START;
}
