/* The list in Sec-WebSocket-Extensions, as section 9.1 of RFC 6455 writes it: names, each with its parameters.
 *
 *     permessage-deflate; client_max_window_bits; server_max_window_bits="10", x-other
 *
 * Nothing is allocated; the parts are handed out one by one. Whitespace may stand around `,`, `;` and `=`, and members
 * may be empty (section 5.6.1 of RFC 9110). All else is as the grammar has it or an error. */
#ifndef CWS_EXTENSIONS_H
#define CWS_EXTENSIONS_H

#include "cws_http.h"

enum cws_extension_part {
    CWS_EXTENSION_END,
    CWS_EXTENSION_NAME,      /* another extension begins */
    CWS_EXTENSION_PARAMETER, /* of the extension named last */
};

struct cws_extension_item {
    struct cws_http_span name;
    bool has_value;             /* never in CWS_EXTENSION_NAME */
    struct cws_http_span value; /* without its quotes; a backslash in it is to be left out (quoted-pair) */
};

/* The place in one field's value; the fields are private. */
struct cws_extension_reader {
    size_t at;
    size_t end;
    bool inside; /* an extension, after its name or a parameter */
};

/* Starts with a field's value in the buffer that is then given to cws_extension_next. */
struct cws_extension_reader cws_extension_reader_at(struct cws_http_span value);

/* Returns the cws_extension_part that comes next, which `*item` then describes but at the end; or
 * CWS_HANDSHAKE_ERR_EXTENSIONS, in every later call as well, with `*item` as it was. */
int cws_extension_next(const uint8_t *_Nonnull buf, struct cws_extension_reader *_Nonnull reader,
                       struct cws_extension_item *_Nonnull item);

/* Whether the parameter has this value; case counts. */
bool cws_extension_value_is(const uint8_t *_Nonnull buf, const struct cws_extension_item *_Nonnull item,
                            const char *_Nonnull text);

#endif
