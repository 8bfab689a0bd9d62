/* What the opening handshake settles and the frames then depend on. */
#ifndef CWS_AGREEMENT_H
#define CWS_AGREEMENT_H

#include <stdbool.h>
#include <stdint.h>

/* What both ends agreed on about permessage-deflate (RFC 7692, section 7.1). */
struct cws_deflate_params {
    bool client_no_context_takeover;
    bool server_no_context_takeover;
    uint8_t client_max_window_bits; /* 8-15 */
    uint8_t server_max_window_bits; /* 8-15 */
};

struct cws_agreement {
    int protocol;                             /* index into the caller's list of subprotocols, or -1 */
    bool deflate;                             /* whether permessage-deflate is in use */
    struct cws_deflate_params deflate_params; /* defined when it is */
};

#endif
