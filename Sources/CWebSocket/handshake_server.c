/* The server's side, reading: sections 4.2.1 and 4.2.2 of RFC 6455. */
#include "handshake_syntax.h"
#include "http_syntax.h"

static bool has_body(const uint8_t *buf, const struct cws_http_head *head)
{
    struct cws_http_body body;
    if (cws_http_request_body(buf, head, &body) < 0)
        return true;
    return body.kind != CWS_HTTP_BODY_NONE && !(body.kind == CWS_HTTP_BODY_LENGTH && body.length == 0);
}

static int judge_http(const uint8_t *buf, const struct cws_http_head *head)
{
    if (!cws_bytes_are(bytes_of(buf, head->method), "GET"))
        return CWS_HANDSHAKE_ERR_METHOD;
    if (head->minor_version == 0)
        return CWS_HANDSHAKE_ERR_HTTP_VERSION;
    if (head->authority.len == 0)
        return CWS_HANDSHAKE_ERR_HOST_EMPTY;
    /* What follows the head would be a body to whoever stands before us, and frames to us. */
    if (has_body(buf, head))
        return CWS_HANDSHAKE_ERR_BODY;
    if (!cws_http_has_token(buf, head, "upgrade", "websocket"))
        return CWS_HANDSHAKE_ERR_UPGRADE;
    return cws_http_has_token(buf, head, "connection", "upgrade") ? 0 : CWS_HANDSHAKE_ERR_CONNECTION;
}

static int judge_request(const uint8_t *buf, const struct cws_http_head *head, struct cws_bytes *key)
{
    int error = judge_http(buf, head);
    if (error < 0)
        return error;
    struct cws_bytes version;
    error = cws_only_field(buf, head, "sec-websocket-version", CWS_HANDSHAKE_ERR_VERSION_MISSING,
                           CWS_HANDSHAKE_ERR_VERSION_REPEATED, &version);
    if (error < 0)
        return error;
    if (!cws_bytes_are(version, "13"))
        return CWS_HANDSHAKE_ERR_VERSION;
    error = cws_only_field(buf, head, "sec-websocket-key", CWS_HANDSHAKE_ERR_KEY_MISSING,
                           CWS_HANDSHAKE_ERR_KEY_REPEATED, key);
    if (error < 0)
        return error;
    return cws_key_is_canonical(*key) ? 0 : CWS_HANDSHAKE_ERR_KEY;
}

int cws_handshake_request_judge(const uint8_t *buf, const struct cws_http_head *head)
{
    struct cws_bytes key;
    return judge_request(buf, head, &key);
}

/* Section 4.1 has the client's subprotocols unique, which is not checked: that would take the square of their number,
 * and the choice is the same. */
static int choose_protocol(const uint8_t *buf, const struct cws_http_head *head, const struct cws_server_policy *policy,
                           int *protocol)
{
    static const char field[] = "sec-websocket-protocol";
    const size_t first = cws_http_field_find(buf, head, field, 0);
    size_t members = 0;
    *protocol = -1;
    for (size_t i = first; i < head->field_count; i = cws_http_field_find(buf, head, field, i + 1)) {
        const struct cws_http_span value = head->fields[i].value;
        const size_t end = (size_t)value.at + value.len;
        size_t at = value.at;
        while (at < end) {
            const struct cws_bytes member = bytes_of(buf, cws_http_list_member(buf, at, end, &at));
            if (member.len == 0)
                continue;
            if (!cws_is_token(member))
                return CWS_HANDSHAKE_ERR_PROTOCOLS;
            members++;
            const int index = cws_protocol_index(policy->protocols, policy->protocol_count, member);
            if (index >= 0 && (*protocol < 0 || index < *protocol))
                *protocol = index;
        }
    }
    return first < head->field_count && members == 0 ? CWS_HANDSHAKE_ERR_PROTOCOLS : 0;
}

int cws_handshake_negotiate(const uint8_t *buf, const struct cws_http_head *head,
                            const struct cws_server_policy *policy, struct cws_server_answer *out)
{
    if (policy->deflate && !cws_deflate_policy_is_legal(policy->deflate))
        return CWS_HANDSHAKE_ERR_WINDOW_BITS;
    int error = cws_check_protocols(policy->protocols, policy->protocol_count);
    if (error < 0)
        return error;
    struct cws_bytes key;
    error = judge_request(buf, head, &key);
    if (error < 0)
        return error;

    struct cws_server_answer answer = {.agreement = {.protocol = -1}};
    error = choose_protocol(buf, head, policy, &answer.agreement.protocol);
    if (error < 0)
        return error;
    const int chosen = cws_deflate_choose(buf, head, policy->deflate, &answer.deflate_terms);
    if (chosen < 0)
        return chosen;
    if (chosen > 0) {
        answer.agreement.deflate = true;
        answer.agreement.deflate_params = cws_deflate_params_of(&answer.deflate_terms);
    }
    if (cws_key_accept(key.at, answer.accept) < 0)
        return CWS_HANDSHAKE_ERR_CRYPTO;
    *out = answer;
    return 0;
}
