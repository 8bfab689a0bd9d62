/* A client and a server, and somebody between them who changes, drops, repeats and forges bytes. */
#ifndef FUZZ_TLS_DIALOGUE_H
#define FUZZ_TLS_DIALOGUE_H

#include "tls_ends.h"

/* What goes one way. */
struct way {
    struct end *_Nonnull from;
    struct end *_Nonnull to;
    struct gathered last; /* bytes that were given */
    bool touched;         /* somebody was at it */
    size_t most;          /* plaintext that can come at all */
    size_t capacity;      /* for a decryption */
};

static void carry(struct way *_Nonnull way, size_t len)
{
    way->last.len = 0;
    fetch(way->from, len, &way->last);
    if (way->last.len > 0)
        give(way->to, way->last.bytes, way->last.len, way->capacity);
}

/* Carries all until nothing is left. */
static void carry_all(struct way ways[_Nonnull 2])
{
    while (cws_tls_output_size(ways[0].from->tls) + cws_tls_output_size(ways[1].from->tls) > 0) {
        carry(&ways[0], SIZE_MAX);
        carry(&ways[1], SIZE_MAX);
    }
}

/* From now on nothing of what is encrypted later can arrive, if the records are protected already. */
static void touch(struct way *_Nonnull way, bool for_good)
{
    way->touched = true;
    if (for_good && cws_tls_version(way->to->tls) && way->from->sent.len < way->most)
        way->most = way->from->sent.len;
}

static void change(struct way *_Nonnull way, struct input *_Nonnull input)
{
    const size_t at = take_first(input) | (size_t)take_first(input) << 8;
    const uint8_t by = take_first(input);
    way->last.len = 0;
    fetch(way->from, SIZE_MAX, &way->last);
    if (way->last.len == 0)
        return;
    if (by > 0) {
        way->last.bytes[at % way->last.len] ^= by;
        touch(way, true);
    }
    give(way->to, way->last.bytes, way->last.len, way->capacity);
}

static void drop(struct way *_Nonnull way, size_t len)
{
    way->last.len = 0;
    fetch(way->from, len, &way->last);
    if (way->last.len > 0)
        touch(way, true);
    /* Or they would only be late. */
    way->last.len = 0;
}

static void forge(struct way *_Nonnull way, struct input *_Nonnull input, bool as_record)
{
    const size_t wanted = take_first(input);
    const size_t len = wanted < input->len ? wanted : input->len;
    struct gathered bytes = {0};
    if (as_record) {
        /* Change of cipher, alert, handshake, data. */
        const uint8_t head[] = {20 + (take_first(input) & 3), 3, 3, 0, (uint8_t)len};
        gather(&bytes, head, sizeof head);
    }
    const size_t there = len < input->len ? len : input->len;
    gather(&bytes, input->bytes, there);
    input->bytes += there;
    input->len -= there;
    if (bytes.len > 0) {
        REQUIRE(bytes.bytes);
        touch(way, false);
        give(way->to, bytes.bytes, bytes.len, way->capacity);
    }
    free(bytes.bytes);
}

static void operate(struct way ways[_Nonnull 2], struct input *_Nonnull input)
{
    const uint8_t operation = take_first(input);
    struct way *way = &ways[operation & 1];
    switch (operation >> 1 & 7) {
        case 0:
            carry(way, operation & 0x80 ? SIZE_MAX : take_first(input));
            break;
        case 1:
            change(way, input);
            break;
        case 2:
            drop(way, take_first(input));
            break;
        case 3:
            forge(way, input, false);
            break;
        case 4:
            forge(way, input, true);
            break;
        case 5:
            speak(way->from, operation & 0x80 ? take_first(input) * (size_t)200 : take_first(input));
            break;
        case 6:
            if (way->last.len > 0) {
                touch(way, false);
                give(way->to, way->last.bytes, way->last.len, way->capacity);
            }
            break;
        default:
            ask_to_close(way->from);
    }
}

static void check_way(const struct way *_Nonnull way, bool untouched)
{
    const struct end *to = way->to;
    REQUIRE(begins_with(&way->from->sent, &to->come) && to->come.len <= way->most);
    const enum cws_tls_state state = cws_tls_state_of(to->tls);
    if (untouched)
        REQUIRE(to->come.len == way->from->sent.len);
    const bool clean = state == CWS_TLS_PEER_CLOSED || state == CWS_TLS_CLOSED;
    const int ended = cws_tls_eof(to->tls);
    REQUIRE(clean ? ended == 0 : is_error(ended) && cws_tls_state_of(to->tls) == CWS_TLS_FAILED);
    if (clean)
        REQUIRE(to->come.len == way->from->sent.len);
    check_end(to);
}

static void fuzz_dialogue(struct input *_Nonnull input, uint8_t flags)
{
    const uint8_t which = take_option(input);
    struct end client = open_end(made.clients[which & 3], true, "localhost");
    struct end server = open_end(made.servers[which >> 2 & 3], false, "");
    const size_t capacity = flags & 8 ? take_option(input) + (size_t)1 : 20000;
    struct way ways[2] = {{.from = &client, .to = &server, .most = SIZE_MAX, .capacity = capacity},
                          {.from = &server, .to = &client, .most = SIZE_MAX, .capacity = capacity}};
    if (flags & 4)
        carry_all(ways);
    while (input->len > 0)
        operate(ways, input);
    carry_all(ways);
    const bool failed =
        cws_tls_state_of(client.tls) == CWS_TLS_FAILED || cws_tls_state_of(server.tls) == CWS_TLS_FAILED;
    const bool untouched = !ways[0].touched && !ways[1].touched;
    /* Whom the server wants a certificate of and who has none. */
    REQUIRE(!untouched || failed == ((which & 2) && ((which >> 2 & 3) == 0 || (which >> 2 & 3) == 3)));
    for (size_t i = 0; i < 2; i++)
        check_way(&ways[i], untouched && !failed);
    for (size_t i = 0; i < 2; i++)
        free(ways[i].last.bytes);
    close_end(&client);
    close_end(&server);
}

#endif
