/* Usage: flood BYTES [AT_ONCE]
 *
 * Writes that many bytes of log-like text (lines of 80 characters) to standard
 * output, 64 KiB or AT_ONCE bytes (no more) at a time, as a process that is
 * only limited by its reader. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE = 80, BLOCK = 65536 };

int main(int argc, char **argv)
{
    char *end = NULL;
    unsigned long long left = argc > 1 ? strtoull(argv[1], &end, 10) : 0;
    if (argc < 2 || argc > 3 || *end != '\0') {
        (void)fputs("usage: flood BYTES [AT_ONCE]\n", stderr);
        return 2;
    }

    /* A multiple of a line, so that each write goes on where the last one stopped. */
    static char block[BLOCK / LINE * LINE];
    size_t at_once = argc == 3 ? strtoull(argv[2], NULL, 10) : sizeof block;
    if (at_once == 0 || at_once > sizeof block)
        at_once = sizeof block;
    for (size_t line = 0; line < sizeof block / LINE; line++) {
        char text[128];
        const int length =
            snprintf(text, sizeof text, "2026-01-31T12:%02zu:%02zuZ INFO  build step %zu: module %zu is compiled",
                     line / 60 % 60, line % 60, line, line * 2654435761U % 1000003);
        memset(block + line * LINE, ' ', LINE);
        memcpy(block + line * LINE, text, length < LINE ? (size_t)length : LINE);
        block[line * LINE + LINE - 1] = '\n';
    }

    while (left > 0) {
        const size_t want = left < at_once ? (size_t)left : at_once;
        const ssize_t count = write(STDOUT_FILENO, block, want);
        if (count < 0 && errno != EINTR) {
            perror("flood: write");
            return 1;
        }
        if (count > 0)
            left -= (unsigned long long)count;
    }
    return 0;
}
