/* Closing: the codes of RFC 6455, section 7.4, and the payload of a close frame. */
#ifndef CWS_CLOSE_H
#define CWS_CLOSE_H

#include "cws_frame.h"

/* Section 7.4.1 and IANA's WebSocket Close Code Number Registry. */
enum cws_close_code {
    CWS_CLOSE_NORMAL = 1000,
    CWS_CLOSE_GOING_AWAY = 1001,
    CWS_CLOSE_PROTOCOL_ERROR = 1002,
    CWS_CLOSE_UNSUPPORTED_DATA = 1003,
    CWS_CLOSE_NO_STATUS = 1005, /* stands for an empty payload; never sent */
    CWS_CLOSE_ABNORMAL = 1006,  /* stands for a connection that broke; never sent */
    CWS_CLOSE_INVALID_DATA = 1007,
    CWS_CLOSE_POLICY_VIOLATION = 1008,
    CWS_CLOSE_TOO_BIG = 1009,
    CWS_CLOSE_MANDATORY_EXTENSION = 1010,
    CWS_CLOSE_INTERNAL_ERROR = 1011,
    CWS_CLOSE_SERVICE_RESTART = 1012,
    CWS_CLOSE_TRY_AGAIN_LATER = 1013,
    CWS_CLOSE_BAD_GATEWAY = 1014,
    CWS_CLOSE_TLS_HANDSHAKE = 1015, /* stands for a handshake that failed; never sent */
};

/* What a close payload has room for beside the code. */
#define CWS_CLOSE_REASON_MAX (CWS_CONTROL_PAYLOAD_MAX - 2)

struct cws_close {
    uint16_t code;                   /* CWS_CLOSE_NO_STATUS for an empty payload */
    const uint8_t *_Nullable reason; /* UTF-8 within the payload; NULL when there is none */
    size_t reason_len;
};

/* Whether `code` may stand in a close frame: one that the registry has for
 * that, or one of 3000-4999, which are for libraries and applications. */
bool cws_close_code_is_valid(uint16_t code);

/* Reads an unmasked, whole payload. 0, or a cws_error, with `*out` as it was. */
int cws_close_decode(const uint8_t *_Nonnull payload, size_t len, struct cws_close *_Nonnull out);

/* Writes a payload. Its size, or a cws_error, with nothing written: the code
 * is not valid or the reason not UTF-8. CWS_CLOSE_NO_STATUS makes an empty
 * payload, without a reason. A reason that is too long is cut after a character. */
int cws_close_encode(const struct cws_close *_Nonnull close, uint8_t payload[_Nonnull CWS_CONTROL_PAYLOAD_MAX]);

/* Why, in English: a lower-case clause without full stop, for the life of the program. */
const char *_Nonnull cws_error_reason(enum cws_error error);

/* The code to close with after `error`. */
uint16_t cws_error_close_code(enum cws_error error);

#endif
