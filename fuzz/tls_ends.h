/* Sessions, held to the contracts of cws_tls.h with every call. */
#ifndef FUZZ_TLS_ENDS_H
#define FUZZ_TLS_ENDS_H

#include "tls_made.h"

struct end {
    cws_tls *_Nonnull tls;
    bool is_client;
    bool close_asked;
    struct gathered sent; /* plaintext that was encrypted */
    struct gathered come; /* plaintext that was decrypted */
};

static bool is_printable(const char *_Nonnull text)
{
    for (; *text; text++) {
        if (*text < ' ' || *text > '~')
            return false;
    }
    return true;
}

static bool is_error(ptrdiff_t result)
{
    return result <= CWS_TLS_ERR_MEMORY && result >= CWS_TLS_ERR_FLOOD;
}

static struct end open_end(cws_tls_context *_Nonnull context, bool is_client, const char *_Nonnull host)
{
    cws_tls *tls = NULL;
    REQUIRE(cws_tls_new(context, is_client ? host : NULL, &tls) == 0 && tls);
    REQUIRE((cws_tls_output_size(tls) > 0) == is_client);
    return (struct end){.tls = tls, .is_client = is_client};
}

static void close_end(struct end *_Nonnull end)
{
    cws_tls_free(end->tls);
    free(end->sent.bytes);
    free(end->come.bytes);
}

static void check_knowledge(const struct end *_Nonnull end, enum cws_tls_state state)
{
    const char *version = cws_tls_version(end->tls);
    const char *cipher = cws_tls_cipher(end->tls);
    const bool verified = cws_tls_peer_is_verified(end->tls);
    char *subject = (char *)exact_block(9);
    const size_t len = cws_tls_peer_subject(end->tls, subject, 9);
    REQUIRE(len < 9 && strlen(subject) == len && is_printable(subject) &&
            cws_tls_peer_subject(end->tls, subject, 0) == 0);
    free(subject);
    REQUIRE((version == NULL) == (cipher == NULL));
    if (version)
        REQUIRE(strcmp(version, "TLSv1.2") == 0 || strcmp(version, "TLSv1.3") == 0);
    else
        REQUIRE(!verified && len == 0 && !cws_tls_alpn_agreed(end->tls));
    if (state == CWS_TLS_FAILED)
        return;
    REQUIRE((state == CWS_TLS_HANDSHAKE) == (version == NULL));
    if (version)
        REQUIRE(verified || !end->is_client);
}

static void check_end(const struct end *_Nonnull end)
{
    const enum cws_tls_state state = cws_tls_state_of(end->tls);
    const char *reason = cws_tls_reason(end->tls);
    REQUIRE((state == CWS_TLS_FAILED) == (*reason != '\0') && is_printable(reason));
    if (state == CWS_TLS_OPEN || state == CWS_TLS_PEER_CLOSED)
        REQUIRE(!end->close_asked);
    if (state == CWS_TLS_WE_CLOSED || state == CWS_TLS_CLOSED)
        REQUIRE(end->close_asked);
    const uint8_t *bytes = NULL;
    const size_t front = cws_tls_output(end->tls, &bytes);
    const size_t waiting = cws_tls_output_size(end->tls);
    REQUIRE(front <= waiting && (front == 0) == (waiting == 0) && (front == 0 || bytes));
    REQUIRE(waiting <= CWS_TLS_OUTPUT_MAX && cws_tls_size(end->tls) >= waiting);
    REQUIRE(waiting > 0 || cws_tls_size(end->tls) < 1024);
    check_knowledge(end, state);
}

/* Gives it bytes of the transport. 0, or the session's error. */
static int give(struct end *_Nonnull end, const uint8_t *_Nonnull bytes, size_t len, size_t capacity)
{
    uint8_t *copy = exact_copy(bytes, len);
    uint8_t *out = exact_block(capacity);
    size_t at = 0;
    ptrdiff_t got;
    do {
        size_t taken = SIZE_MAX;
        got = cws_tls_decrypt(end->tls, copy + at, len - at, &taken, out, capacity);
        REQUIRE(taken <= len - at && got <= (ptrdiff_t)capacity);
        at += taken;
        if (got > 0)
            gather(&end->come, out, (size_t)got);
    } while (got > 0);
    if (got < 0) {
        size_t taken = SIZE_MAX;
        REQUIRE(is_error(got) && cws_tls_state_of(end->tls) == CWS_TLS_FAILED);
        REQUIRE(cws_tls_decrypt(end->tls, copy, len, &taken, out, capacity) == got && taken == 0);
        REQUIRE(cws_tls_encrypt(end->tls, copy, len) == got && cws_tls_eof(end->tls) == got);
    } else {
        REQUIRE(at == len);
    }
    free(copy);
    free(out);
    check_end(end);
    return (int)got;
}

/* Takes at most `len` bytes out of its output. */
static void fetch(struct end *_Nonnull end, size_t len, struct gathered *_Nonnull to)
{
    const size_t waiting = cws_tls_output_size(end->tls);
    size_t left = len < waiting ? len : waiting;
    while (left > 0) {
        const uint8_t *bytes = NULL;
        const size_t there = cws_tls_output(end->tls, &bytes);
        const size_t some = there < left ? there : left;
        REQUIRE(some > 0);
        gather(to, bytes, some);
        cws_tls_wrote(end->tls, some);
        left -= some;
    }
    REQUIRE(cws_tls_output_size(end->tls) == waiting - (len < waiting ? len : waiting));
    check_end(end);
}

/* Encrypts bytes of which no few are like others. */
static void speak(struct end *_Nonnull end, size_t len)
{
    const enum cws_tls_state state = cws_tls_state_of(end->tls);
    uint8_t *plain = exact_block(len);
    for (size_t i = 0; i < len; i++) {
        const size_t position = end->sent.len + i;
        plain[i] = (uint8_t)(position * 167 + (position >> 8) * 59 + (end->is_client ? 85U : 0));
    }
    const ptrdiff_t taken = cws_tls_encrypt(end->tls, plain, len);
    REQUIRE(taken <= (ptrdiff_t)len && (taken >= 0 || is_error(taken)));
    if (state == CWS_TLS_FAILED)
        REQUIRE(taken < 0);
    else if (end->close_asked)
        REQUIRE(taken == CWS_TLS_ERR_CLOSED);
    else if (state == CWS_TLS_HANDSHAKE)
        REQUIRE(taken == 0);
    else
        REQUIRE(taken >= 0);
    if (taken > 0)
        gather(&end->sent, plain, (size_t)taken);
    free(plain);
    check_end(end);
}

static void ask_to_close(struct end *_Nonnull end)
{
    cws_tls_close(end->tls);
    end->close_asked = true;
    check_end(end);
}

#endif
