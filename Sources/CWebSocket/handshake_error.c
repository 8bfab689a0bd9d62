#include "cws_handshake.h"

struct meaning {
    uint16_t status;
    const char *reason;
};

static struct meaning meaning_of(enum cws_handshake_error error)
{
    switch (error) {
        case CWS_HANDSHAKE_ERR_TOO_SMALL:
            return (struct meaning){500, "the message does not fit the buffer"};
        case CWS_HANDSHAKE_ERR_CRYPTO:
            return (struct meaning){500, "OpenSSL has no random bytes or no SHA-1"};
        case CWS_HANDSHAKE_ERR_HOST:
            return (struct meaning){500, "the host to ask is not a host with an optional port"};
        case CWS_HANDSHAKE_ERR_TARGET:
            return (struct meaning){500, "the target to ask for is not a path with an optional query"};
        case CWS_HANDSHAKE_ERR_PROTOCOL_NAME:
            return (struct meaning){500, "a subprotocol of our own is not a token or is there twice"};
        case CWS_HANDSHAKE_ERR_HEADER_NAME:
            return (struct meaning){500, "a header's name is not a token"};
        case CWS_HANDSHAKE_ERR_HEADER_VALUE:
            return (struct meaning){500, "a header's value holds a control character"};
        case CWS_HANDSHAKE_ERR_HEADER_RESERVED:
            return (struct meaning){500, "a header is one that the handshake itself writes"};
        case CWS_HANDSHAKE_ERR_WINDOW_BITS:
            return (struct meaning){500, "window bits of our own are not from 8 to 15"};
        case CWS_HANDSHAKE_ERR_STATUS:
            return (struct meaning){500, "the status is not one to refuse with"};
        case CWS_HANDSHAKE_ERR_REASON:
            return (struct meaning){500, "the reason phrase holds a control character"};
        case CWS_HANDSHAKE_ERR_METHOD:
            return (struct meaning){405, "the method is not GET"};
        case CWS_HANDSHAKE_ERR_HTTP_VERSION:
            return (struct meaning){400, "HTTP/1.0 cannot switch protocols"};
        case CWS_HANDSHAKE_ERR_HOST_EMPTY:
            return (struct meaning){400, "Host is empty"};
        case CWS_HANDSHAKE_ERR_BODY:
            return (struct meaning){400, "a request for a WebSocket has no body"};
        case CWS_HANDSHAKE_ERR_UPGRADE:
            return (struct meaning){426, "Upgrade does not ask for websocket"};
        case CWS_HANDSHAKE_ERR_CONNECTION:
            return (struct meaning){400, "Connection does not ask for the upgrade"};
        case CWS_HANDSHAKE_ERR_VERSION_MISSING:
            return (struct meaning){400, "Sec-WebSocket-Version is missing"};
        case CWS_HANDSHAKE_ERR_VERSION_REPEATED:
            return (struct meaning){400, "Sec-WebSocket-Version is there more than once"};
        case CWS_HANDSHAKE_ERR_VERSION:
            return (struct meaning){426, "Sec-WebSocket-Version is not 13"};
        case CWS_HANDSHAKE_ERR_KEY_MISSING:
            return (struct meaning){400, "Sec-WebSocket-Key is missing"};
        case CWS_HANDSHAKE_ERR_KEY_REPEATED:
            return (struct meaning){400, "Sec-WebSocket-Key is there more than once"};
        case CWS_HANDSHAKE_ERR_KEY:
            return (struct meaning){400, "Sec-WebSocket-Key is not 16 bytes in base64"};
        case CWS_HANDSHAKE_ERR_PROTOCOLS:
            return (struct meaning){400, "Sec-WebSocket-Protocol is not a list of tokens"};
        case CWS_HANDSHAKE_ERR_EXTENSIONS:
            return (struct meaning){400, "Sec-WebSocket-Extensions is not a list of extensions"};
        case CWS_HANDSHAKE_ERR_REFUSED:
            return (struct meaning){502, "the server refused: its status is not 101"};
        case CWS_HANDSHAKE_ERR_NOT_UPGRADED:
            return (struct meaning){502, "the server's Upgrade is not websocket"};
        case CWS_HANDSHAKE_ERR_NOT_IN_CONNECTION:
            return (struct meaning){502, "the server's Connection has no upgrade"};
        case CWS_HANDSHAKE_ERR_OTHER_VERSION:
            return (struct meaning){502, "the server's Sec-WebSocket-Version has no 13"};
        case CWS_HANDSHAKE_ERR_ACCEPT_MISSING:
            return (struct meaning){502, "Sec-WebSocket-Accept is missing"};
        case CWS_HANDSHAKE_ERR_ACCEPT_REPEATED:
            return (struct meaning){502, "Sec-WebSocket-Accept is there more than once"};
        case CWS_HANDSHAKE_ERR_ACCEPT:
            return (struct meaning){502, "Sec-WebSocket-Accept answers another key"};
        case CWS_HANDSHAKE_ERR_PROTOCOL_REPEATED:
            return (struct meaning){502, "the server chose a subprotocol more than once"};
        case CWS_HANDSHAKE_ERR_PROTOCOL_NOT_OFFERED:
            return (struct meaning){502, "the server chose a subprotocol that was not offered"};
        case CWS_HANDSHAKE_ERR_EXTENSION_NOT_OFFERED:
            return (struct meaning){502, "the server chose an extension that was not offered"};
        case CWS_HANDSHAKE_ERR_EXTENSION_REPEATED:
            return (struct meaning){502, "the server chose an extension more than once"};
        case CWS_HANDSHAKE_ERR_DEFLATE_PARAMETER:
            return (struct meaning){502, "the server gave permessage-deflate a parameter or a value that it has not"};
        case CWS_HANDSHAKE_ERR_DEFLATE_TERMS:
            return (struct meaning){502, "the server set terms for permessage-deflate that the offer does not allow"};
    }
    return (struct meaning){500, "unknown handshake error"};
}

const char *cws_handshake_error_reason(int error)
{
    return meaning_of((enum cws_handshake_error)error).reason;
}

uint16_t cws_handshake_error_status(int error)
{
    return meaning_of((enum cws_handshake_error)error).status;
}
