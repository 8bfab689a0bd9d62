/* Usage: unmask BYTES
 *
 * Unmasks a buffer of that size in place with the library's cws_mask, and copies
 * as many bytes with memcpy, in turns, and prints the GB/s of both: the median of
 * the turns. Built by script/bench with the object file of the release build. */
#include "cws_frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* What a turn is to move at least, so that the clock can tell, and how many turns there are of each. */
enum { LEAST = 256 << 20, TURNS = 9 };

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Nothing that writes to the bytes can be left out before this. */
static void look_at(const uint8_t *bytes)
{
    __asm__ volatile("" : : "r"(bytes) : "memory");
}

static double unmasking(uint8_t *bytes, size_t size, size_t rounds)
{
    static const uint8_t mask[CWS_MASK_SIZE] = {0x37, 0xfa, 0x21, 0x3d};
    const double began = now();
    for (size_t round = 0; round < rounds; round++) {
        cws_mask(bytes, size, mask, round);
        look_at(bytes);
    }
    return (double)(size * rounds) / (now() - began) / 1e9;
}

static double copying(uint8_t *restrict to, const uint8_t *restrict from, size_t size, size_t rounds)
{
    const double began = now();
    for (size_t round = 0; round < rounds; round++) {
        memcpy(to, from, size);
        look_at(to);
    }
    return (double)(size * rounds) / (now() - began) / 1e9;
}

int main(int argc, char **argv)
{
    char *end = NULL;
    const size_t size = argc == 2 ? strtoull(argv[1], &end, 10) : 0;
    if (size == 0 || *end != '\0') {
        (void)fputs("usage: unmask BYTES\n", stderr);
        return 2;
    }
    uint8_t *bytes = malloc(size);
    uint8_t *copy = malloc(size);
    if (!bytes || !copy) {
        (void)fputs("unmask: out of memory\n", stderr);
        exit(1);
    }
    memset(bytes, 1, size);
    memset(copy, 2, size);

    const size_t rounds = size < LEAST ? LEAST / size : 1;
    double unmasked[TURNS];
    double copied[TURNS];
    for (size_t turn = 0; turn < TURNS; turn++) {
        copied[turn] = copying(copy, bytes, size, rounds);
        unmasked[turn] = unmasking(bytes, size, rounds);
    }
    qsort(unmasked, TURNS, sizeof *unmasked, compare);
    qsort(copied, TURNS, sizeof *copied, compare);
    printf("%.3f %.3f\n", unmasked[TURNS / 2], copied[TURNS / 2]);
    free(bytes);
    free(copy);
    return 0;
}
