/* The server's side, writing: section 4.2.2 of RFC 6455. */
#include "handshake_syntax.h"

/* ---- 101 ---- */

static void put_response(struct cws_writer *writer, const struct cws_server_answer *answer,
                         const struct cws_server_policy *policy, const struct cws_header *headers, size_t header_count)
{
    cws_put_text(writer, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                         "Sec-WebSocket-Accept: ");
    cws_put(writer, (struct cws_bytes){.at = answer->accept, .len = CWS_ACCEPT_SIZE});
    cws_put_text(writer, "\r\n");
    if (answer->agreement.protocol >= 0) {
        cws_put_text(writer, "Sec-WebSocket-Protocol: ");
        cws_put(writer, policy->protocols[answer->agreement.protocol]);
        cws_put_text(writer, "\r\n");
    }
    if (answer->agreement.deflate) {
        cws_put_text(writer, "Sec-WebSocket-Extensions: ");
        cws_put_deflate(writer, &answer->deflate_terms);
        cws_put_text(writer, "\r\n");
    }
    cws_put_headers(writer, headers, header_count);
    cws_put_text(writer, "\r\n");
}

int cws_handshake_response_write(const struct cws_server_answer *answer, const struct cws_server_policy *policy,
                                 const struct cws_header *headers, size_t header_count, uint8_t *buf, size_t size)
{
    /* With another policy than was negotiated with, at least nothing outside of it is read. */
    const int protocol = answer->agreement.protocol;
    if (protocol >= 0 && ((size_t)protocol >= policy->protocol_count || !cws_is_token(policy->protocols[protocol])))
        return CWS_HANDSHAKE_ERR_PROTOCOL_NAME;
    const int error = cws_check_headers(headers, header_count);
    if (error < 0)
        return error;
    struct cws_writer counter = {0};
    put_response(&counter, answer, policy, headers, header_count);
    if (!cws_writer_fits(&counter, size))
        return CWS_HANDSHAKE_ERR_TOO_SMALL;
    struct cws_writer writer = {.buf = buf};
    put_response(&writer, answer, policy, headers, header_count);
    return (int)writer.len;
}

/* ---- refusals ---- */

/* What a status needs that RFC 9110 defines it with: sections 15.5.6, and 15.5.22 with 7.8. */
static const char *fields_of(uint16_t status)
{
    switch (status) {
        case 405:
            return "Connection: close\r\nAllow: GET\r\n";
        case 426:
            return "Connection: close, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
        default:
            return "Connection: close\r\n";
    }
}

static void put_refusal(struct cws_writer *writer, const struct cws_refusal *refusal)
{
    cws_put_text(writer, "HTTP/1.1 ");
    cws_put_number(writer, refusal->status);
    cws_put_text(writer, " ");
    cws_put(writer, refusal->reason);
    cws_put_text(writer, "\r\n");
    cws_put_text(writer, fields_of(refusal->status));
    if (refusal->text.len > 0)
        cws_put_text(writer, "Content-Type: text/plain; charset=utf-8\r\n");
    cws_put_text(writer, "Content-Length: ");
    cws_put_number(writer, refusal->text.len);
    cws_put_text(writer, "\r\n");
    cws_put_headers(writer, refusal->headers, refusal->header_count);
    cws_put_text(writer, "\r\n");
    cws_put(writer, refusal->text);
}

int cws_handshake_refusal_write(const struct cws_refusal *refusal, uint8_t *buf, size_t size)
{
    if (refusal->status < 300 || refusal->status > 599 || refusal->status == 304)
        return CWS_HANDSHAKE_ERR_STATUS;
    if (!cws_is_line(refusal->reason))
        return CWS_HANDSHAKE_ERR_REASON;
    const int error = cws_check_headers(refusal->headers, refusal->header_count);
    if (error < 0)
        return error;
    struct cws_writer counter = {0};
    put_refusal(&counter, refusal);
    if (!cws_writer_fits(&counter, size))
        return CWS_HANDSHAKE_ERR_TOO_SMALL;
    struct cws_writer writer = {.buf = buf};
    put_refusal(&writer, refusal);
    return (int)writer.len;
}
