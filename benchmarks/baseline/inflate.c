/* Usage: inflate < TEXT
 *
 * Compresses what it reads with zlib, as captures are (gzip, level 1), and inflates it
 * in blocks of 64 KiB, the way a capture is read, and prints the seconds that
 * the inflating took. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <zlib.h>

enum { GZIP = MAX_WBITS + 16, BLOCK = 65536 };

static void check(int ok, const char *what)
{
    if (ok)
        return;
    (void)fprintf(stderr, "inflate: %s failed\n", what);
    exit(1);
}

/* All of standard input. */
static unsigned char *read_all(size_t *size)
{
    size_t room = 1 << 20;
    unsigned char *bytes = malloc(room);
    *size = 0;
    while (bytes != NULL) {
        const size_t count = fread(bytes + *size, 1, room - *size, stdin);
        if (count == 0)
            break;
        *size += count;
        if (*size == room) {
            room *= 2;
            unsigned char *larger = realloc(bytes, room);
            check(larger != NULL, "realloc");
            bytes = larger;
        }
    }
    check(bytes != NULL && !ferror(stdin), "read");
    return bytes;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(void)
{
    size_t size = 0;
    unsigned char *text = read_all(&size);
    check(size > 0 && size < UINT32_MAX, "input between 1 byte and 4 GiB");

    z_stream deflating = {0};
    check(deflateInit2(&deflating, Z_BEST_SPEED, Z_DEFLATED, GZIP, 8, Z_DEFAULT_STRATEGY) == Z_OK, "deflate");
    const size_t room = deflateBound(&deflating, size);
    unsigned char *compressed = malloc(room);
    check(compressed != NULL, "malloc");
    deflating.next_in = text;
    deflating.avail_in = (uInt)size;
    deflating.next_out = compressed;
    deflating.avail_out = (uInt)room;
    check(deflate(&deflating, Z_FINISH) == Z_STREAM_END, "deflate");

    static unsigned char block[BLOCK];
    z_stream inflating = {0};
    const double began = now();
    check(inflateInit2(&inflating, GZIP) == Z_OK, "inflate");
    inflating.next_in = compressed;
    inflating.avail_in = (uInt)deflating.total_out;
    int state = Z_OK;
    while (state == Z_OK) {
        inflating.next_out = block;
        inflating.avail_out = BLOCK;
        state = inflate(&inflating, Z_NO_FLUSH);
    }
    const double took = now() - began;
    check(state == Z_STREAM_END && inflating.total_out == size, "inflate");
    printf("%.6f\n", took);

    inflateEnd(&inflating);
    deflateEnd(&deflating);
    free(compressed);
    free(text);
    return 0;
}
