/* The compression of messages: RFC 7692 (permessage-deflate), section 7.2.
 *
 * What stands here turns the bytes of a message into the payload of its frames and back. Whether a message is
 * compressed, its RSV1 bit and the negotiation of the parameters are for the caller. */
#ifndef CWS_DEFLATE_H
#define CWS_DEFLATE_H

#include "cws_frame.h"

/* One direction of a connection each. All their memory is taken by `new`, and most of it is zlib's. */
typedef struct cws_deflater cws_deflater;
typedef struct cws_inflater cws_inflater;

/* ---- compressing ---- */

/* `window_bits`, 8 to 15, is what the receiver's window has; `keeps_context` is false if the parameters have
 * no_context_takeover for this direction. NULL when out of memory or above 15. Takes 2^(window_bits + 2) bytes and 70 KiB. */
cws_deflater *_Nullable cws_deflater_new(uint8_t window_bits, bool keeps_context);
void cws_deflater_free(cws_deflater *_Nullable deflater);

/* Takes bytes of a message and gives compressed ones.
 *
 * Returns how many it wrote to `out`, at most `capacity`; there is no error. `*taken` says how many of the `len` bytes
 * at `in` were used: call again with the rest of them while there is one. Their compressed form may come with a later
 * call.
 *
 * With `end` these are the last bytes of the message: call again, each time with `end` and what is left of `in`, until
 * `*done`. Then the message is whole, and what comes next is the next one. Without `end`, `*done` is false. */
ptrdiff_t cws_deflate(cws_deflater *_Nonnull deflater, const uint8_t *_Nonnull in, size_t len, size_t *_Nonnull taken,
                      uint8_t *_Nonnull out, size_t capacity, bool end, bool *_Nonnull done);

/* Whether it is likely to pay to compress a message that begins with these bytes. It looks at 1 KiB of them at most,
 * spread over all, and tells what is compressed or encrypted already from the rest by how often bytes occur, so it
 * misses repetitions of such data. Below some 50 bytes it is hardly more than a guess. */
bool cws_is_compressible(const uint8_t *_Nonnull bytes, size_t len);

/* ---- decompressing ---- */

/* `window_bits`, 8 to 15, is what the sender's window may have; `keeps_context` is false if the parameters have
 * no_context_takeover for this direction. NULL when out of memory or above 15. Takes 2^window_bits bytes and 8 KiB. */
cws_inflater *_Nullable cws_inflater_new(uint8_t window_bits, bool keeps_context);
void cws_inflater_free(cws_inflater *_Nullable inflater);

/* Takes bytes of a message's payload, control frames left out, and gives those of the message.
 *
 * Returns how many it wrote to `out`, at most `capacity`, or a cws_error, in every later call as well: CWS_ERR_DEFLATE
 * when the payload, with the four bytes that section 7.2.2 appends, is not deflate or ends within a block. That may
 * come after bytes that were good. `*taken` says how many of the `len` bytes at `in` were used: call again with the rest of them while there is
 * one. When the result is `capacity`, more may be waiting to be written; it comes with a later call.
 *
 * With `end` these are the last bytes of the payload: call again, each time with `end` and what is left of `in`, until
 * `*done`. Then the message is whole, and what comes next is the next one. Without `end`, `*done` is false.
 *
 * A block with BFINAL (section 7.2.3.4) is one like the others, except that the message may end after it without
 * the empty block that should follow. An empty payload is an empty message. */
ptrdiff_t cws_inflate(cws_inflater *_Nonnull inflater, const uint8_t *_Nonnull in, size_t len, size_t *_Nonnull taken,
                      uint8_t *_Nonnull out, size_t capacity, bool end, bool *_Nonnull done);

#endif
