/* The opening handshake: requests and responses of a stranger, lists of extensions, and both ends of our own.
 *
 * A head is the input as it is, or a right one whose last fields are the input, so that these are looked at. */
#include "handshake_given.h"
#include "handshake_round.h"

/* The key of RFC 6455, section 1.3, and what it is to be answered with. */
#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define REQUEST                                                                                                        \
    "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"          \
    "Sec-WebSocket-Key: " KEY "\r\n"
#define RESPONSE                                                                                                       \
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"                                \
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"

/* The head that an input makes. */
static struct gathered make_head(const struct input *input, const char *beginning, bool whole)
{
    struct gathered bytes = {0};
    if (!whole)
        gather(&bytes, beginning, strlen(beginning));
    gather(&bytes, input->bytes, input->len);
    if (!whole)
        gather(&bytes, "\r\n\r\n", 4);
    return bytes;
}

/* ---- extensions ---- */

static bool is_token(const uint8_t *bytes, struct cws_http_span span, bool quoted)
{
    for (size_t i = 0; i < span.len; i++) {
        const uint8_t byte = bytes[span.at + i];
        const bool alphanumeric =
            (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
        if (byte == 0 || (!alphanumeric && !strchr(quoted ? "!#$%&'*+-.^_`|~\\" : "!#$%&'*+-.^_`|~", byte)))
            return false;
    }
    return span.len > 0;
}

/* Writes the parts as shortly as can be, values without quotes and escapes. What ended the list: END, or an error. */
static int list_again(const uint8_t *bytes, size_t len, struct gathered *to)
{
    struct cws_extension_reader reader = cws_extension_reader_at((struct cws_http_span){.at = 0, .len = (uint32_t)len});
    size_t before = 0;
    for (bool first = true;; first = false) {
        struct cws_extension_item item;
        const int part = cws_extension_next(bytes, &reader, &item);
        if (part == CWS_EXTENSION_END || part < 0) {
            REQUIRE(part == CWS_EXTENSION_END || part == CWS_HANDSHAKE_ERR_EXTENSIONS);
            REQUIRE(cws_extension_next(bytes, &reader, &item) == part);
            return part;
        }
        REQUIRE(item.name.at >= before && item.name.at + item.name.len <= len && is_token(bytes, item.name, false));
        REQUIRE(part == CWS_EXTENSION_PARAMETER || (part == CWS_EXTENSION_NAME && !item.has_value));
        if (!first || part == CWS_EXTENSION_PARAMETER)
            gather_byte(to, part == CWS_EXTENSION_NAME ? ',' : ';');
        gather(to, bytes + item.name.at, item.name.len);
        before = item.name.at + item.name.len;
        if (!item.has_value)
            continue;
        REQUIRE(item.value.at > before && item.value.at + item.value.len <= len && is_token(bytes, item.value, true));
        before = item.value.at + item.value.len;
        gather_byte(to, '=');
        const size_t begin = to->len;
        for (size_t i = 0; i < item.value.len; i++)
            if (bytes[item.value.at + i] != '\\')
                gather_byte(to, bytes[item.value.at + i]);
        gather_byte(to, 0);
        REQUIRE(to->bytes && cws_extension_value_is(bytes, &item, (const char *)to->bytes + begin));
        to->len--;
    }
}

static void fuzz_extensions(const struct input *input)
{
    uint8_t *bytes = exact_copy(input->bytes, input->len);
    struct gathered list = {0};
    struct gathered again = {0};
    const int end = list_again(bytes, input->len, &list);
    /* What was good before an error is a list as well. */
    if (list.bytes)
        REQUIRE(list_again(list.bytes, list.len, &again) == CWS_EXTENSION_END && is_same(&list, &again));
    REQUIRE(end == CWS_EXTENSION_END || input->len > 0);
    free(list.bytes);
    free(again.bytes);
    free(bytes);
}

/* ---- a stranger's request ---- */

static void check_request_error(const struct read_head *request, int error, const struct cws_server_answer *answer,
                                const struct cws_server_policy *policy)
{
    REQUIRE(is_untouched(answer, sizeof *answer));
    const int judged = cws_handshake_request_judge(request->bytes, &request->head);
    if (error <= CWS_HANDSHAKE_ERR_METHOD && error >= CWS_HANDSHAKE_ERR_KEY)
        REQUIRE(judged == error);
    else if (error == CWS_HANDSHAKE_ERR_PROTOCOLS || error == CWS_HANDSHAKE_ERR_EXTENSIONS)
        REQUIRE(judged == 0);
    else
        REQUIRE(error == CWS_HANDSHAKE_ERR_PROTOCOL_NAME ||
                (error == CWS_HANDSHAKE_ERR_WINDOW_BITS && !policy_is_legal(policy->deflate)));
    const char *reason = cws_handshake_error_reason(error);
    const struct headers none = {.count = 0};
    const struct cws_refusal refusal = {.status = cws_handshake_error_status(error),
                                        .reason = {.at = (const uint8_t *)reason, .len = strlen(reason)}};
    REQUIRE(refusal.status >= 400 && refusal.status <= 500 && refusal.reason.len > 0);
    check_refusal(&refusal, &none);
}

/* The key is 16 bytes in base64: 22 characters, the last one with 2 bits in it, and the padding. */
static void check_key(const struct read_head *request)
{
    const size_t at = cws_http_field_find(request->bytes, &request->head, "Sec-WebSocket-Key", 0);
    REQUIRE(at < request->head.field_count && request->head.fields[at].value.len == CWS_KEY_SIZE);
    const uint8_t *key = request->bytes + request->head.fields[at].value.at;
    const struct cws_http_span digits = {.at = 0, .len = 22};
    REQUIRE(is_token(key, digits, false) || memchr(key, '/', digits.len));
    REQUIRE(strchr("AQgw", key[21]) && memcmp(key + 22, "==", 2) == 0);
}

/* The response is one that our parser takes, and that is right for a client with this key. */
static void check_response(const struct cws_server_answer *answer, const struct cws_server_policy *policy)
{
    uint8_t written[WRITTEN_MAX];
    struct read_head response;
    const int size = cws_handshake_response_write(answer, policy, NULL, 0, written, sizeof written);
    REQUIRE(size > 0);
    uint8_t *block = read_head(&response, written, (size_t)size, true);
    REQUIRE(response.size == size && cws_http_upgrades_to(response.bytes, &response.head, "websocket"));
    struct cws_http_body body;
    REQUIRE(cws_http_response_body(response.bytes, &response.head, CWS_HTTP_ASKED_OTHER, &body) == 0);
    REQUIRE(body.kind == CWS_HTTP_BODY_NONE);
    free(block);
}

static void fuzz_request(struct input *input, uint8_t flags)
{
    const struct cws_deflate_policy deflate = take_policy(input);
    static const char *const lists[] = {"", "chat", "chat,superchat,procstar.1", "chat,b a"};
    const char *list = lists[take_option(input) % 4];
    const struct protocols known = protocols_from((struct cws_bytes){.at = (const uint8_t *)list, .len = strlen(list)});
    const struct cws_server_policy policy = {
        .protocols = known.list, .protocol_count = known.count, .deflate = flags & 16 ? &deflate : NULL};
    struct gathered bytes = make_head(input, REQUEST, flags & 4);
    REQUIRE(bytes.bytes);
    struct read_head request;
    uint8_t *block = read_head(&request, bytes.bytes, bytes.len, false);
    if (request.size > 0) {
        struct cws_server_answer answer;
        memset(&answer, UNTOUCHED, sizeof answer);
        const int error = cws_handshake_negotiate(request.bytes, &request.head, &policy, &answer);
        if (error < 0) {
            check_request_error(&request, error, &answer, &policy);
        } else {
            REQUIRE(error == 0 && cws_handshake_request_judge(request.bytes, &request.head) == 0);
            REQUIRE(cws_http_upgrades_to(request.bytes, &request.head, "websocket"));
            REQUIRE(answer.agreement.protocol >= -1 && answer.agreement.protocol < (int)known.count);
            check_key(&request);
            check_limits(&answer.agreement, policy.deflate);
            check_response(&answer, &policy);
        }
    }
    free(block);
    free(bytes.bytes);
}

/* ---- a stranger's response ---- */

static void check_agreement(const struct cws_agreement *agreement, const struct cws_client_offer *offer,
                            const struct read_head *response)
{
    const struct cws_http_head *head = &response->head;
    REQUIRE(head->status == 101 && cws_http_upgrades_to(response->bytes, head, "websocket"));
    const size_t field = cws_http_field_find(response->bytes, head, "Sec-WebSocket-Protocol", 0);
    REQUIRE(agreement->protocol >= -1 && agreement->protocol < (int)offer->protocol_count);
    REQUIRE((agreement->protocol < 0) == (field == head->field_count));
    if (agreement->protocol >= 0)
        REQUIRE(span_is(response, head->fields[field].value, offer->protocols[agreement->protocol]));
    const size_t extensions = cws_http_field_find(response->bytes, head, "Sec-WebSocket-Extensions", 0);
    REQUIRE(agreement->deflate == (extensions < head->field_count));
    if (!agreement->deflate)
        return;
    REQUIRE(offer->deflate);
    const struct cws_deflate_params *params = &agreement->deflate_params;
    const uint8_t client = offer->deflate->client_max_window_bits;
    const uint8_t server = offer->deflate->server_max_window_bits;
    REQUIRE(is_window(params->client_max_window_bits) && is_window(params->server_max_window_bits));
    REQUIRE(params->client_no_context_takeover || !offer->deflate->client_no_context_takeover);
    REQUIRE(params->server_no_context_takeover || !offer->deflate->server_no_context_takeover);
    REQUIRE(!is_window(client) || params->client_max_window_bits <= client);
    REQUIRE(!is_window(server) || params->server_max_window_bits <= server);
    REQUIRE(client != CWS_WINDOW_BITS_ABSENT || params->client_max_window_bits == CWS_WINDOW_BITS_MAX);
}

static void fuzz_response(struct input *input, uint8_t flags)
{
    const struct cws_deflate_terms terms = take_terms(input);
    const char *list = flags & 16 ? "chat,superchat" : "";
    const struct protocols known = protocols_from((struct cws_bytes){.at = (const uint8_t *)list, .len = strlen(list)});
    const struct cws_client_offer offer = {
        .protocols = known.list, .protocol_count = known.count, .deflate = flags & 8 ? &terms : NULL};
    struct gathered bytes = make_head(input, RESPONSE, flags & 4);
    REQUIRE(bytes.bytes);
    struct read_head response;
    uint8_t *block = read_head(&response, bytes.bytes, bytes.len, true);
    if (response.size > 0) {
        struct cws_handshake_key key;
        memcpy(key.text, KEY, CWS_KEY_SIZE);
        struct cws_agreement agreement;
        memset(&agreement, UNTOUCHED, sizeof agreement);
        const int error = cws_handshake_response_judge(response.bytes, &response.head, &offer, &key, &agreement);
        if (error == 0) {
            check_agreement(&agreement, &offer, &response);
        } else {
            REQUIRE(is_untouched(&agreement, sizeof agreement));
            REQUIRE(error == CWS_HANDSHAKE_ERR_HTTP_VERSION || error == CWS_HANDSHAKE_ERR_EXTENSIONS ||
                    cws_handshake_error_status(error) == 502);
            REQUIRE((error == CWS_HANDSHAKE_ERR_REFUSED) == (response.head.status != 101));
        }
    }
    free(block);
    free(bytes.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {.bytes = data, .len = size};
    const uint8_t flags = take_option(&input);
    switch (flags & 3) {
        case 0:
            fuzz_request(&input, flags);
            break;
        case 1:
            fuzz_response(&input, flags);
            break;
        case 2:
            fuzz_round(&input, flags);
            break;
        default:
            if (flags & 4)
                fuzz_refusal(&input);
            else
                fuzz_extensions(&input);
    }
    return 0;
}
