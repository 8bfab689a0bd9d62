#include "cws_http.h"

struct meaning {
    uint16_t status;
    const char *reason;
};

static struct meaning meaning_of(enum cws_http_error error)
{
    switch (error) {
        case CWS_HTTP_ERR_BARE_CR:
            return (struct meaning){400, "a CR stands without LF"};
        case CWS_HTTP_ERR_BARE_LF:
            return (struct meaning){400, "an LF stands without CR"};
        case CWS_HTTP_ERR_CONTROL:
            return (struct meaning){400, "a line holds a control character"};
        case CWS_HTTP_ERR_START_LINE_TOO_LONG:
            return (struct meaning){414, "the first line is too long"};
        case CWS_HTTP_ERR_FIELD_TOO_LONG:
            return (struct meaning){431, "a field is too long"};
        case CWS_HTTP_ERR_HEAD_TOO_LONG:
            return (struct meaning){431, "the fields are too long together"};
        case CWS_HTTP_ERR_TOO_MANY_FIELDS:
            return (struct meaning){431, "there are too many fields"};
        case CWS_HTTP_ERR_START_LINE:
            return (struct meaning){400, "the first line has not the three parts it needs"};
        case CWS_HTTP_ERR_METHOD:
            return (struct meaning){400, "the method is not a token"};
        case CWS_HTTP_ERR_TARGET:
            return (struct meaning){400, "the request target is not one for its method"};
        case CWS_HTTP_ERR_NOT_HTTP:
            return (struct meaning){400, "this is not HTTP"};
        case CWS_HTTP_ERR_VERSION:
            return (struct meaning){505, "the version is neither HTTP/1.0 nor HTTP/1.1"};
        case CWS_HTTP_ERR_STATUS:
            return (struct meaning){502, "the status is not a number from 100 to 599"};
        case CWS_HTTP_ERR_FIELD_NAME:
            return (struct meaning){400, "a field's name is not a token followed by a colon"};
        case CWS_HTTP_ERR_SPACE_BEFORE_COLON:
            return (struct meaning){400, "whitespace stands before a field's colon"};
        case CWS_HTTP_ERR_FOLDED:
            return (struct meaning){400, "a line starts with whitespace"};
        case CWS_HTTP_ERR_HOST:
            return (struct meaning){400, "Host is not a host with an optional port"};
        case CWS_HTTP_ERR_HOST_MISSING:
            return (struct meaning){400, "Host is missing"};
        case CWS_HTTP_ERR_HOST_REPEATED:
            return (struct meaning){400, "Host is there more than once"};
        case CWS_HTTP_ERR_EXPECTATION:
            return (struct meaning){417, "Expect asks for more than 100-continue"};
        case CWS_HTTP_ERR_LENGTH:
            return (struct meaning){400, "Content-Length is not a plain number"};
        case CWS_HTTP_ERR_LENGTH_REPEATED:
            return (struct meaning){400, "Content-Length is there more than once"};
        case CWS_HTTP_ERR_LENGTH_TOO_LARGE:
            return (struct meaning){413, "Content-Length has more than 63 bits"};
        case CWS_HTTP_ERR_LENGTH_AND_CODING:
            return (struct meaning){400, "Content-Length and Transfer-Encoding are both there"};
        case CWS_HTTP_ERR_CODING:
            return (struct meaning){501, "Transfer-Encoding is not exactly \"chunked\""};
        case CWS_HTTP_ERR_CODING_VERSION:
            return (struct meaning){400, "HTTP/1.0 has no Transfer-Encoding"};
        case CWS_HTTP_ERR_CHUNK_SIZE:
            return (struct meaning){400, "a chunk's size is not a hexadecimal number"};
        case CWS_HTTP_ERR_CHUNK_END:
            return (struct meaning){400, "a chunk's data does not end where its size says"};
        case CWS_HTTP_ERR_EXTENSIONS_TOO_LONG:
            return (struct meaning){400, "the chunks' extensions are too long together"};
        case CWS_HTTP_ERR_BODY_TOO_LARGE:
            return (struct meaning){413, "the body is too large"};
    }
    return (struct meaning){500, "unknown HTTP error"};
}

const char *cws_http_error_reason(int error)
{
    return meaning_of((enum cws_http_error)error).reason;
}

uint16_t cws_http_error_status(int error)
{
    return meaning_of((enum cws_http_error)error).status;
}
