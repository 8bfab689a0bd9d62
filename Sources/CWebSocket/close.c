#include "cws_close.h"

#include "cws_utf8.h"

#include <string.h>

#define CODE_SIZE 2

static bool is_utf8(const uint8_t *bytes, size_t len)
{
    struct cws_utf8 text = {0};
    return cws_utf8_check(&text, bytes, len) == len && cws_utf8_is_complete(&text);
}

bool cws_close_code_is_valid(uint16_t code)
{
    return (code >= CWS_CLOSE_NORMAL && code <= CWS_CLOSE_UNSUPPORTED_DATA) ||
           (code >= CWS_CLOSE_INVALID_DATA && code <= CWS_CLOSE_BAD_GATEWAY) || (code >= 3000 && code <= 4999);
}

int cws_close_decode(const uint8_t *payload, size_t len, struct cws_close *out)
{
    if (len == 0) {
        *out = (struct cws_close){.code = CWS_CLOSE_NO_STATUS};
        return 0;
    }
    if (len < CODE_SIZE)
        return CWS_ERR_CLOSE_LENGTH;
    if (len > CWS_CONTROL_PAYLOAD_MAX)
        return CWS_ERR_CONTROL_TOO_LONG;

    struct cws_close close = {.code = (uint16_t)(payload[0] << 8 | payload[1]), .reason_len = len - CODE_SIZE};
    if (!cws_close_code_is_valid(close.code))
        return CWS_ERR_CLOSE_CODE;
    if (close.reason_len > 0)
        close.reason = payload + CODE_SIZE;
    if (!is_utf8(payload + CODE_SIZE, close.reason_len))
        return CWS_ERR_UTF8;
    *out = close;
    return 0;
}

int cws_close_encode(const struct cws_close *close, uint8_t payload[CWS_CONTROL_PAYLOAD_MAX])
{
    if (close->code == CWS_CLOSE_NO_STATUS)
        return 0;
    if (!cws_close_code_is_valid(close->code))
        return CWS_ERR_CLOSE_CODE;

    size_t len = 0;
    if (close->reason) {
        len = close->reason_len;
        if (!is_utf8(close->reason, len))
            return CWS_ERR_UTF8;
        if (len > CWS_CLOSE_REASON_MAX) {
            /* Back to where a character begins, which is where the one before ends. */
            len = CWS_CLOSE_REASON_MAX;
            while ((close->reason[len] & 0xc0) == 0x80)
                len--;
        }
        memcpy(payload + CODE_SIZE, close->reason, len);
    }
    payload[0] = (uint8_t)(close->code >> 8);
    payload[1] = (uint8_t)close->code;
    return (int)(CODE_SIZE + len);
}
