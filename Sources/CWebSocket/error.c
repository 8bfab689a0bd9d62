/* What the errors of the frames mean to people and to the peer. */
#include "cws_close.h"

const char *cws_error_reason(enum cws_error error)
{
    switch (error) {
        case CWS_ERR_RESERVED_BITS:
            return "reserved bits set in a frame that no extension allows them in";
        case CWS_ERR_OPCODE:
            return "unknown opcode";
        case CWS_ERR_FRAGMENTED_CONTROL:
            return "fragmented control frame";
        case CWS_ERR_CONTROL_TOO_LONG:
            return "control frame of more than 125 bytes";
        case CWS_ERR_LENGTH_ENCODING:
            return "length of a frame not in its shortest form";
        case CWS_ERR_UNMASKED:
            return "unmasked frame from a client";
        case CWS_ERR_MASKED:
            return "masked frame from a server";
        case CWS_ERR_TOO_BIG:
            return "frame or message above the limit";
        case CWS_ERR_UTF8:
            return "text that is not UTF-8";
        case CWS_ERR_CLOSE_LENGTH:
            return "close frame with half a code";
        case CWS_ERR_CLOSE_CODE:
            return "close frame with a code that may not be sent";
        case CWS_ERR_DEFLATE:
            return "compressed message that can't be decompressed";
        case CWS_ERR_MEMORY:
            return "out of memory";
        case CWS_ERR_CONTINUATION:
            return "continuation of a message that hasn't begun";
        case CWS_ERR_UNFINISHED:
            return "message begun within another";
        case CWS_ERR_STATE:
            return "not possible in this state of the connection";
        case CWS_ERR_FULL:
            return "no room in the output";
        case CWS_ERR_RANDOM:
            return "no random bytes to be had from the system";
    }
    return "unknown error";
}

uint16_t cws_error_close_code(enum cws_error error)
{
    switch (error) {
        case CWS_ERR_TOO_BIG:
            return CWS_CLOSE_TOO_BIG;
        case CWS_ERR_UTF8:
        case CWS_ERR_DEFLATE:
            return CWS_CLOSE_INVALID_DATA;
        case CWS_ERR_RESERVED_BITS:
        case CWS_ERR_OPCODE:
        case CWS_ERR_FRAGMENTED_CONTROL:
        case CWS_ERR_CONTROL_TOO_LONG:
        case CWS_ERR_LENGTH_ENCODING:
        case CWS_ERR_UNMASKED:
        case CWS_ERR_MASKED:
        case CWS_ERR_CLOSE_LENGTH:
        case CWS_ERR_CLOSE_CODE:
        case CWS_ERR_CONTINUATION:
        case CWS_ERR_UNFINISHED:
            break;
        case CWS_ERR_MEMORY:
        case CWS_ERR_STATE:
        case CWS_ERR_FULL:
        case CWS_ERR_RANDOM:
            return CWS_CLOSE_INTERNAL_ERROR;
    }
    return CWS_CLOSE_PROTOCOL_ERROR;
}
