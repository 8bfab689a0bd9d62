/* RFC 6455, the HTTP/1.1 around it and the TLS below it in C: bytes in, bytes and events out. No I/O, no clock, no
 * callback. */
#ifndef CWEBSOCKET_H
#define CWEBSOCKET_H

#include "cws_agreement.h"
#include "cws_close.h"
#include "cws_connection.h"
#include "cws_deflate.h"
#include "cws_extensions.h"
#include "cws_frame.h"
#include "cws_handshake.h"
#include "cws_http.h"
#include "cws_tls.h"
#include "cws_utf8.h"

#endif
