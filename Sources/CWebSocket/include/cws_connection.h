/* A WebSocket connection after its opening handshake (RFC 6455, sections 5 to 7; RFC 7692): bytes of the transport in,
 * events out; messages in, bytes for the transport out.
 *
 * The library reads, writes and waits for nothing. Whoever drives it gives what arrived to cws_receive until all is
 * taken, and writes out what cws_output shows whenever there is something. One thread at a time. */
#ifndef CWS_CONNECTION_H
#define CWS_CONNECTION_H

#include "cws_agreement.h"
#include "cws_close.h"
#include "cws_frame.h"

#include <stddef.h>

typedef struct cws_connection cws_connection; /* opaque: fields may change in any release */

/* ---- life ---- */

struct cws_connection_config {
    enum cws_role role;
    struct cws_agreement agreement;
    /* Messages come whole, gathered in memory, rather than in pieces as they arrive. */
    bool whole_messages;
    uint64_t max_frame;   /* payload of one data frame, as sent, in bytes; UINT64_MAX: any */
    uint64_t max_message; /* one message after decompression, in bytes; UINT64_MAX: any */
    /* Above this many bytes in cws_output, sending takes no more; 0: 256 KiB. What can't wait (close, pong) and the
     * frame under way go over it by some KiB. */
    size_t max_output;
    /* Payload of one frame that is sent, in bytes; 0: 128 KiB. One of a compressed message has at most 16 KiB. */
    size_t max_fragment;
};

enum cws_state {
    CWS_STATE_OPEN,
    CWS_STATE_CLOSING, /* we sent a close frame; messages may still come, until the peer's */
    CWS_STATE_CLOSED, /* both sent one: write cws_output out, then a server ends the transport, a client waits for that */
    CWS_STATE_FAILED, /* the peer broke the protocol or memory ran out: write cws_output out and end the transport */
};

/* NULL only when out of memory. Free with cws_connection_free. */
cws_connection *_Nullable cws_connection_new(const struct cws_connection_config *_Nonnull config);
void cws_connection_free(cws_connection *_Nullable connection);
enum cws_state cws_connection_state(const cws_connection *_Nonnull connection);

/* What the connection holds now, in bytes, without zlib's part. At most 8 KiB when nothing is under way. */
size_t cws_connection_memory(const cws_connection *_Nonnull connection);

/* ---- receiving ---- */

enum cws_event_kind {
    CWS_EVENT_NONE,    /* all bytes are taken; more are needed */
    CWS_EVENT_MESSAGE, /* a message, or the next piece of one */
    CWS_EVENT_PING,    /* answered by now, or once there is room; not after we sent a close frame */
    CWS_EVENT_PONG,
    CWS_EVENT_CLOSE, /* already answered; what follows is thrown away */
};

struct cws_event {
    enum cws_event_kind kind;
    uint8_t opcode; /* of a message: CWS_OPCODE_TEXT or CWS_OPCODE_BINARY */
    bool first;     /* begins a message */
    bool last;      /* ends it; a piece may be empty only then */
    /* The bytes of the message or its piece, the payload of a ping or pong, the reason of a close: lent until the next
     * cws_receive on this connection, or until the caller changes the bytes that it was given. A piece of a text may
     * end within a character. Never NULL when len > 0. */
    const uint8_t *_Nullable data;
    size_t len;
    uint16_t close_code; /* of a close; CWS_CLOSE_NO_STATUS when absent */
};

/* Takes bytes up to the next event.
 *
 * `bytes` is unmasked in place as it is taken. `*taken` says how many are done with; unless the event is
 * CWS_EVENT_NONE call again, with the rest, even if nothing is left: one frame may give several events.
 *
 * Returns 0 or a cws_error, and that again in every later call. After an error a close frame with the code for it may
 * be waiting in cws_output; the state is CWS_STATE_FAILED. */
int cws_receive(cws_connection *_Nonnull connection, uint8_t *_Nonnull bytes, size_t len, size_t *_Nonnull taken,
                struct cws_event *_Nonnull event);

/* ---- sending: bytes may be NULL where `len` is 0 ---- */

enum cws_compression {
    CWS_COMPRESSION_OFF,
    CWS_COMPRESSION_ON,   /* where permessage-deflate is agreed on */
    CWS_COMPRESSION_AUTO, /* where it is and is likely to pay: by the size, and by a look at the first bytes */
};

/* Messages of unknown length. */
#define CWS_LENGTH_UNKNOWN UINT64_MAX

/* Begins a message, TEXT or BINARY, to be sent as it comes. 0; CWS_ERR_STATE when one is under way or the connection
 * isn't open; CWS_ERR_OPCODE for others. Control frames, and cws_close, may go between its pieces. */
int cws_message_begin(cws_connection *_Nonnull connection, enum cws_opcode opcode, uint64_t length,
                      enum cws_compression compression);

/* Takes the next bytes of the message and returns their number, which may be less than `len`; 0 when there is no room:
 * then come back when some of cws_output is written. Or a cws_error: CWS_ERR_STATE without a message or beyond its known
 * length; CWS_ERR_UTF8 (also when its known length ends within a character), CWS_ERR_MEMORY, CWS_ERR_RANDOM, after which
 * the message can't be ended, only the connection closed. */
ptrdiff_t cws_message_write(cws_connection *_Nonnull connection, const uint8_t *_Nullable bytes, size_t len);

/* Ends the message. 0, or a cws_error: CWS_ERR_STATE without a message or before its known length, CWS_ERR_UTF8 within a
 * character. Needs no room. */
int cws_message_end(cws_connection *_Nonnull connection);

/* The three in one. Takes the message whole, or nothing of it: CWS_ERR_FULL when there is no room now, CWS_ERR_TOO_BIG
 * when there never is (more than max_output; send it in pieces), or an error of cws_message_begin or CWS_ERR_UTF8. Only
 * after CWS_ERR_MEMORY and CWS_ERR_RANDOM, nothing but to close the connection is left. */
int cws_send(cws_connection *_Nonnull connection, enum cws_opcode opcode, const uint8_t *_Nullable bytes, size_t len,
             enum cws_compression compression);

/* A ping of at most 125 bytes. 0 or a cws_error: CWS_ERR_FULL when there is no room now, CWS_ERR_STATE when the
 * connection isn't open. */
int cws_ping(cws_connection *_Nonnull connection, const uint8_t *_Nullable payload, size_t len);

/* Sends a close frame, whatever room there is; no message can be begun or gone on with after it. 0, also when the
 * connection isn't open any more (then nothing is sent), or a cws_error, and the connection is open still: that of
 * cws_close_encode, CWS_ERR_MEMORY or CWS_ERR_RANDOM. */
int cws_close(cws_connection *_Nonnull connection, const struct cws_close *_Nonnull close);

/* Whether there is room for some more of a message. */
bool cws_has_room(const cws_connection *_Nonnull connection);

/* Bytes to write to the transport, lent until the next call; then say how many it took. A short write needs no other
 * handling. */
size_t cws_output(const cws_connection *_Nonnull connection, const uint8_t *_Nullable *_Nonnull bytes);
void cws_wrote(cws_connection *_Nonnull connection, size_t len);

#endif
