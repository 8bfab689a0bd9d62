/* UTF-8 as RFC 3629 has it, checked while it arrives: no overlong forms, no
 * surrogates, nothing above U+10FFFF. */
#ifndef CWS_UTF8_H
#define CWS_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where in a character a text stands between two calls. All zero at its beginning. */
struct cws_utf8 {
    uint8_t state;
};

/* Takes the next `len` bytes of a text.
 *
 * Returns `len` when valid text could begin so, else the offset of the first
 * byte that cannot stand where it does. After that the text is lost: only
 * zeroing `*text`, for the next one, makes sense; until then no byte is taken. */
size_t cws_utf8_check(struct cws_utf8 *_Nonnull text, const uint8_t *_Nonnull bytes, size_t len);

/* Whether the text may end here: all bytes were valid and no character is unfinished. */
bool cws_utf8_is_complete(const struct cws_utf8 *_Nonnull text);

#endif
