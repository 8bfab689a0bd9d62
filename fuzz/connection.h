/* What both modes of ConnectionFuzz share. */
#ifndef FUZZ_CONNECTION_H
#define FUZZ_CONNECTION_H

#include "cws_connection.h"
#include "input.h"

enum { TAG_BEGIN = 0xf0, TAG_END = 0xf8, TAG_CONTROL = 0xfc };

/* What came, with control frames or without. */
struct log {
    struct gathered bytes;
    bool messages_only;
};

/* Writes down an event, in such a way that it doesn't matter which pieces a message came in. */
static void record(struct log *_Nonnull to, const struct cws_event *_Nonnull event)
{
    struct gathered *log = &to->bytes;
    REQUIRE(event->len == 0 || event->data);
    if (event->kind != CWS_EVENT_MESSAGE) {
        if (to->messages_only)
            return;
        gather_byte(log, (uint8_t)(TAG_CONTROL + event->kind - CWS_EVENT_PING));
        gather(log, &event->close_code, sizeof event->close_code);
        gather_byte(log, (uint8_t)event->len);
        gather(log, event->data, event->len);
        return;
    }
    REQUIRE(event->len > 0 || event->last);
    if (event->first)
        gather_byte(log, TAG_BEGIN + event->opcode);
    gather(log, event->data, event->len);
    if (event->last)
        gather_byte(log, TAG_END);
}

/* Gives the connection bytes that lie in a block of exactly their size. The error, or 0. */
static int receive(cws_connection *_Nonnull connection, const uint8_t *_Nonnull data, size_t len,
                   struct log *_Nonnull log)
{
    uint8_t *block = exact_copy(data, len);
    size_t at = 0;
    int error = 0;
    struct cws_event event = {.kind = CWS_EVENT_PONG};
    while (!error && event.kind != CWS_EVENT_NONE) {
        size_t taken = 0;
        error = cws_receive(connection, block + at, len - at, &taken, &event);
        REQUIRE(taken <= len - at);
        at += taken;
        if (event.kind != CWS_EVENT_NONE)
            record(log, &event);
    }
    REQUIRE(error ? cws_connection_state(connection) == CWS_STATE_FAILED : at == len);
    free(block);
    return error;
}

static struct cws_connection_config configuration(uint8_t flags, bool any_window)
{
    struct cws_connection_config config = {.role = flags & 1 ? CWS_ROLE_SERVER : CWS_ROLE_CLIENT,
                                           .whole_messages = flags & 2,
                                           .max_frame = flags & 0x40 ? 200 : UINT64_MAX,
                                           .max_message = flags & 0x80 ? 300 : 1U << 20};
    config.agreement.protocol = -1;
    config.agreement.deflate = flags & 4;
    config.agreement.deflate_params =
        (struct cws_deflate_params){.client_no_context_takeover = flags & 8,
                                    .server_no_context_takeover = flags & 8,
                                    .client_max_window_bits = any_window ? 8 + (flags >> 4 & 7) : 15,
                                    .server_max_window_bits = any_window ? 15 - (flags >> 4 & 7) : 15};
    return config;
}

#endif
