#include "cws_deflate.h"

enum { SAMPLE_MAX = 1024, RUNS = 8, RUN_LEN = SAMPLE_MAX / RUNS };

static void count_bytes(const uint8_t *bytes, size_t len, uint16_t counts[UINT8_MAX + 1])
{
    for (size_t i = 0; i < len; i++)
        counts[bytes[i]]++;
}

/* How likely two bytes of the sample are the same says, other than its entropy proper, as much about a small sample as
 * about a large one, and without logarithms: 1/256 if it is random. Twice that, 7 bits of entropy in Rényi's sense,
 * is where deflate saves about a tenth. */
bool cws_is_compressible(const uint8_t *bytes, size_t len)
{
    uint16_t counts[UINT8_MAX + 1] = {0};
    size_t sampled = len;
    if (len <= SAMPLE_MAX) {
        count_bytes(bytes, len, counts);
    } else {
        sampled = SAMPLE_MAX;
        for (size_t run = 0; run < RUNS; run++)
            count_bytes(bytes + (len - RUN_LEN) / (RUNS - 1) * run, RUN_LEN, counts);
    }

    size_t pairs = 0; /* of equal bytes, in both orders, and of each with itself */
    for (size_t byte = 0; byte <= UINT8_MAX; byte++)
        pairs += (size_t)counts[byte] * counts[byte];
    return pairs - sampled > sampled * (sampled - 1) / 128;
}
